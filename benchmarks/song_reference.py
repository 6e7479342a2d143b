"""What a listener should hear of one of the benchmark lines, told from the file alone.

The lines in ``benchmarks/lines`` are simple on purpose (one part, one voice, one tempo, no ties, no repeats), so that
this reading of them can stay apart from the reader it helps to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TIED_OR_REPEATED = ("measure/note/tie", "measure/barline/repeat", "measure/note/chord", "measure/note/grace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceNote:
    """A note as it should sound: seconds from the first beat, and a MIDI number."""

    onset: float
    offset: float
    midi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SongReference:
    """A song as it should sound.

    Attributes
    ----------
    title, lyrics : str
        The lyrics as plain words.
    beats_per_minute : float
    notes : tuple of ReferenceNote
    """

    title: str
    lyrics: str
    beats_per_minute: float
    notes: tuple[ReferenceNote, ...]


def read_reference(path: Path) -> SongReference:
    """Read one of the benchmark lines."""
    root = ElementTree.parse(path).getroot()
    part = root.find("part")
    if part is None or any(part.find(tag) is not None for tag in _TIED_OR_REPEATED):
        raise ValueError(f"{path.name} is not simple enough to be read here")
    divisions = int(_text(part, "measure/attributes/divisions"))
    (tempo,) = {sound.get("tempo") for sound in part.iterfind("measure/direction/sound") if sound.get("tempo")}
    beats_per_minute = float(tempo or 0)
    notes: list[ReferenceNote] = []
    lyrics = ""
    beat = Fraction(0)
    for note in part.iterfind("measure/note"):
        end = beat + Fraction(int(_text(note, "duration")), divisions)
        if note.find("rest") is None:
            notes.append(
                ReferenceNote(
                    onset=float(beat) * 60 / beats_per_minute, offset=float(end) * 60 / beats_per_minute,
                    midi=_midi(note),
                )
            )  # fmt: skip
            lyrics += _syllable(note)
        beat = end
    return SongReference(
        title=_text(root, "work/work-title"),
        lyrics=lyrics.strip(),
        beats_per_minute=beats_per_minute,
        notes=tuple(notes),
    )


def _midi(note: Element) -> int:
    octave, alter = int(_text(note, "pitch/octave")), int(note.findtext("pitch/alter") or 0)
    return 12 * (octave + 1) + _SEMITONES[_text(note, "pitch/step")] + alter


def _syllable(note: Element) -> str:
    """Text of the note's syllable, a space after it where a word ends; ``""`` inside a melisma."""
    text = note.findtext("lyric/text")
    if text is None:
        return ""
    return text + (" " if note.findtext("lyric/syllabic") in ("single", "end") else "")


def _text(element: Element, path: str) -> str:
    found = element.findtext(path)
    if not found:
        raise ValueError(f"<{element.tag}> has no {path}")
    return found
