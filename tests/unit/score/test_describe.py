"""What a score holds, told before anything is sung."""

from __future__ import annotations

import json

from cantilena.score.describe import describe_score
from tests.unit.score.engraving import BACKWARD, backup, lyric, note, part, read, rest, words


def test_the_document_of_parse_json():
    verses = lyric("one") + lyric("two", verse="2")
    score = read(
        part(
            words("Andante", 'tempo="60"') + note("C5", words=verses) + note("E5") + BACKWARD, words("rit.") + rest(2)
        ),
        part(note("C3", 2), note("G3", 2), id="P2"),
        names=["Voice", "Piano"],
        head="<work><work-title>Song</work-title></work>",
    )
    document = json.loads(json.dumps(describe_score(score).to_json()))
    duration = document.pop("duration_seconds")
    assert 6.0 < duration < 7.0
    assert document == {
        "title": "Song",
        "composer": None,
        "parts": [
            {
                "id": "P1", "name": "Voice", "verses": ["1", "2"], "languages": [],
                "range": {"low": 72.0, "high": 76.0}, "notes": 2, "lyric_notes": 1, "sung": True,
            },
            {
                "id": "P2", "name": "Piano", "verses": [], "languages": [], "range": {"low": 48.0, "high": 55.0},
                "notes": 2, "lyric_notes": 0, "sung": False,
            },
        ],
        "measures": 2,
        "expanded_measures": 3,
        "tempi": [
            {"measure": "1", "bpm": 60.0, "text": "Andante"},
            {"measure": "2", "bpm": None, "text": "rit."},
        ],
        "warnings": [],
    }  # fmt: skip


def test_the_notes_of_each_part_in_the_order_they_are_sung():
    score = read(
        part(note("C5", words=lyric("a", "begin")) + note("D5", words=lyric("men", "end")) + note("E5") + BACKWARD),
        part(note("C3", 3), id="P2"),
    )
    voice, piano = describe_score(score, notes=True).to_json()["parts"]
    assert voice["melody"][0] == {
        "measure": "1", "onset_beats": 0.0, "duration_beats": 1.0, "midi": 72.0, "lyric": "a", "syllabic": "begin",
        "verse": "1",
    }  # fmt: skip
    assert [(one["onset_beats"], one["lyric"], one["syllabic"]) for one in voice["melody"][1:4]] == [
        (1.0, "men", "end"),
        (2.0, None, None),
        (3.0, "a", "begin"),
    ]
    assert len(voice["melody"]) == 6
    assert [(one["midi"], one["lyric"]) for one in piano["melody"]] == [(48.0, None), (48.0, None)]
    assert all("melody" not in one for one in describe_score(score).to_json()["parts"])


def test_the_voices_of_a_part_are_listed_to_choose_from():
    upper = note("C5", words="la", staff=1) + backup(1) + note("G4", voice="2", staff=1)
    lower = backup(1) + note("E3", voice="5", staff=2) + backup(1) + note("C3", voice="6", staff=2)
    parts = describe_score(read(part(upper + lower))).parts
    assert [(one.id, one.name, one.sung) for one in parts] == [
        ("P1", "Soprano", True),
        ("P1/2", "Alto", False),
        ("P1/3", "Tenor", False),
        ("P1/4", "Bass", False),
    ]


def test_what_cannot_be_sung_is_described_all_the_same():
    description = describe_score(read(part(note())))
    assert [(one.code, one.severity) for one in description.warnings] == [("score_no_lyrics", "error")]
    assert not description.parts[0].sung
    empty = describe_score(read())
    assert empty.to_json()["parts"] == []
    assert empty.duration_seconds == 0.0


def test_the_language_a_score_gives():
    german = '<lyric><text xml:lang="de">ach</text></lyric>'
    assert describe_score(read(part(note(words=german)))).parts[0].languages == ("de",)


def test_a_part_without_notes_has_no_range():
    part_description = describe_score(read(part(rest(4)))).parts[0]
    assert (part_description.low, part_description.high, part_description.notes) == (None, None, 0)
