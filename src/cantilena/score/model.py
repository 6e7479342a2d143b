"""A score as it is written: parts, measures, notes, lyrics, marks; what is sung of it is in ``melody``.

Conventions
-----------
Onsets and durations are beats (quarter notes), exact; onsets count from the start of the measure. Pitches sound as
written here: transposition is applied, and an octave clef needs no applying, since MusicXML's pitches already have it.
Notes, lyrics and marks are named tuples: a score has thousands of them, and they cost a third of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

from cantilena.findings import Finding
from cantilena.score.melody import Articulation, Syllabic
from cantilena.score.tempo import TempoMap

LyricKind = Literal["text", "humming", "laughing"]
Extend = Literal["", "line", "start", "continue", "stop"]
NoteKind = Literal["note", "rest", "unpitched"]


class Lyric(NamedTuple):
    """One verse under one note.

    Attributes
    ----------
    verse : str
        Label of the line: its number, else its name, else "1".
    syllables : tuple of (str, Syllabic or None)
        Text as written and its syllabic (None where not given); several at an elision.
    extend : {"", "line", "start", "continue", "stop"}
        A line is drawn after the syllable; "line" where its end is not marked.
    kind : {"text", "humming", "laughing"}
    language : str or None
        ``xml:lang``.
    """

    verse: str
    syllables: tuple[tuple[str, Syllabic | None], ...]
    extend: Extend
    kind: LyricKind
    language: str | None


class Grace(NamedTuple):
    """How a grace note takes its time."""

    slash: bool
    from_previous: bool


class NoteMarks(NamedTuple):
    """What stands at a note; shared by all notes that have nothing."""

    articulations: frozenset[Articulation] = frozenset()
    slur_starts: tuple[str, ...] = ()
    slur_stops: tuple[str, ...] = ()
    breath_after: bool = False
    fermata: bool = False
    unsung: tuple[str, ...] = ()
    """Ornaments and slides, by their MusicXML names: the plain note is sung."""


NO_MARKS = NoteMarks()


class Note(NamedTuple):
    """A note or a rest of one voice.

    Attributes
    ----------
    onset, duration : Fraction
        Beats from the start of the measure; a grace note lasts 0.
    midi : float
        Sounding pitch, fractional for microtones; 0 for what has none.
    kind : {"note", "rest", "unpitched"}
    voice : str
        Label as written.
    staff : int
        From 1.
    chord : bool
        Sounds together with the note before it in the measure.
    grace : Grace or None
    tie_start, tie_stop : bool
    cue : bool
        Written small: another way to sing or play it.
    hidden : bool
        Written without a head.
    marks : NoteMarks
    lyrics : tuple of Lyric
        At most one for each verse.
    """

    onset: Fraction
    duration: Fraction
    midi: float
    kind: NoteKind
    voice: str
    staff: int
    chord: bool
    grace: Grace | None
    tie_start: bool
    tie_stop: bool
    cue: bool
    hidden: bool
    marks: NoteMarks
    lyrics: tuple[Lyric, ...]


DynamicKind = Literal["level", "crescendo", "diminuendo", "stop"]


class DynamicMark(NamedTuple):
    """A dynamic sign, the start of a hairpin (or of a word that means one), or its end.

    Attributes
    ----------
    measure : int
        Index.
    onset : Fraction
        Beats from the start of the measure.
    staff : int or None
        None: of the whole part.
    kind : {"level", "crescendo", "diminuendo", "stop"}
    level : float
        dB relative to mezzo-forte; for a level only.
    after : float or None
        Level that is reached right after, as in *fp*.
    drawn : bool
        A hairpin, whose end is drawn too; a word lasts to the next sign.
    """

    measure: int
    onset: Fraction
    staff: int | None
    kind: DynamicKind
    level: float = 0.0
    after: float | None = None
    drawn: bool = False


TempoKind = Literal["set", "ramp", "factor", "back", "first"]


class TempoMark(NamedTuple):
    """A mark that changes the tempo.

    Attributes
    ----------
    measure : int
        Index.
    onset : Fraction
        Beats from the start of the measure.
    kind : {"set", "ramp", "factor", "back", "first"}
        A tempo of its own; *rit.* or *accel.*; *più mosso*; *a tempo*; *Tempo I*.
    value : float
        Quarter notes a minute for "set", else a factor on the tempo so far; unused for "back" and "first".
    text : str
        As written, for display.
    numeric : bool
        A number of the score, not a word's usual tempo.
    """

    measure: int
    onset: Fraction
    kind: TempoKind
    value: float
    text: str
    numeric: bool


class FermataMark(NamedTuple):
    """A note that is held longer than written."""

    measure: int
    onset: Fraction
    duration: Fraction


@dataclass(slots=True)
class Navigation:
    """Repeats, endings and jumps at one measure, those of all parts together."""

    forward: bool = False
    backward: int | None = None
    """How often the section is played in all."""
    ending: tuple[int, ...] = ()
    """Numbers of the ending that begins here."""
    ending_stops: bool = False
    ending_open: bool = False
    """The bracket of the ending that stops here has no hook at its end ("discontinue")."""
    segno: set[str] = field(default_factory=set)
    coda: set[str] = field(default_factory=set)
    to_coda: bool = False
    fine: bool = False
    da_capo: bool = False
    dal_segno: str | None = None
    jump_at_start: bool = False
    """The jump is known from words alone, which stand at the very start of the measure."""


class Measure(NamedTuple):
    """A measure of the whole score.

    Attributes
    ----------
    number : str
        As printed.
    length : Fraction
        Beats that its longest part fills.
    """

    number: str
    length: Fraction


class Visit(NamedTuple):
    """One measure in the order of performance.

    Attributes
    ----------
    measure : int
        Index.
    turn : int
        How often its section has been begun, this time included: 2 on the second pass.
    section : int
        Index of the stretch between two repeat signs.
    in_ending : bool
    onset : Fraction
        Beats from the start of the song.
    """

    measure: int
    turn: int
    section: int
    in_ending: bool
    onset: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, as listed.

    Attributes
    ----------
    id, name : str
        The name is the id where the score prints none.
    measures : tuple of tuple of Note
        Notes of each measure in the order they are written, all voices together.
    streams : mapping of (staff, voice) to (notes, lyric notes)
        How much each voice of each staff has to sing.
    dynamics : tuple of DynamicMark
        In order.
    stretches : mapping of int to Fraction
        By index of the measure: how much longer it lasts than its notes say, where the part has a time signature of
        its own beside a longer one.
    """

    id: str
    name: str
    measures: tuple[tuple[Note, ...], ...]
    streams: Mapping[tuple[int, str], tuple[int, int]]
    dynamics: tuple[DynamicMark, ...]
    stretches: Mapping[int, Fraction] = field(default_factory=dict)

    @property
    def has_lyrics(self) -> bool:
        return any(lyric_notes for _, lyric_notes in self.streams.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score as read, and the order in which it is performed.

    Attributes
    ----------
    title, composer : str or None
    parts : tuple of Part
        From the top; may be empty.
    measures : tuple of Measure
    tempo_marks : tuple of TempoMark
        In the order of the measures, those of all parts together.
    visits : tuple of Visit
        The measures in the order of performance.
    duration : Fraction
        Beats of the whole performance.
    tempo_map : TempoMap
        Over the performance, fermatas and ritardandi included.
    findings : tuple of Finding
        What was repaired or ignored while reading.
    """

    title: str | None
    composer: str | None
    parts: tuple[Part, ...]
    measures: tuple[Measure, ...]
    tempo_marks: tuple[TempoMark, ...]
    visits: tuple[Visit, ...]
    duration: Fraction
    tempo_map: TempoMap
    findings: tuple[Finding, ...]
