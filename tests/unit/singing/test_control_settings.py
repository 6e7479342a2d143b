"""Controls as they are written on a command line, in Python and in files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cantilena.errors import OptionError
from cantilena.singing import control_settings
from cantilena.singing.control_settings import make_controls, parse_controls, read_controls
from cantilena.singing.controls import ControlCurve


def curve_of(values: dict[float, float]) -> ControlCurve:
    return ControlCurve(times=tuple(values), values=tuple(values.values()))


@pytest.fixture
def written(tmp_path: Path):
    def write(content: object, name: str = "controls.json") -> Path:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return file

    return write


def test_python_gives_numbers_pairs_and_curves():
    controls = make_controls(
        {
            "breathiness": 20,
            "tension": ([0, 2.5], [0, 40]),
            "energy": (np.array([0.0, 1.0]), np.array([5, 6], dtype=np.float32)),
            "velocity": {"times": [1], "values": [150]},
            "gender": np.float64(-3),
            "speaker:baritone": curve_of({10: 0, 12: 100}),
        }
    )
    assert controls.curves["breathiness"] == curve_of({0.0: 20.0})
    assert controls.curves["tension"] == curve_of({0.0: 0.0, 2.5: 40.0})
    assert controls.curves["energy"] == curve_of({0.0: 5.0, 1.0: 6.0})
    assert controls.curves["velocity"] == curve_of({1.0: 150.0})
    assert controls.speakers == {"baritone": curve_of({10: 0, 12: 100})}


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("20", "'20' where a number belongs"),
        (True, "True where a number belongs"),
        (None, "None where a number belongs"),
        (10**400, "where a number belongs"),
        ([1, 2, 3], "3 lists"),
        ([1, 2], "a list of times and a list of values"),
        ({"times": [0]}, "times where times and values belong"),
        ({"times": [0], "values": [1], "unit": "dB"}, "times, values, unit"),
        ({"times": "0", "values": [1]}, "a list of times"),
        ({"times": [0, "1"], "values": [1, 2]}, "'1' where a number belongs"),
        ({"times": [0, 1e-7], "values": [1, 2]}, "two points at the same time"),
        ({"times": [1, 0], "values": [1, 2]}, "do not rise"),
        ({"times": [0, 1], "values": [1]}, "2 times and 1 values"),
        ({"times": [], "values": []}, "0 times"),
        ({"times": [1e9], "values": [1]}, "beyond 1e+06 seconds"),
        ({"times": [0] * 200_001, "values": [1]}, "200001 points"),
    ],
)
def test_what_is_no_control_is_told_by_name(setting, reason):
    with pytest.raises(OptionError, match="control tension") as caught:
        make_controls({"tension": setting})
    assert caught.value.code == "control_invalid"
    assert reason in caught.value.message


def test_the_command_line_gives_names_and_values(written):
    curves = written({"breathiness": 30, "speaker:v1.kumi": {"times": [0, 1], "values": [0, 50]}})
    tension = written({"times": [0, 2.5], "values": [0, 40]}, "tension.json")
    controls = parse_controls(["breathiness=20", str(curves), f"tension={tension}", "gender=-10.5", "gender=12"])
    assert {name: curve.values for name, curve in controls} == {
        "gender": (12.0,), "breathiness": (30.0,), "tension": (0.0, 40.0), "speaker:v1.kumi": (0.0, 50.0),
    }  # fmt: skip
    assert parse_controls([f"velocity={written(150, 'number.json')}"]).curves["velocity"].values == (150.0,)


def test_a_file_whose_name_has_an_equals_sign(written):
    assert parse_controls([str(written({"energy": 3}, "a=b.json"))]).curves["energy"].values == (3.0,)


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("breathiness=loud", "control_invalid", "neither a number nor a file"),
        ("breathiness=", "control_invalid", "neither a number nor a file"),
        ("breathiness", "control_invalid", "neither a number nor a file"),
        ("loudness=3", "control_unknown", "no control 'loudness'"),
        ("loudness=loud", "control_unknown", "no control 'loudness'"),
        ("speaker:=3", "control_unknown", "no control 'speaker:'"),
        ("energy=101", "control_out_of_range", "between -100 and 100"),
        ("energy=nan", "control_out_of_range", "between -100 and 100"),
        ("no-such-file.json", "control_file_invalid", "No such file"),
    ],
)
def test_words_that_are_no_control(text, code, reason):
    with pytest.raises(OptionError) as caught:
        parse_controls([text])
    assert caught.value.code == code
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a JSON document"),
        (b"\xff\xfe{}", "not a JSON document"),
        (b"{'energy': 3}", "not a JSON document"),
        (b"[" * 200_000, "not a JSON document"),
        (b'{"energy": 1, "energy": 2}', "'energy' is given twice"),
        (b'{"energy": NaN}', "The control energy is nan"),
        (b'{"energy": 1e999}', "The control energy is inf"),
        (b'{"energy": ' + b"9" * 5000 + b"}", "not a JSON document"),
        ([1, 2], "must hold one object"),
        (3, "must hold one object"),
        ({"loudness": 3}, "no control 'loudness'"),
        ({"tension": {"times": [0, 1], "values": [1]}}, "The control tension has 2 times and 1 values"),
        ({"": 3}, "no control ''"),
    ],
)
def test_a_bad_file_is_told_with_its_name_and_the_reason(written, content, reason):
    file = written(content)
    with pytest.raises(OptionError) as caught:
        parse_controls([str(file)])
    assert caught.value.code == "control_file_invalid"
    assert str(file) in caught.value.message
    assert reason in caught.value.message
    assert len(caught.value.message) < 600


def test_a_folder_and_a_long_file_are_no_control_files(tmp_path, written, monkeypatch):
    with pytest.raises(OptionError, match="cannot be read"):
        read_controls(tmp_path)
    monkeypatch.setattr(control_settings, "MAX_FILE_BYTES", 10)
    with pytest.raises(OptionError, match="is longer than"):
        read_controls(written({"energy": 12345}))


def test_a_file_written_by_an_editor_of_another_system(written):
    assert read_controls(written(b'\xef\xbb\xbf{\r\n  "energy": 3\r\n}\r\n')).curves["energy"].values == (3.0,)
