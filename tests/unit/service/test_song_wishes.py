"""What a client may ask for: every value checked, and the same again from a document."""

from __future__ import annotations

import json

import pytest

from cantilena.errors import OptionError
from cantilena.service.song_wishes import SongWishes
from cantilena.song import LineOptions


def test_wishes_survive_a_document_which_holds_only_what_was_asked() -> None:
    wishes = SongWishes(
        part="Alto", measures="5-8", tempo=2, seed=7, pronunciations={"Shiloh": "SH AY L OW"},
        controls={"tension": {"times": (0, 2.5), "values": [0, 40]}}, cache=False,
    )  # fmt: skip
    document = wishes.to_json()
    assert document.keys() == {"part", "measures", "tempo", "seed", "pronunciations", "controls", "cache"}
    again = SongWishes.from_json(json.loads(json.dumps(document)))
    assert again.line_options() == LineOptions(part="Alto", measures=("5", "8"))
    assert again.sing_options() == wishes.sing_options()
    assert again.sing_options().pronunciations == {"shiloh": ("sh", "ay", "l", "ow")}
    assert again.sing_options().controls.curves["tension"].values == (0.0, 40.0)
    assert SongWishes().to_json() == {}


def test_a_document_does_not_change_when_its_author_goes_on_writing() -> None:
    words = {"a": "AH"}
    document = SongWishes(pronunciations=words).to_json()
    words["b"] = "B"
    assert document == {"pronunciations": {"a": "AH"}}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"parts": "Alto"}, "option_unknown"),
        ({"part": 3}, "option_invalid"),
        ({"part": "x" * 1001}, "option_invalid"),
        ({"transpose": 1.5}, "option_invalid"),
        ({"transpose": True}, "option_invalid"),
        ({"tempo": "fast"}, "option_invalid"),
        ({"language": None}, "option_invalid"),
        ({"cache": 1}, "option_invalid"),
        ({"pronunciations": {"a": 1}}, "option_invalid"),
        ({"pronunciations": ["a"]}, "option_invalid"),
        ({"controls": [1]}, "option_invalid"),
        ({"format": "ogg"}, "option_unknown_choice"),
    ],
)
def test_a_value_of_another_kind_is_refused(values: dict[str, object], code: str) -> None:
    with pytest.raises(OptionError) as caught:
        SongWishes.from_json(values)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"tempo": float("nan")}, "option_out_of_range"),
        ({"seed": -1}, "option_out_of_range"),
        ({"device": "toaster"}, "option_unknown_choice"),
        ({"pronunciations": {"": "AH"}}, "option_bad_pronunciation"),
        ({"controls": {"energy": float("inf")}}, "control_out_of_range"),
    ],
)
def test_a_value_out_of_range_is_refused_as_everywhere(values: dict[str, object], code: str) -> None:
    with pytest.raises(OptionError) as caught:
        SongWishes.from_json(values).sing_options()
    assert caught.value.code == code
