"""The package as others see it."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import cantilena.score

MODULES = [f"cantilena.score.{module.name}" for module in pkgutil.iter_modules(cantilena.score.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_reading_scores_needs_neither_numpy_nor_models():
    code = "import sys, cantilena.score; print([m for m in ('numpy', 'onnxruntime', 'soundfile') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
