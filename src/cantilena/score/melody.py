"""The line that is sung: one part, one voice, one verse, in the order of performance.

Conventions
-----------
Beats are quarter notes, exact fractions, counted from the first beat that sounds in the expanded song (a pickup
starts at 0). Pitches are sounding pitches: transposition and octave clefs are already applied. What is not sung is
told in ``findings``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from cantilena.findings import Finding
from cantilena.score.tempo import TempoMap

Syllabic = Literal["single", "begin", "middle", "end"]
Articulation = Literal["staccato", "staccatissimo", "spiccato", "tenuto", "detached-legato", "accent", "strong-accent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as the score writes it, its syllables joined.

    Attributes
    ----------
    text : str
        Cleaned for looking up: no hyphens at syllable borders, no punctuation, straight apostrophes, no verse
        number; ``""`` never occurs. ``"mm"`` for humming.
    syllables : tuple of str
        The cleaned syllables in order; ``"".join(syllables) == text``.
    part, measure : str
        Where the word begins, as printed.
    language : str or None
        ``xml:lang`` of the lyric, when the score gives one.
    """

    text: str
    syllables: tuple[str, ...]
    part: str
    measure: str
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Syllable:
    """Syllable ``index`` of ``word``, sung on the note that holds it."""

    word: Word
    index: int
    original: str
    """As the score writes it, for display."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MelodyNote:
    """One sung note, ties merged.

    Attributes
    ----------
    id : int
        Position in ``Melody.notes``; travels with everything that is made of the note.
    onset, duration : Fraction
        Beats; duration > 0. Notes never overlap; a gap between two notes is a rest.
    midi : float
        Sounding pitch, 60 = C4.
    syllables : tuple of Syllable
        Usually one; two or more at an elision; none when the note continues the vowel before it (melisma).
    measure : str
        Number as printed.
    verse : str
        The lyric line sung here.
    articulations : frozenset of str
        As MusicXML names them.
    slurred : bool
        A slur leads into this note from the one before.
    breath_after : bool
        A breath mark or caesura stands after the note.
    grace : bool
        Written as a grace note (its time is already stolen from its neighbour).
    """

    id: int
    onset: Fraction
    duration: Fraction
    midi: float
    syllables: tuple[Syllable, ...]
    measure: str
    verse: str
    articulations: frozenset[Articulation] = frozenset()
    slurred: bool = False
    breath_after: bool = False
    grace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicPoint:
    """Loudness asked for by the score at one beat.

    Attributes
    ----------
    onset : Fraction
        Beats.
    level : float
        dB relative to *mezzo-forte*.
    ramp : bool
        True: the level moves linearly in time from the point before to this one (a hairpin ends here);
        False: the level jumps here.
    """

    onset: Fraction
    level: float
    ramp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Melody:
    """Everything the singing pipeline needs to know of a score.

    Attributes
    ----------
    part_id, part : str
        Id and printed name of the sung part.
    notes : tuple of MelodyNote
        In order, at least one.
    tempo_map : TempoMap
        Beats to seconds over the expanded song, fermatas and ritardandi included.
    dynamics : tuple of DynamicPoint
        In order of onset; empty when the score gives none.
    duration : Fraction
        Beats of the whole expanded song, trailing rests included.
    findings : tuple of Finding
        What is in the score and not sung, and what was repaired.
    """

    part_id: str
    part: str
    notes: tuple[MelodyNote, ...]
    tempo_map: TempoMap
    dynamics: tuple[DynamicPoint, ...]
    duration: Fraction
    findings: tuple[Finding, ...]
