"""What ``import cantilena`` offers is what it says it offers."""

from __future__ import annotations

import subprocess
import sys

import cantilena


def test_public_names_are_sorted_and_all_there() -> None:
    assert list(cantilena.__all__) == sorted(cantilena.__all__)
    for name in cantilena.__all__:
        assert getattr(cantilena, name).__name__ == name


def test_importing_the_package_loads_no_engine() -> None:
    code = "import sys, cantilena, cantilena.interfaces.cli.main; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "onnxruntime", "lxml", "soundfile", "pydantic"} & set(loaded)
