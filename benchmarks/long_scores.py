"""Scores of any length, for measuring: the example hymn, its verses written out one after the other."""

from __future__ import annotations

import copy
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from benchmarks.places import EXAMPLE

_VERSES = 3
_VERSE_BEATS = 48
_BEATS_PER_MINUTE = 96
VERSE_SECONDS = _VERSE_BEATS * 60 / _BEATS_PER_MINUTE


def write_long_score(path: Path, *, seconds: float) -> None:
    """Write the hymn without repeats, verse after verse, at a tempo that makes each verse 30 s long.

    Parameters
    ----------
    path : Path
        Where to write MusicXML.
    seconds : float
        Length of the song; a multiple of :data:`VERSE_SECONDS`.
    """
    copies, rest = divmod(seconds, VERSE_SECONDS)
    if rest or not copies:
        raise ValueError(f"{seconds} s is not a multiple of {VERSE_SECONDS} s")
    root = ElementTree.parse(EXAMPLE).getroot()
    part = root.find("part")
    if part is None:
        raise ValueError(f"{EXAMPLE} has no part")
    verse = part.findall("measure")
    for measure in verse:
        part.remove(measure)
    number = 0
    for turn in range(int(copies)):
        for measure in verse:
            written = copy.deepcopy(measure)
            _keep_one_verse(written, str(turn % _VERSES + 1))
            _drop_repeats(written)
            _set_tempo(written)
            if turn and (attributes := written.find("attributes")) is not None:
                written.remove(attributes)
            written.set("number", str(number))
            part.append(written)
            number += 1
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _keep_one_verse(measure: Element, verse: str) -> None:
    for note in measure.iterfind("note"):
        for lyric in note.findall("lyric"):
            if lyric.get("number") == verse:
                lyric.set("number", "1")
            else:
                note.remove(lyric)


def _drop_repeats(measure: Element) -> None:
    for barline in measure.findall("barline"):
        measure.remove(barline)


def _set_tempo(measure: Element) -> None:
    for direction in measure.findall("direction"):
        sound, per_minute = direction.find("sound"), direction.find("direction-type/metronome/per-minute")
        if sound is not None and per_minute is not None:
            sound.set("tempo", str(_BEATS_PER_MINUTE))
            per_minute.text = str(_BEATS_PER_MINUTE)
