"""The server is ready before anything heavy is loaded, and no other command loads what the server needs."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("cantilena.interfaces.mcp.process", {"numpy", "onnxruntime", "lxml", "soundfile", "soxr", "yaml"}),
        ("cantilena.interfaces.cli.main", {"mcp", "mcp_types", "pydantic", "starlette", "anyio", "structlog"}),
    ],
)
def test_what_is_not_loaded(module: str, absent: set[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert absent & set(told.stdout.split()) == set()
