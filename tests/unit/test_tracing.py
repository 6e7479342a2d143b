"""Steps are timed once, and logged in order however a song ends."""

from __future__ import annotations

import io
import sys

import pytest
import structlog
from structlog.testing import capture_logs

from cantilena.logs import configure_logging
from cantilena.tracing import STEPS, Outcome, SongTrace


def test_one_line_a_step_in_order_then_the_total() -> None:
    trace = SongTrace()
    for phrase in range(2):
        for step in ("align", "durations", "pitch", "synthesize_audio"):
            with trace.timed(step, phrase=phrase) as span:
                span.frames = 100
        with trace.timed("variance", phrase=phrase) as span:
            span.outcome = "skipped"
    with trace.timed("postprocess"):
        pass
    with capture_logs() as lines:
        trace.finish(audio_seconds=2.0, outcome="ok", voicebank="Tiny_1.0", device="cpu", cache_hits=0)

    steps = [line for line in lines if line["event"] == "synthesize_step"]
    assert [line["step"] for line in steps] == list(STEPS)
    assert [line["outcome"] for line in steps] == ["ok", "ok", "ok", "skipped", "ok", "ok"]
    assert steps[0]["phrases"] == 2
    assert steps[0]["frames"] == 200
    total = lines[-1]
    assert total["event"] == "synthesize_total"
    assert {"elapsed_ms", "audio_seconds", "rtf", "cache_hits", "voicebank", "device", "outcome"} <= total.keys()


def test_a_step_that_fails_says_so_and_the_rest_are_skipped() -> None:
    trace = SongTrace()
    with trace.timed("align", phrase=0):
        pass
    with pytest.raises(ValueError, match="no"), trace.timed("durations", phrase=0):
        raise ValueError("no")
    with capture_logs() as lines:
        trace.finish(audio_seconds=0.0, outcome="failed")
    outcomes = [line["outcome"] for line in lines]
    assert outcomes == ["ok", "failed", "skipped", "skipped", "skipped", "skipped", "failed"]
    assert lines[-1]["rtf"] is None


def test_a_step_is_cached_only_where_no_phrase_was_sung() -> None:
    trace = SongTrace()
    outcomes: dict[str, tuple[Outcome, ...]] = {
        "align": ("ok", "ok"),
        "durations": ("cached", "ok", "cached"),
        "pitch": ("cached", "cached"),
        "variance": ("skipped", "cached"),
    }
    for step, told in outcomes.items():
        for phrase, outcome in enumerate(told):
            with trace.timed(step, phrase=phrase) as span:
                span.outcome = outcome
    assert {step: record.outcome for step, record in trace.records.items()} == {
        "align": "ok", "durations": "ok", "pitch": "cached", "variance": "cached",
    }  # fmt: skip


def test_an_interrupted_step_is_canceled() -> None:
    trace = SongTrace()
    with pytest.raises(KeyboardInterrupt), trace.timed("pitch", phrase=0):
        raise KeyboardInterrupt
    assert trace.records["pitch"].outcome == "canceled"


def test_timings_name_every_step_that_ran_and_the_total() -> None:
    trace = SongTrace()
    with trace.timed("parse"):
        pass
    assert set(trace.timings_ms()) == {"parse", "total"}


def test_a_line_that_cannot_be_written_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    configure_logging(log_format="json", log_level=None)
    SongTrace().finish(audio_seconds=1.0, outcome="ok")


def test_nothing_is_written_where_nobody_set_up_logging(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    SongTrace().finish(audio_seconds=1.0, outcome="ok")
    assert capsys.readouterr() == ("", "")
