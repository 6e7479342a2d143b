"""What travels beside a call."""

from __future__ import annotations

import pytest

from cantilena.tracing import log_context, log_fields
from cantilena.worker.meta import call_meta

TRACE, SPAN = "ab" * 16, "cd" * 8


def test_what_the_log_knows_of_the_caller_travels():
    with log_context(job_id="j", session_id="s", request_id="r", attempt=2, trace=f"00-{TRACE}-{SPAN}-01"):
        told = {"job_id": "j", "session_id": "s", "request_id": "r", "attempt": "2", "trace": f"00-{TRACE}-{SPAN}-01"}
        assert call_meta() == told
        assert call_meta(hand_over="a/1") == told | {"hand_over": "a/1"}


def test_nothing_travels_where_nothing_is_known():
    assert call_meta() == {}


@pytest.mark.parametrize("trace", [f"00-{TRACE}-{SPAN}-01", f"{TRACE}/17;o=1", TRACE])
def test_the_worker_reads_the_same_trace(trace):
    with log_context(trace=trace):
        here, meta = dict(log_fields()), dict(call_meta())
    with log_context(trace=str(meta["trace"])):
        assert dict(log_fields()) == here
