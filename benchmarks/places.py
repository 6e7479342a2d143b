"""Where the benchmarks find what they read, and how they say that something is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
SCORES = SHARED / "scores"
JUDGE = SHARED / "voice" / "judge_voice.py"
CORPUS = SHARED / "voice" / "corpus"
FETCH_WHISPER = SHARED / "voice" / "fetch_whisper.sh"
LINES = ROOT / "benchmarks" / "lines"
TUNING_LINES = ROOT / "benchmarks" / "tuning_lines"
EXAMPLE = ROOT / "examples" / "amazing-grace.musicxml"
COMMAND = Path(sys.executable).with_name("cantilena")

COLLECTIONS = ("ja", "lieder", "music21", "osmd", "suite")


def score_files() -> tuple[Path, ...]:
    """The real scores of the reference data, hostile ones left out; empty where the data is not at hand."""
    found = (path for name in COLLECTIONS for path in (SCORES / name).glob("*") if path.suffix in (".musicxml", ".mxl"))
    return tuple(sorted(found))


def missing_tools(*modules: str) -> str:
    """A sentence naming the modules that are not installed; ``""`` when all are."""
    missing = [name for name in modules if find_spec(name) is None]
    if not missing:
        return ""
    return f"{', '.join(missing)} not installed (pip install -r benchmarks/requirements.txt)."
