"""What is in a score, for anybody who asks before singing: parts, verses, ranges, tempi, length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cantilena.errors import CantilenaError
from cantilena.findings import Finding
from cantilena.score.extract import extract_melody
from cantilena.score.line_notes import line_notes
from cantilena.score.melody import Melody, MelodyNote, Syllabic, Syllable
from cantilena.score.model import Score
from cantilena.score.notices import Notices
from cantilena.score.verses import verse_labels
from cantilena.score.voices import Line, all_lines, default_line


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDescription:
    """One line that can be named with ``--part``.

    Attributes
    ----------
    id, name : str
    verses, languages : tuple of str
        Labels of the lyric lines, and what ``xml:lang`` says of them.
    low, high : float or None
        MIDI numbers of the sung notes; None without notes.
    notes, lyric_notes : int
        Notes as written, chords counted once, and those of them with words.
    sung : bool
        Sung when no part is named.
    melody : tuple of MelodyNote or None
        The notes in the order they are sung, when asked for.
    """

    id: str
    name: str
    verses: tuple[str, ...]
    languages: tuple[str, ...]
    low: float | None
    high: float | None
    notes: int
    lyric_notes: int
    sung: bool
    melody: tuple[MelodyNote, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``parse --json`` prints it."""
        document: dict[str, Any] = {
            "id": self.id, "name": self.name, "verses": list(self.verses), "languages": list(self.languages),
            "range": {"low": self.low, "high": self.high}, "notes": self.notes, "lyric_notes": self.lyric_notes,
            "sung": self.sung,
        }  # fmt: skip
        if self.melody is not None:
            document["melody"] = [_note_to_json(note) for note in self.melody]
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoDescription:
    """One tempo mark: in bpm (quarter notes a minute) where it sets one, and its text where it has one."""

    measure: str
    bpm: float | None
    text: str | None

    def to_json(self) -> dict[str, Any]:
        """As ``parse --json`` prints it."""
        return {"measure": self.measure, "bpm": self.bpm, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDescription:
    """A score at a glance.

    Attributes
    ----------
    title, composer : str or None
    parts : tuple of PartDescription
    measures, expanded_measures : int
        As written, and with repeats and jumps.
    duration_seconds : float
        Of the whole performance.
    tempi : tuple of TempoDescription
        In the order of the written score.
    warnings : tuple of Finding
        Those of the reading, and those of singing the part that is sung by default.
    """

    title: str | None
    composer: str | None
    parts: tuple[PartDescription, ...]
    measures: int
    expanded_measures: int
    duration_seconds: float
    tempi: tuple[TempoDescription, ...]
    warnings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The document that ``parse --json`` prints."""
        return {
            "title": self.title, "composer": self.composer, "parts": [part.to_json() for part in self.parts],
            "measures": self.measures, "expanded_measures": self.expanded_measures,
            "duration_seconds": round(self.duration_seconds, 3), "tempi": [tempo.to_json() for tempo in self.tempi],
            "warnings": [
                {"code": warning.code, "message": warning.message, "part": warning.part, "measure": warning.measure}
                for warning in self.warnings
            ],
        }  # fmt: skip


def describe_score(score: Score, *, notes: bool = False) -> ScoreDescription:
    """Describe anything that was read, singable or not.

    Parameters
    ----------
    score : Score
    notes : bool
        Whether each part carries its notes in the order they are sung (those without words as well).
    """
    lines = all_lines(score)
    sung = default_line(lines)
    warnings = score.findings
    try:
        warnings = extract_melody(score).findings
    except CantilenaError as error:
        warnings = (*warnings, Finding.from_error(error))
    return ScoreDescription(
        title=score.title,
        composer=score.composer,
        parts=tuple(_describe_line(score, line, sung=line is sung, notes=notes) for line in lines),
        measures=len(score.measures),
        expanded_measures=len(score.visits),
        duration_seconds=score.tempo_map.beats_to_seconds(score.duration),
        tempi=tuple(
            TempoDescription(
                measure=score.measures[mark.measure].number,
                bpm=round(mark.value, 2) if mark.kind == "set" else None,
                text=mark.text or None,
            )
            for mark in score.tempo_marks
        ),
        warnings=warnings,
    )


def _describe_line(score: Score, line: Line, *, sung: bool, notes: bool) -> PartDescription:
    written = [note for measure in line_notes(score, line, Notices()) for note in measure]
    lyrics = [lyric for note in written for lyric in note.lyrics]
    pitches = [note.midi for note in written]
    return PartDescription(
        id=line.id,
        name=line.name,
        verses=verse_labels(lyrics),
        languages=tuple(dict.fromkeys(lyric.language for lyric in lyrics if lyric.language)),
        low=min(pitches, default=None),
        high=max(pitches, default=None),
        notes=len(written),
        lyric_notes=sum(1 for note in written if note.lyrics),
        sung=sung,
        melody=_melody_of(score, line) if notes else None,
    )


def _melody_of(score: Score, line: Line) -> tuple[MelodyNote, ...]:
    for vocalise in (None, "la"):
        try:
            melody = extract_melody(score, part=line.id, vocalise=vocalise)
        except CantilenaError:
            continue
        return melody.notes if vocalise is None else _without_words(melody)
    return ()


def _without_words(melody: Melody) -> tuple[MelodyNote, ...]:
    return tuple(replace(note, syllables=()) for note in melody.notes)


def _note_to_json(note: MelodyNote) -> dict[str, Any]:
    return {
        "measure": note.measure, "onset_beats": float(note.onset), "duration_beats": float(note.duration),
        "midi": note.midi, "lyric": " ".join(syllable.original for syllable in note.syllables) or None,
        "syllabic": _syllabic_of(note.syllables), "verse": note.verse,
    }  # fmt: skip


def _syllabic_of(syllables: Sequence[Syllable]) -> Syllabic | None:
    """Where the note stands in its word; of an elision, in its first."""
    if not syllables:
        return None
    last = len(syllables[0].word.syllables) - 1
    if last == 0:
        return "single"
    index = syllables[0].index
    return "begin" if index == 0 else "end" if index == last else "middle"
