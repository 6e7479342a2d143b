"""A token stops what runs under it, wherever it is, and nothing else."""

from __future__ import annotations

import threading

import pytest

from cantilena.cancellation import CancelToken, check_canceled, interrupted_by, run_stoppable, stoppable
from cantilena.errors import CanceledError
from cantilena.tracing import SongTrace


def test_work_that_nobody_can_stop_goes_on() -> None:
    check_canceled()
    with interrupted_by(lambda: pytest.fail("nobody asked")):
        pass
    with pytest.raises(ValueError, match="its own"), interrupted_by(lambda: None):
        raise ValueError("its own")


def test_work_finds_out_between_two_steps() -> None:
    token = CancelToken()
    with stoppable(token):
        check_canceled()
        token.cancel()
        token.cancel()
        with pytest.raises(CanceledError):
            check_canceled()
    check_canceled()


def test_what_cannot_ask_is_ended_from_outside() -> None:
    token, ended = CancelToken(), threading.Event()

    def run() -> None:
        threading.Timer(0.01, token.cancel).start()
        ended.wait()
        raise RuntimeError("the run was ended")

    with stoppable(token), pytest.raises(CanceledError) as caught, interrupted_by(ended.set):
        run()
    assert isinstance(caught.value.__context__, RuntimeError)


def test_a_result_that_comes_too_late_is_not_wanted() -> None:
    token = CancelToken()
    with stoppable(token), pytest.raises(CanceledError), interrupted_by(lambda: None):
        token.cancel()


def test_nothing_is_begun_after_the_end() -> None:
    token = CancelToken()
    token.cancel()
    with stoppable(token), pytest.raises(CanceledError), interrupted_by(lambda: None):
        pytest.fail("it was begun")


def test_an_error_of_the_work_itself_stays_what_it_is() -> None:
    with stoppable(CancelToken()), pytest.raises(ValueError, match="broken"), interrupted_by(lambda: None):
        raise ValueError("broken")


def test_nobody_is_called_once_the_block_has_ended() -> None:
    token, calls = CancelToken(), []
    with token.calling(lambda: calls.append("too late")):
        pass
    token.cancel()
    assert calls == []


def test_a_token_stops_its_own_thread_only() -> None:
    token, other = CancelToken(), []
    token.cancel()
    with stoppable(token):
        thread = threading.Thread(target=lambda: other.append(check_canceled()))
        thread.start()
        thread.join()
    assert other == [None]


def test_a_step_that_was_stopped_says_so() -> None:
    token, trace = CancelToken(), SongTrace()
    token.cancel()
    with pytest.raises(CanceledError), stoppable(token), trace.timed("pitch", phrase=0):
        check_canceled()
    assert trace.records["pitch"].outcome == "canceled"


def test_work_that_is_told_to_stop_ends() -> None:
    token, told = CancelToken(), threading.Event()

    def work() -> int:
        threading.Timer(0.01, token.cancel).start()
        told.wait()
        return 1

    with stoppable(token), pytest.raises(CanceledError):
        run_stoppable(work, stop=told.set)


def test_work_that_does_not_listen_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cantilena.cancellation.PATIENCE_SECONDS", 0.01)
    token, ended, seen = CancelToken(), threading.Event(), threading.Event()

    def work() -> None:
        token.cancel()
        ended.wait()
        seen.set()

    with stoppable(token), pytest.raises(CanceledError):
        run_stoppable(work, stop=lambda: None)
    assert not seen.is_set()
    ended.set()
    assert seen.wait(30)


def test_what_the_work_gives_or_raises_is_handed_on() -> None:
    assert run_stoppable(lambda: 1, stop=lambda: None) == 1
    with stoppable(CancelToken()):
        assert run_stoppable(lambda: 2, stop=lambda: None) == 2
        with pytest.raises(ZeroDivisionError):
            run_stoppable(lambda: 1 / 0, stop=lambda: None)
