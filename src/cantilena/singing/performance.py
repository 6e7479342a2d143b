"""From a melody in beats to a performance in seconds: what sounds when, and where the singer breathes.

Conventions
-----------
Articulations and breaths shorten the sounding time of a note and never move an onset. A rest shorter than
``MIN_REST_SECONDS`` is sung over. A phrase ends at a rest, at a breath mark, and where articulation alone leaves a
gap longer than the longest breath (slow staccato; quicker staccato stays inside its phrase). A phrase longer than
``MAX_PHRASE_SECONDS`` is divided where that is heard least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from cantilena.errors import ScoreError
from cantilena.findings import Finding
from cantilena.score.melody import Melody, MelodyNote, Syllable
from cantilena.singing.dynamics import shape_loudness
from cantilena.singing.phrase import Performance, PerformedNote, Phrase

MIN_REST_SECONDS: Final = 0.06
"""A shorter rest is not heard as one."""
SHORTEST_BREATH_SECONDS: Final = 0.15
LONGEST_BREATH_SECONDS: Final = 0.3
"""What a breath mark takes off its note, depending on the note's length."""
MAX_PHRASE_SECONDS: Final = 20.0
"""Nobody sings longer on one breath, and models are not trained on longer phrases."""
MIN_SOUNDING_SECONDS: Final = 0.09
"""No articulation makes a note shorter than this: its syllable would be gone."""
SHORTEST_SYLLABLE_SECONDS: Final = 0.06
"""A shorter note can hardly carry a syllable."""

_SOUNDING: Final = {"staccato": 0.5, "staccatissimo": 0.35, "spiccato": 0.35, "detached-legato": 0.8}
_PORTATO: Final = 0.8  # a staccato dot under a slur or a tenuto line
_BREATH_OF_NOTE: Final = 0.25
_MIN_PART_SECONDS: Final = (5.0, 3.0)  # of what is left before and after a division
_PUNCTUATION: Final = tuple(",.;:!?)\u2014\u2013\u2026")

_Notes = Sequence[PerformedNote]


def perform(melody: Melody, *, transpose: int = 0, tempo: float = 1.0) -> Performance:
    """Put a melody into seconds and gather its notes into phrases.

    Parameters
    ----------
    melody : Melody
        What is sung.
    transpose : int
        Semitones added to every note.
    tempo : float > 0
        Factor on the score's tempo.

    Returns
    -------
    Performance
        At least one phrase; its findings are the melody's and those of this step.

    Raises
    ------
    ScoreError
        ``score_no_lyrics`` when no note has a word to sing.
    """

    def seconds(beats: Fraction) -> float:
        return melody.tempo_map.beats_to_seconds(beats) / tempo

    sung = _with_words(melody)
    breaths = tuple(_breaths(_slots(sung, seconds), transpose))
    parts = [part for breath in breaths for part in _divide(breath)]
    phrases = tuple(_to_phrases(parts, part=melody.part))
    findings = (
        *_wordless_beginning(melody, sung),
        *_too_short(phrases, melody.part),
        *_divided(breaths, melody.part),
    )
    return Performance(
        part=melody.part,
        phrases=phrases,
        loudness=shape_loudness(melody, phrases, seconds),
        duration=round(phrases[-1].offset, 6),
        findings=melody.findings + findings,
    )


def _with_words(melody: Melody) -> tuple[MelodyNote, ...]:
    """The notes from the first syllable on: nothing says which vowel those before it should have."""
    for first, note in enumerate(melody.notes):
        if note.syllables:
            return melody.notes[first:]
    raise ScoreError(
        "score_no_lyrics",
        f"No note of the part {melody.part} has a word to sing.",
        hint="Sing it on a syllable with --vocalise la, or choose another --part.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """The time a note has, in seconds, before articulation; ``end`` is the next onset unless a rest comes first."""

    note: MelodyNote
    onset: float
    end: float
    rest_follows: bool


def _slots(notes: Sequence[MelodyNote], seconds: Callable[[Fraction], float]) -> list[_Slot]:
    slots = []
    for note, after in zip(notes, (*notes[1:], None), strict=True):
        onset, end = seconds(note.onset), seconds(note.onset + note.duration)
        next_onset = seconds(after.onset) if after is not None else math.inf
        rest_follows = next_onset - end >= MIN_REST_SECONDS
        slots.append(_Slot(note=note, onset=onset, end=end if rest_follows else next_onset, rest_follows=rest_follows))
    return slots


def _breaths(slots: Sequence[_Slot], transpose: int) -> Iterator[_Notes]:
    """Runs of notes that are sung on one breath."""
    run: list[PerformedNote] = []
    for slot, after in zip(slots, (*slots[1:], None), strict=True):
        run.append(_perform_note(slot, after, transpose))
        gap = after.onset - run[-1].offset if after is not None else math.inf
        if slot.rest_follows or slot.note.breath_after or gap > LONGEST_BREATH_SECONDS:
            yield run
            run = []


def _perform_note(slot: _Slot, after: _Slot | None, transpose: int) -> PerformedNote:
    note = slot.note
    slurred_on = after is not None and after.note.slurred and not slot.rest_follows
    offset = _sounding_end(slot, slurred_on=slurred_on)
    if note.breath_after and after is not None:
        offset = min(offset, after.onset - _breath_seconds(after.onset - slot.onset))
    return PerformedNote(
        id=note.id,
        onset=slot.onset,
        offset=offset,
        midi=note.midi + transpose,
        syllables=note.syllables,
        slurred=note.slurred or not note.syllables,
        measure=note.measure,
    )


def _sounding_end(slot: _Slot, *, slurred_on: bool) -> float:
    marks = slot.note.articulations
    share = min((_SOUNDING[mark] for mark in marks if mark in _SOUNDING), default=1.0)
    if "staccato" in marks and (slurred_on or "tenuto" in marks):
        share = _PORTATO
    if share == 1.0:
        return slot.end  # exactly, so that neighbours touch
    return min(slot.onset + max(share * (slot.end - slot.onset), MIN_SOUNDING_SECONDS), slot.end)


def _breath_seconds(available: float) -> float:
    """Length of a breath before which a note has ``available`` seconds: never more than half of them."""
    wanted = min(max(_BREATH_OF_NOTE * available, SHORTEST_BREATH_SECONDS), LONGEST_BREATH_SECONDS)
    return min(wanted, 0.5 * available)


def _divide(run: _Notes) -> Iterator[_Notes]:
    """Parts of a run that are short enough to be sung on one breath."""
    while run[-1].offset - run[0].onset > MAX_PHRASE_SECONDS:
        part, run = _divide_once(run)
        yield part
    yield run


def _divide_once(run: _Notes) -> tuple[_Notes, _Notes]:
    begin, end = run[0].onset, run[-1].offset
    earliest = begin + _MIN_PART_SECONDS[0]
    latest = min(begin + MAX_PHRASE_SECONDS, end - _MIN_PART_SECONDS[1])
    places = [k for k in range(1, len(run)) if earliest <= run[k].onset <= latest]
    if not places:
        return _divide_note(run, 0.5 * (earliest + latest))
    even = begin + (end - begin) / math.ceil((end - begin) / MAX_PHRASE_SECONDS)  # in as few parts as can be
    best = max(places, key=lambda k: _ease_of_division(run, k) - abs(run[k].onset - even) / MAX_PHRASE_SECONDS)
    before, rest = run[:best], run[best:]
    if _begins_word(rest[0]):
        available = rest[0].onset - before[-1].onset
        offset = min(before[-1].offset, rest[0].onset - min(SHORTEST_BREATH_SECONDS, _BREATH_OF_NOTE * available))
        before = (*before[:-1], replace(before[-1], offset=offset))
    return before, rest


def _divide_note(run: _Notes, at: float) -> tuple[_Notes, _Notes]:
    """Divide within the long note that sounds at a moment; its vowel is taken up again."""
    k = max(k for k, note in enumerate(run) if note.onset < at)
    held = run[k]
    again = replace(held, onset=at, syllables=(), slurred=True)
    return (*run[:k], replace(held, offset=at)), (again, *run[k + 1 :])


def _ease_of_division(run: _Notes, k: int) -> float:
    """How little a breath between notes ``k - 1`` and ``k`` is heard: the end of a clause, a word, a long note."""
    before, after = run[k - 1], run[k]
    ease = min(after.onset - before.onset, 2.0)
    if after.syllables:
        ease += 1.0
    if _begins_word(after):
        ease += 3.0
        ease += 3.0 if _ends_clause(run[:k]) else 0.0
    return ease


def _begins_word(note: PerformedNote) -> bool:
    return bool(note.syllables) and note.syllables[0].index == 0


def _ends_clause(notes: _Notes) -> bool:
    last = _last_syllable(notes)
    return last is not None and last.original.rstrip().endswith(_PUNCTUATION)


def _last_syllable(notes: _Notes) -> Syllable | None:
    return next((note.syllables[-1] for note in reversed(notes) if note.syllables), None)


def _to_phrases(parts: Iterable[_Notes], *, part: str) -> Iterator[Phrase]:
    offset = 0.0
    syllable: Syllable | None = None
    for index, notes in enumerate(parts):
        first = replace(notes[0], slurred=False)
        yield Phrase(
            index=index,
            notes=(first, *notes[1:]),
            breath_before=max(0.0, first.onset - offset),
            carried_vowel=None if first.syllables else syllable,
            part=part,
        )
        offset = notes[-1].offset
        syllable = _last_syllable(notes) or syllable


def _wordless_beginning(melody: Melody, sung: Sequence[MelodyNote]) -> Iterator[Finding]:
    n_left_out = len(melody.notes) - len(sung)
    if n_left_out:
        yield Finding(
            code="notes_without_words",
            message=f"{_count(n_left_out, 'note')} before the first word left out: there is no vowel to sing on.",
            part=melody.part,
            measure=melody.notes[0].measure,
            hint="Give them lyrics, or sing the part on a syllable with --vocalise.",
        )


def _too_short(phrases: Sequence[Phrase], part: str) -> Iterator[Finding]:
    short = [
        note
        for phrase in phrases
        for note in phrase.notes
        if note.syllables and note.offset - note.onset < SHORTEST_SYLLABLE_SECONDS
    ]
    if short:
        seconds = min(note.offset - note.onset for note in short)
        yield Finding(
            code="note_too_short",
            message=f"{_count(len(short), 'note')} too short for words to be understood, the shortest "
            f"{1000 * seconds:.0f} ms long.",
            part=part,
            measure=short[0].measure,
            hint="Sing slower with --tempo, or spread the words over longer notes.",
        )


def _divided(breaths: Sequence[_Notes], part: str) -> Iterator[Finding]:
    long = [run for run in breaths if run[-1].offset - run[0].onset > MAX_PHRASE_SECONDS]
    if long:
        yield Finding(
            code="phrase_divided",
            message=f"{_count(len(long), 'phrase')} of more than {MAX_PHRASE_SECONDS:.0f} s without a rest or breath "
            "mark divided for breath.",
            part=part,
            measure=long[0][0].measure,
            hint="Set breath marks or rests where the breath should be.",
        )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
