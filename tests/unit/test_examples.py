"""The scores that ship with the repository are engraved as an engraver would leave them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCORES = sorted(
    path
    for folder in ("examples", "benchmarks/lines", "benchmarks/tuning_lines")
    for path in (ROOT / folder).glob("*.musicxml")
)

every_score = pytest.mark.parametrize("path", SCORES, ids=lambda path: path.stem)


def read(path: Path) -> Element:
    return ElementTree.parse(path).getroot()


def beats_by_voice(measure: Element, divisions: int) -> dict[str, Fraction]:
    """Quarter notes that each voice of a measure fills."""
    filled: dict[str, Fraction] = {}
    for note in measure.iterfind("note"):
        voice = note.findtext("voice")
        filled[voice] = filled.get(voice, Fraction(0)) + Fraction(int(note.findtext("duration")), divisions)
    return filled


def closes_a_repeat(measure: Element) -> bool:
    return any(repeat.get("direction") == "backward" for repeat in measure.iterfind("barline/repeat"))


def test_the_examples_of_the_readme_are_there():
    assert {"amazing-grace", "greensleeves", "old-hundredth"} <= {path.stem for path in SCORES}
    assert len(SCORES) >= 21


@every_score
def test_says_what_it_is_and_who_may_use_it(path):
    root = read(path)
    assert root.get("version") == "4.0"
    assert root.findtext("work/work-title")
    assert root.findtext("identification/encoding/software") == "Cantilena"
    assert root.findtext("identification/rights").startswith("CC0 1.0")


@every_score
def test_every_voice_fills_every_bar(path):
    for part in read(path).iterfind("part"):
        divisions = int(part.findtext("measure/attributes/divisions"))
        time = part.find("measure/attributes/time")
        full = Fraction(4 * int(time.findtext("beats")), int(time.findtext("beat-type")))
        first, *others = part.findall("measure")
        pickup = Fraction(0)
        if first.get("implicit") == "yes":
            pickup = max(beats_by_voice(first, divisions).values())
            assert pickup < full
            assert set(beats_by_voice(first, divisions).values()) == {pickup}
        for measure in others if pickup else (first, *others):
            expected = {full}
            if pickup and (closes_a_repeat(measure) or measure is others[-1]):
                expected.add(full - pickup)  # the pickup that is sung next, or was sung first, completes it
            beats = set(beats_by_voice(measure, divisions).values())
            assert len(beats) == 1, f"voices disagree in measure {measure.get('number')}"
            assert beats <= expected, f"measure {measure.get('number')} holds {beats} of {full}"


@every_score
def test_written_values_agree_with_durations(path):
    length = {"whole": 4, "half": 2, "quarter": 1, "eighth": Fraction(1, 2), "16th": Fraction(1, 4)}
    for part in read(path).iterfind("part"):
        divisions = int(part.findtext("measure/attributes/divisions"))
        for note in part.iterfind("measure/note"):
            written = length[note.findtext("type")] * (Fraction(3, 2) if note.find("dot") is not None else 1)
            assert Fraction(int(note.findtext("duration")), divisions) == written


@every_score
def test_syllables_of_a_word_begin_go_on_and_end(path):
    follows = {None: {"single", "begin"}, "begin": {"middle", "end"}, "middle": {"middle", "end"}}
    for part in read(path).iterfind("part"):
        lyrics = [lyric for lyric in part.iterfind("measure/note/lyric") if lyric.find("text") is not None]
        for verse in {lyric.get("number") for lyric in lyrics}:
            before = None
            for lyric in lyrics:
                if lyric.get("number") == verse:
                    now = lyric.findtext("syllabic")
                    assert now in follows[before], f"{lyric.findtext('text')!r} in verse {verse}"
                    assert lyric.findtext("text").strip("-_ ") == lyric.findtext("text") != ""
                    before = now if now in ("begin", "middle") else None
            assert before is None, f"verse {verse} ends inside a word"


@every_score
def test_slurs_and_ties_close(path):
    for part in read(path).iterfind("part"):
        for mark in ("slur", "tied"):
            open_now: dict[str, int] = {}
            for note in part.iterfind("measure/note"):
                voice = note.findtext("voice")
                for element in sorted(note.iterfind(f"notations/{mark}"), key=lambda item: item.get("type") == "start"):
                    open_now[voice] = open_now.get(voice, 0) + (1 if element.get("type") == "start" else -1)
                    assert open_now[voice] in (0, 1)
            assert not any(open_now.values())
