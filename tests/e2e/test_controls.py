"""Controls on the command line, with the voice that comes with Cantilena."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

HYMN = Path(__file__).resolve().parents[2] / "examples" / "amazing-grace.musicxml"
COMMAND = Path(sys.executable).with_name("cantilena")


def cantilena(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=100)


def test_a_file_of_curves_turns_the_voice_when_it_says(tmp_path):
    """The first phrase is sung as ever, the second with lower formants."""
    curves = tmp_path / "curves.json"
    curves.write_text('{"gender": {"times": [5.0, 5.1], "values": [0, 40]}, "energy": 20}')
    takes = []
    for name, controls in (("plain", ()), ("turned", ("--control", curves))):
        out = tmp_path / f"{name}.wav"
        done = cantilena("sing", HYMN, "--measures", "1-8", "--speaker", "mezzo", "-o", out, "--json", *controls)
        assert done.returncode == 0, done.stderr
        takes.append((soundfile.read(out)[0], json.loads(done.stdout)))
    (plain, _), (turned, result) = takes
    warnings = {warning["code"]: warning["message"] for warning in result["warnings"]}
    assert "energy" in warnings["control_without_effect"]
    assert len(plain) == len(turned)
    early, late = slice(0, 4 * 44_100), slice(6 * 44_100, 9 * 44_100)
    # The level of the whole song is set afterwards, so what is equal is equal but for a factor.
    assert np.corrcoef(plain[early], turned[early])[0, 1] > 0.999
    assert np.corrcoef(plain[late], turned[late])[0, 1] < 0.99


def test_controls_that_make_no_sense_end_with_the_codes_of_the_contract(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"gender": ')
    for control, code, words in (
        ("gender=400", 2, "between -100 and 100"),
        ("speaker:tenor=10", 5, "no speaker 'tenor'"),
        (broken, 2, str(broken)),
    ):
        done = cantilena("sing", HYMN, "-o", tmp_path / "never.wav", "--control", control)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
    assert not (tmp_path / "never.wav").exists()
