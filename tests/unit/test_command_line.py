"""The command line and its reference page say the same; errors become the contract's exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from cantilena.errors import (
    CanceledError,
    CantilenaError,
    InferenceError,
    LyricError,
    OptionError,
    OutputError,
    ScoreError,
    VoicebankError,
)
from cantilena.interfaces.cli.main import app
from cantilena.interfaces.cli.options import line_options
from cantilena.interfaces.cli.problems import to_exit_code

ROOT = Path(__file__).resolve().parents[2]


def _commands() -> dict[str, Any]:
    def walk(name: str, command: Any) -> dict[str, Any]:
        found = {name: command}
        for sub, child in getattr(command, "commands", {}).items():
            found |= walk(f"{name} {sub}", child)
        return found

    return walk("cantilena", typer.main.get_command(app))


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_help_and_stands_in_the_reference(name: str) -> None:
    assert _commands()[name].help
    assert name in (ROOT / "docs" / "command-line.md").read_text("utf-8")


def test_every_option_stands_in_the_reference_and_the_reference_invents_none() -> None:
    reference = set(re.findall(r"`(--[a-z-]+)", (ROOT / "docs" / "command-line.md").read_text("utf-8")))
    known = {opt for command in _commands().values() for p in command.params for opt in p.opts if opt.startswith("--")}
    assert reference | {"--version", "--notes"} == known - {"--help"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ScoreError("score_not_xml", "."), 3),
        (VoicebankError("voicebank_unknown", "."), 4),
        (LyricError("lyric_not_pronounceable", "."), 5),
        (OptionError("part_unknown", "."), 5),
        (OptionError("option_out_of_range", "."), 2),
        (OutputError("output_exists", "."), 2),
        (OutputError("output_disk_full", "."), 6),
        (InferenceError("inference_failed", "."), 6),
        (CanceledError("canceled", "."), 130),
    ],
)
def test_exit_codes(error: CantilenaError, code: int) -> None:
    assert to_exit_code(error) == code


@pytest.mark.parametrize(
    ("measures", "expected"), [("5-8", ("5", "8")), ("3", ("3", "3")), (" 0 - 4 ", ("0", "4")), (None, None)]
)
def test_measures_are_named_as_printed(measures: str | None, expected: tuple[str, str] | None) -> None:
    line = line_options(part=None, verse=None, measures=measures, chord_note="top", vocalise=None)
    assert line.measures == expected


@pytest.mark.parametrize("text", ["0", "middle", "-1", ""])
def test_a_chord_note_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        line_options(part=None, verse=None, measures=None, chord_note=text, vocalise=None)
    assert caught.value.code == "option_unknown_choice"
