"""Whatever is logged for a call says which call it is, also when several run at once."""

from __future__ import annotations

import contextvars
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from cantilena.logs import configure_logging
from cantilena.tracing import SongTrace, log_context, log_event, log_fields

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, with log lines in JSON."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    configure_logging(log_format="json", log_level="INFO", project="songs")
    yield sys.stderr
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


@pytest.fixture
def lines(written: io.StringIO) -> Callable[[], list[dict[str, object]]]:
    """Reads what was logged."""
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_every_line_inside_says_what_it_belongs_to(lines) -> None:
    log_event("before")
    with log_context(job_id="j", session_id="s", request_id=None):
        SongTrace().finish(audio_seconds=1.0, outcome="ok")
        with log_context(attempt=2):
            log_event("inside", severity="warning", elapsed_ms=1.5)
    log_event("after")
    before, *inner, inside, after = lines()
    assert not {"job_id", "session_id", "request_id", "attempt"} & (before.keys() | after.keys())
    assert [(line["event"], line["job_id"], line["session_id"]) for line in inner] == [
        *[("synthesize_step", "j", "s")] * 6, ("synthesize_total", "j", "s"),
    ]  # fmt: skip
    assert {"time", "severity", "message", "event", "service", "version"} <= inside.keys()
    assert (inside["severity"], inside["attempt"], inside["job_id"], inside["elapsed_ms"]) == ("WARNING", 2, "j", 1.5)
    assert "request_id" not in inside


@pytest.mark.parametrize(
    ("header", "trace", "span"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"projects/songs/traces/{TRACE}", SPAN),
        (f"{TRACE}/13235353014750950193;o=1", f"projects/songs/traces/{TRACE}", SPAN),
        (f"{TRACE}/0", f"projects/songs/traces/{TRACE}", None),
        (TRACE, f"projects/songs/traces/{TRACE}", None),
        (f"{TRACE}/99999999999999999999", f"projects/songs/traces/{TRACE}", None),
        ("00-no-trace-01", None, None),
        ("", None, None),
    ],
)
def test_the_trace_is_told_as_the_cloud_reads_it(lines, header: str, trace: str | None, span: str | None) -> None:
    with log_context(trace=header):
        log_event("e")
    (line,) = lines()
    assert line.get("logging.googleapis.com/trace") == trace
    assert line.get("logging.googleapis.com/spanId") == span
    assert not {"trace", "trace_id", "span_id"} & line.keys()


def test_songs_sung_at_once_do_not_mix_their_lines(lines) -> None:
    gate = threading.Barrier(8)

    def sing(n: int) -> None:
        with log_context(job_id=f"j{n}", request_id=f"r{n}"):
            for step in range(20):
                gate.wait()
                log_event("step", song=n, step=step)

    threads = [threading.Thread(target=sing, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines()
    assert len(found) == 160
    assert all((line["job_id"], line["request_id"]) == (f"j{line['song']}", f"r{line['song']}") for line in found)


def test_a_thread_that_is_given_the_fields_says_them_too(lines) -> None:
    def work(fields) -> None:
        with log_context(**fields):
            log_event("elsewhere")

    with log_context(job_id="j", trace=f"00-{TRACE}-{SPAN}-01"):
        thread = threading.Thread(target=contextvars.Context().run, args=(work, log_fields()))
        thread.start()
        thread.join()
    (line,) = lines()
    assert line["job_id"] == "j"
    assert line["logging.googleapis.com/spanId"] == SPAN


def test_what_other_packages_log_is_a_line_like_ours(lines) -> None:
    with log_context(job_id="j"):
        logging.getLogger("some.package").warning("%d things", 3)
        logging.getLogger("some.package").info("the request was {'lyrics': 'la'}")
        try:
            raise ValueError("no")
        except ValueError:
            logging.getLogger("some.package").exception("it failed")
    told, failed = lines()
    assert (told["event"], told["message"], told["logger"], told["severity"], told["job_id"]) == (
        "log", "3 things", "some.package", "WARNING", "j",
    )  # fmt: skip
    assert failed["severity"] == "ERROR"
    assert "ValueError: no" in failed["exception"]


def test_a_terminal_shows_the_same_fields(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging(log_format="console", log_level="INFO")
    with log_context(job_id="j7"):
        log_event("job_created", status="queued")
    assert "job_created" in written.getvalue()
    assert "j7" in written.getvalue()
