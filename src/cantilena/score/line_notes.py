"""The written notes of one line, measure by measure: one voice out of many, one note out of each chord.

Conventions
-----------
What the line does not sing (small notes, notes without a head, spoken text, the other notes of a chord) is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from cantilena.score.model import NO_MARKS, Grace, Lyric, Note, NoteMarks, Score
from cantilena.score.notices import Notices
from cantilena.score.voices import Line, Stream

ChordNote = Literal["top", "bottom"] | int
"""Which note of a chord is sung; a number counts from the top, 1 being the top."""


class WrittenNote(NamedTuple):
    """A note of the line; times as in :class:`~cantilena.score.model.Note`."""

    onset: Fraction
    duration: Fraction
    midi: float
    grace: Grace | None
    tie_start: bool
    tie_stop: bool
    marks: NoteMarks
    lyrics: tuple[Lyric, ...]


def line_notes(
    score: Score, line: Line, notices: Notices, *, chord_note: ChordNote = "top"
) -> tuple[tuple[WrittenNote, ...], ...]:
    """Notes of a line in each measure of the score; measures after the part's end are empty."""
    reader = _LineReader(line, notices, chord_note)
    measures = [
        reader.read(notes, measure.number) for notes, measure in zip(line.part.measures, score.measures, strict=False)
    ]
    measures += [()] * (len(score.measures) - len(measures))
    for index, factor in line.part.stretches.items():
        measures[index] = tuple(
            note._replace(onset=note.onset * factor, duration=note.duration * factor) for note in measures[index]
        )
    _note_other_voices(score, line, notices)
    return tuple(measures)


def _note_other_voices(score: Score, line: Line, notices: Notices) -> None:
    """Words of voices that are no line of their own: nobody can ask for them."""
    for notes, measure in zip(line.part.measures, score.measures, strict=False):
        for note in notes:
            stream = (note.staff, note.voice)
            if note.lyrics and stream != line.stream and stream not in line.siblings:
                notices.add(
                    "voice_not_sung", f"Words of voice {note.voice} are not sung: only a few notes have them.",
                    part=line.name, measure=measure.number,
                )  # fmt: skip
                break


class _LineReader:
    def __init__(self, line: Line, notices: Notices, chord_note: ChordNote) -> None:
        self._line = line
        self._notices = notices
        self._chord_note = chord_note
        self._measure = ""

    def read(self, notes: Sequence[Note], measure: str) -> tuple[WrittenNote, ...]:
        """The sung notes of one measure, in order, none overlapping another."""
        self._measure = measure
        stream = self._stream_here(notes)
        chords: list[list[Note]] = []
        for note in notes:
            if (note.staff, note.voice) != stream or not self._is_sung(note):
                continue
            if note.chord and chords and chords[-1][-1].onset == note.onset:
                chords[-1].append(note)
            else:
                chords.append([note])
        written = [self._choose(chord) if len(chord) > 1 else _alone(chord[0]) for chord in chords]
        for name in dict.fromkeys(name for note in written for name in note.marks.unsung):
            self._notice("ornament_not_sung", f"A {name.replace('-', ' ')} is not sung: the plain note is.")
        return self._without_overlap(written)

    def _stream_here(self, notes: Sequence[Note]) -> Stream:
        """The voice to read in this measure: nearly always the line's own."""
        own = self._line.stream
        here = [note for note in notes if (note.staff, note.voice) == own]
        if self._line.main:
            if any(note.kind == "note" and not note.cue for note in here):
                return own
            others = (
                (note.staff, note.voice)
                for note in notes
                if note.staff == own[0] and note.lyrics and note.kind == "note"
            )
            return next(others, own)
        if here:
            return own
        same_staff = [stream for stream in self._line.siblings if stream[0] == own[0]]
        present = {(note.staff, note.voice) for note in notes}
        return next((stream for stream in same_staff if stream in present), own)

    def _is_sung(self, note: Note) -> bool:
        if note.kind != "note":
            if note.lyrics:
                where = "a rest" if note.kind == "rest" else "a note without a pitch"
                self._notice("lyric_not_sung", f"Words under {where} are not sung.")
            elif note.kind == "unpitched":
                self._notice("note_not_sung", "A note without a pitch is not sung.")
            return False
        if not note.lyrics:
            if note.cue:
                self._notice("cue_not_sung", "Small notes without words are not sung.")
                return False
            if note.hidden:
                self._notice("note_not_sung", "A note without a head is not sung.")
                return False
        return True

    def _choose(self, chord: list[Note]) -> WrittenNote:
        """The chosen note of a chord, with the words and marks of all of it."""
        from_the_top = sorted(chord, key=lambda note: -note.midi)
        wanted = self._chord_note
        place = 1 if wanted == "top" else len(chord) if wanted == "bottom" else min(wanted, len(chord))
        chosen = from_the_top[place - 1]
        spoken = "top" if place == 1 else "lowest" if place == len(chord) else f"{place}."
        self._notice("chord_reduced", f"Of a chord only its {spoken} note is sung.")
        lyrics = {lyric.verse: lyric for note in reversed(chord) for lyric in note.lyrics}
        marks = next((note.marks for note in (chosen, *chord) if note.marks is not NO_MARKS), NO_MARKS)
        longest = max(note.duration for note in chord)
        return _alone(chosen)._replace(marks=marks, lyrics=tuple(lyrics.values()), duration=longest)

    def _without_overlap(self, written: list[WrittenNote]) -> tuple[WrittenNote, ...]:
        """Notes in order of onset; of two at once the higher is kept, one that lasts into the next is shortened."""
        kept: list[WrittenNote] = []
        for note in sorted(written, key=lambda note: note.onset) if _out_of_order(written) else written:
            before = kept[-1] if kept else None
            if (
                before is not None
                and not before.grace
                and not note.grace
                and before.onset + before.duration > note.onset
            ):
                self._notice("note_overlap", "Two notes of one voice sound at once: the first gives way to the second.")
                if before.onset == note.onset:
                    kept[-1] = max(before, note, key=lambda one: one.midi)
                    continue
                kept[-1] = before._replace(duration=note.onset - before.onset)
            kept.append(note)
        return tuple(kept)

    def _notice(self, code: str, message: str) -> None:
        self._notices.add(code, message, part=self._line.name, measure=self._measure)


def _alone(note: Note) -> WrittenNote:
    return WrittenNote(
        note.onset, note.duration, note.midi, note.grace, note.tie_start, note.tie_stop, note.marks, note.lyrics
    )


def _out_of_order(written: list[WrittenNote]) -> bool:
    return any(after.onset < before.onset for before, after in pairwise(written))
