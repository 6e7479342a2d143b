"""Notes on their way from the page to the melody: ties merged, grace notes given time, slurs followed.

Conventions
-----------
Grace notes sound on the beat: they take their time from the note that follows them and begin its syllable, a slashed
one an eighth of a beat, another one a quarter, all together at most half of that note. Those with no note after them,
or marked so (``steal-time-previous``), take it from the note before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from cantilena.score.line_notes import WrittenNote
from cantilena.score.model import NO_MARKS, Lyric, NoteMarks, Visit

SLASHED: Final = Fraction(1, 8)
UNSLASHED: Final = Fraction(1, 4)
"""Beats that a grace note takes, where there is room."""


@dataclass(slots=True)
class SungNote:
    """A note of the performance; times in beats of the performance, a grace note's duration 0 until it is placed."""

    onset: Fraction
    duration: Fraction
    written: WrittenNote
    measure: str
    visit: Visit
    lyrics: list[Lyric] = field(default_factory=list)
    dropped: bool = False

    @property
    def offset(self) -> Fraction:
        return self.onset + self.duration


def merge_ties(notes: Sequence[SungNote]) -> list[SungNote]:
    """Tied notes as one; a note with words of its own begins anew, whatever the tie says."""
    merged: list[SungNote] = []
    for note in notes:
        before = merged[-1] if merged else None
        if before is not None and _is_held(before, note):
            before.duration += note.duration
            before.written = before.written._replace(
                marks=_joined_marks(before.written.marks, note.written.marks), tie_start=note.written.tie_start
            )
        else:
            merged.append(note)
    return merged


def _is_held(before: SungNote, note: SungNote) -> bool:
    return (
        before.written.tie_start
        and note.written.tie_stop
        and not note.lyrics
        and before.written.midi == note.written.midi
        and not before.written.grace
        and not note.written.grace
        and note.onset == before.offset
    )


def _joined_marks(first: NoteMarks, second: NoteMarks) -> NoteMarks:
    if first is second is NO_MARKS:
        return NO_MARKS
    within = set(first.slur_starts) & set(second.slur_stops)
    return NoteMarks(
        articulations=first.articulations | second.articulations,
        slur_starts=tuple(slur for slur in (*first.slur_starts, *second.slur_starts) if slur not in within),
        slur_stops=tuple(slur for slur in (*first.slur_stops, *second.slur_stops) if slur not in within),
        breath_after=second.breath_after,
        fermata=first.fermata or second.fermata,
        unsung=(*first.unsung, *second.unsung),
    )


def place_graces(notes: Sequence[SungNote]) -> tuple[list[SungNote], list[SungNote]]:
    """Give grace notes their time.

    Parameters
    ----------
    notes : sequence of SungNote
        In order; neighbours of grace notes are shortened in place.

    Returns
    -------
    placed : list of SungNote
        All notes with a duration, in order.
    homeless : list of SungNote
        Grace notes with no note beside them.
    """
    placed: list[SungNote] = []
    homeless: list[SungNote] = []
    graces: list[SungNote] = []
    for note in notes:
        if note.written.grace:
            graces.append(note)
            continue
        if graces:
            homeless += _place_run(graces, note, placed)
            graces = []
        placed.append(note)
    if graces:
        homeless += _place_run(graces, None, placed)
    return placed, homeless


def _place_run(graces: list[SungNote], after: SungNote | None, placed: list[SungNote]) -> list[SungNote]:
    """Place grace notes that follow one another; gives those that have no room."""
    before = placed[-1] if placed and placed[-1].offset == graces[0].onset else None
    leading = after is not None and after.onset == graces[-1].onset
    if before is not None and (
        not leading or all(note.written.grace and note.written.grace.from_previous for note in graces)
    ):
        total = _share_out(graces, before.duration)
        before.duration -= total
        _line_up(graces, before.offset)
    elif leading and after is not None:
        total = _share_out(graces, after.duration)
        _line_up(graces, after.onset)
        after.onset += total
        after.duration -= total
        if not any(note.lyrics for note in graces):
            graces[0].lyrics, after.lyrics = after.lyrics, []
    else:
        return graces
    placed += graces
    return []


def _share_out(graces: Sequence[SungNote], room: Fraction) -> Fraction:
    """Set the durations; gives their sum, at most half the room."""
    for note in graces:
        note.duration = SLASHED if note.written.grace and note.written.grace.slash else UNSLASHED
    total = sum((note.duration for note in graces), Fraction(0))
    if total > room / 2:
        for note in graces:
            note.duration *= room / 2 / total
        total = room / 2
    return total


def _line_up(graces: Sequence[SungNote], onset: Fraction) -> None:
    for note in graces:
        note.onset = onset
        onset += note.duration


def slurred_notes(notes: Sequence[SungNote]) -> frozenset[int]:
    """Positions of the notes that a slur leads to from the note before; a rest ends every slur."""
    slurred: set[int] = set()
    open_slurs: set[str] = set()
    for n, note in enumerate(notes):
        if n and note.onset > notes[n - 1].offset:
            open_slurs.clear()
        if open_slurs:
            slurred.add(n)
        marks = note.written.marks
        open_slurs.difference_update(marks.slur_stops)
        open_slurs.update(marks.slur_starts)
    return frozenset(slurred)
