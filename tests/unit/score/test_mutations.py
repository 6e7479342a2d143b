"""Whatever is done to a score, the answer is a melody in good order or an error of ours, never anything else."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from cantilena.errors import CantilenaError
from cantilena.score import Melody, extract_melody, read_score
from cantilena.score.describe import describe_score
from tests.unit.score.engraving import (
    BACKWARD,
    FORWARD,
    backup,
    direction,
    document,
    ending,
    lyric,
    note,
    part,
    rest,
    words,
)

VERSES = lyric("go") + lyric("a", "begin", verse="2")
SONG = document(
    part(
        words("Andante", 'tempo="72"') + direction("<segno/>") + note("C5", words=VERSES, tie="start"),
        FORWARD + note("C5", tie="stop") + note("E5", chord=True) + rest() + note("D5", grace="") + note(words="on"),
        ending("1", "start") + words("rit.") + note(words=lyric("a") + lyric("men", "end", verse="2")),
        backup(1) + note("G4", voice="2", words="low") + ending("1", "stop", repeat=True),
        direction("<dynamics><fp/></dynamics>") + direction('<wedge type="crescendo"/>') + note(words="la"),
        note(notations="<fermata/>") + words("D.S. al Fine") + BACKWARD,
        attributes="<time><beats>3</beats><beat-type>4</beat-type></time><transpose><chromatic>-2</chromatic></transpose>",
    ),
    part(*[note("C3", 3)] * 6, id="P2"),
)
TAGS = sorted({str(element.tag) for element in etree.fromstring(SONG).iter()})
NUMBERS = ["", "0", "-1", "0.5", "7", "999999999", "1e9", "nan", "\u0663"]
TEXTS = st.sampled_from([*NUMBERS, *["x", "yes", "start", "stop", "middle", "1-99", "D.C.", "Fine", "accel."]])
CHANGES = st.tuples(st.integers(0, 10_000), st.sampled_from(["text", "attribute", "remove", "rename", "repeat"]), TEXTS)


def changed(changes: list[tuple[int, str, str]]) -> bytes:
    root = etree.fromstring(SONG)
    for where, how, text in changes:
        elements = list(root.iter(etree.Element))
        element = elements[where % len(elements)]
        parent = element.getparent()
        if how == "text":
            element.text = text
        elif how == "attribute" and element.attrib:
            element.set(sorted(map(str, element.attrib))[where % len(element.attrib)], text)
        elif how == "remove" and parent is not None:
            parent.remove(element)
        elif how == "rename" and parent is not None:
            element.tag = TAGS[where % len(TAGS)]
        elif how == "repeat" and parent is not None:
            parent.insert(0, etree.fromstring(etree.tostring(element)))
    return etree.tostring(root)


def assert_in_order(melody: Melody) -> None:
    assert melody.notes[0].syllables
    assert all(one.duration > 0 for one in melody.notes)
    for before, after in pairwise(melody.notes):
        assert before.onset + before.duration <= after.onset
        assert melody.tempo_map.beats_to_seconds(before.onset) < melody.tempo_map.beats_to_seconds(after.onset)
    assert melody.notes[-1].onset + melody.notes[-1].duration <= melody.duration
    assert all(before.onset <= after.onset for before, after in pairwise(melody.dynamics))


def test_unchanged_it_sings():
    melody = extract_melody(read_score(SONG))
    assert_in_order(melody)
    assert len(melody.notes) == 19


def answer(data: bytes) -> Melody | CantilenaError:
    try:
        score = read_score(data)
        describe_score(score, notes=True).to_json()
        return extract_melody(score)
    except CantilenaError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=8))
def test_changed_at_random(changes):
    found = answer(changed(changes))
    if isinstance(found, Melody):
        assert_in_order(found)
    else:
        assert found.code
        assert found.message.endswith(".")
        assert found.hint
