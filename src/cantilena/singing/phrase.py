"""What is sung and when: notes in seconds, gathered into phrases, the unit of inference.

Conventions
-----------
Seconds count from the score's first beat; the lead-in before it is added when the track is laid out. While a phrase is
sung they count from its own first onset (:func:`in_own_clock`), so that it sounds the same wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cantilena.findings import Finding
from cantilena.score.melody import Syllable


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformedNote:
    """A note as it sounds.

    Attributes
    ----------
    id : int
        That of the :class:`~cantilena.score.melody.MelodyNote`.
    onset, offset : float
        Seconds; staccato, breath and the like are already taken off the offset.
    midi : float
        Sounding pitch, transposition by option included.
    syllables : tuple of Syllable
        Empty: the vowel before goes on. The first note of a phrase may be empty too, when a word was torn by a
        rest: its last vowel is then sung again.
    slurred : bool
        A slur or melisma leads here: the pitch glides more slowly.
    measure : str
        As printed.
    """

    id: int
    onset: float
    offset: float
    midi: float
    syllables: tuple[Syllable, ...]
    slurred: bool
    measure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Notes between two rests or breaths; contiguous: each note's onset is the offset of the one before, except
    where an articulation shortened that one by less than a breath.

    Attributes
    ----------
    index : int
        From 0, in order.
    notes : tuple of PerformedNote
        At least one.
    breath_before : float
        Seconds of silence before the phrase in which a breath may be heard; 0 when there is none.
    carried_vowel : Syllable or None
        When the first note has no syllable of its own: the syllable whose vowel it takes up again.
    part : str
        Printed name of the part, for messages.
    """

    index: int
    notes: tuple[PerformedNote, ...]
    breath_before: float
    carried_vowel: Syllable | None
    part: str

    @property
    def onset(self) -> float:
        return self.notes[0].onset

    @property
    def offset(self) -> float:
        return self.notes[-1].offset


def in_own_clock(phrase: Phrase) -> Phrase:
    """The phrase with its first onset at 0, to the microsecond."""
    return replace(shifted(phrase, -phrase.onset), breath_before=round(phrase.breath_before, 6))


def shifted(phrase: Phrase, seconds: float) -> Phrase:
    """The same phrase, later by ``seconds``, to the microsecond."""
    notes = tuple(
        replace(note, onset=round(note.onset + seconds, 6), offset=round(note.offset + seconds, 6))
        for note in phrase.notes
    )
    return replace(phrase, notes=notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoudnessPoint:
    """Gain at one moment; the gain moves linearly in dB between two points.

    Attributes
    ----------
    time : float
        Seconds.
    gain : float
        dB relative to mezzo-forte.
    """

    time: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A song in seconds.

    Attributes
    ----------
    part : str
        Printed name of the part.
    phrases : tuple of Phrase
        In order, at least one.
    loudness : tuple of LoudnessPoint
        In order of time; empty: no dynamics.
    duration : float
        Seconds from the first beat to the end of the last note (rests after it are not sung).
    findings : tuple of Finding
        Everything the score's reading and this step had to tell.
    """

    part: str
    phrases: tuple[Phrase, ...]
    loudness: tuple[LoudnessPoint, ...]
    duration: float
    findings: tuple[Finding, ...]
