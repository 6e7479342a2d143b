"""The page for those who run it names every event that is logged, and its queries ask for fields that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "cantilena").rglob("*.py"))
PAGES = "\n".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("operations.md", "voicebank-bucket.md")
)
EVENTS = sorted(
    set(re.findall(r'\b(?:log_event|log_voicebank)\(\s*"([a-z_]+)"', SOURCES))
    | set(re.findall(r'\b_emit\(\s*"[a-z]+",\s*"([a-z_]+)"', SOURCES))
)
INNER = {"unexpected_error"}  # told to developers, at DEBUG


def test_there_are_events():
    assert {"synthesize_step", "synthesize_total", "mcp_worker_exit", "mcp_tool_call", "model_loaded"} <= set(EVENTS)


@pytest.mark.parametrize("event", [event for event in EVENTS if event not in INNER])
def test_every_event_is_on_the_page(event):
    assert f"`{event}`" in PAGES


@pytest.mark.parametrize("field", sorted(set(re.findall(r"jsonPayload\.([a-z_]+)", PAGES)) - {"event"}))
def test_every_field_that_is_asked_for_is_logged_somewhere(field):
    assert re.search(rf'\b{field}=|"{field}"', SOURCES)
