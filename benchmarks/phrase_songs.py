"""Songs of phrases of wished lengths, no two alike: for measuring what a phrase costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

NOTE_SECONDS = 0.5
"""A crotchet, at 120 in the minute."""
REST_NOTES = 2
"""Crotchets of rest after each phrase."""

WORDS = (
    "moon", "light", "falls", "down", "and", "stones", "are", "cold", "when", "birds", "come", "home", "from", "green",
    "hills", "we", "build", "small", "boats", "of", "leaves", "that", "drift", "past", "bright", "doors", "while",
    "rain", "plays", "on", "old", "roofs",
)  # fmt: skip
_PITCHES = (("C", 4), ("D", 4), ("E", 4), ("G", 4), ("A", 4), ("G", 4), ("F", 4), ("D", 4), ("B", 3))


def write_phrases(path: Path, notes: Sequence[int], *, other_word_in: int | None = None) -> None:
    """Write a song.

    Parameters
    ----------
    path : Path
        Where to write MusicXML.
    notes : sequence of int
        How many crotchets each phrase has, at most 40: longer phrases are divided when they are sung.
    other_word_in : int, optional
        Index of a phrase whose second word is another one.
    """
    root = Element("score-partwise", version="4.0")
    SubElement(SubElement(SubElement(root, "part-list"), "score-part", id="P1"), "part-name").text = "Voice"
    part = SubElement(root, "part", id="P1")
    sung = 0
    for phrase, length in enumerate(notes):
        measure = SubElement(part, "measure", number=str(phrase + 1))
        _begin(measure, length + REST_NOTES, first=phrase == 0)
        for index in range(length):
            # Steps that share no factor with the tables: phrases differ in words and melody alike.
            word = WORDS[(sung * 5 + phrase) % len(WORDS)]
            if phrase == other_word_in and index == min(1, length - 1):
                word = "sun"
            _note(measure, _PITCHES[(index + phrase * 2 + sung // 9) % len(_PITCHES)], word)
            sung += 1
        rest = SubElement(measure, "note")
        SubElement(rest, "rest")
        SubElement(rest, "duration").text = str(REST_NOTES)
        SubElement(rest, "voice").text = "1"
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _begin(measure: Element, beats: int, *, first: bool) -> None:
    attributes = SubElement(measure, "attributes")
    if first:
        SubElement(attributes, "divisions").text = "1"
    time = SubElement(attributes, "time")
    SubElement(time, "beats").text = str(beats)
    SubElement(time, "beat-type").text = "4"
    if first:
        SubElement(SubElement(measure, "direction"), "sound", tempo=str(60 / NOTE_SECONDS))


def _note(measure: Element, pitch: tuple[str, int], word: str) -> None:
    note = SubElement(measure, "note")
    written = SubElement(note, "pitch")
    SubElement(written, "step").text, SubElement(written, "octave").text = pitch[0], str(pitch[1])
    SubElement(note, "duration").text = "1"
    SubElement(note, "voice").text = "1"
    SubElement(note, "type").text = "quarter"
    lyric = SubElement(note, "lyric", number="1")
    SubElement(lyric, "syllabic").text = "single"
    SubElement(lyric, "text").text = word
