"""Lines of a child, passed on with their own time, severity and fields."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from cantilena.logs import configure_logging
from cantilena.tracing import log_context, log_event
from cantilena.version import package_version
from cantilena.worker.log_lines import LONGEST_LINE, parse_log_line, pass_on


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process that logs JSON writes."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging(log_format="json", log_level="DEBUG", project="p")
    yield stream
    structlog.reset_defaults()


def test_a_line_of_a_child_comes_out_as_it_went_in(written):
    with log_context(job_id="j1", trace="00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"):
        log_event("synthesize_step", severity="warning", step="pitch", elapsed_ms=12.5, frames=[1, 2])
    line = written.getvalue()
    written.truncate(0)
    written.seek(0)
    pass_on(line.encode(), worker="cpu")
    assert json.loads(written.getvalue()) == json.loads(line) | {"worker": "cpu"}


def test_its_time_is_when_the_child_said_it(written):
    pass_on(b'{"event": "told", "severity": "CRITICAL", "time": "2026-01-02T03:04:05.678Z"}\n', worker="cpu")
    line = json.loads(written.getvalue())
    assert (line["time"], line["severity"], line["event"]) == ("2026-01-02T03:04:05.678Z", "CRITICAL", "told")


@pytest.mark.parametrize(
    "text",
    ["Segmentation fault", '{"not": "an event"}', "[1, 2]", '{"event": 7}', '{"event": "cut', "[" * 5000],
)
def test_anything_else_is_a_message(text):
    parsed = parse_log_line(text.encode())
    assert parsed is not None
    assert (parsed.event, parsed.severity, parsed.fields) == ("mcp_worker_text", "warning", {"message": text})


def test_what_is_no_text_is_readable_nevertheless_and_bounded():
    parsed = parse_log_line(b"\xff" * (2 * LONGEST_LINE))
    assert parsed is not None
    assert len(parsed.fields["message"]) == LONGEST_LINE


def test_an_empty_line_says_nothing():
    assert parse_log_line(b" \r\n") is None


def test_fields_of_foreign_lines_cannot_be_taken_for_ours(written):
    line = b'{"event": "x", "level": 3, "severity": ["?"], "self": 1, "exc_info": true, "fields": 2, "worker": "y"}'
    pass_on(line, worker="cpu")
    told = json.loads(written.getvalue())
    assert (told["severity"], told["event"], told["fields"], told["worker"]) == ("INFO", "x", 2, "cpu")


def test_the_version_of_a_voicebank_stays_and_ours_is_said_once():
    ours = parse_log_line(json.dumps({"event": "a", "version": package_version()}).encode())
    theirs = parse_log_line(b'{"event": "voicebank_downloaded", "version": "1f"}')
    assert ours is not None
    assert theirs is not None
    assert (ours.fields, theirs.fields) == ({}, {"version": "1f"})
