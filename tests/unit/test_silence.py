"""A server that fell silent: who finds out, and who is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cantilena.adapters.silence import Silence, StillSilent


def ask(
    silence: Silence, meanwhile: Callable[[], None] = lambda: None, *, fails: type[Exception] | None = None
) -> None:
    """One call, while something else happens; it ends well, or fails as said."""
    with silence.call():
        meanwhile()
        if fails is not None:
            raise fails


@pytest.fixture
def silent() -> Silence:
    silence = Silence()
    with pytest.raises(TimeoutError):
        ask(silence, fails=TimeoutError)
    return silence


def test_while_one_asks_a_silent_server_all_others_are_told(silent: Silence) -> None:
    def others() -> None:
        for _ in range(3):
            with pytest.raises(StillSilent):
                ask(silent)

    with pytest.raises(TimeoutError):
        ask(silent, others, fails=TimeoutError)
    with pytest.raises(TimeoutError):
        ask(silent, others, fails=TimeoutError)  # the next one finds out


def test_once_it_answers_everybody_may_ask_again(silent: Silence) -> None:
    ask(silent)
    ask(silent, lambda: ask(silent))


def test_one_slow_answer_among_others_is_no_silence() -> None:
    silence = Silence()
    with pytest.raises(TimeoutError):
        ask(silence, lambda: ask(silence), fails=TimeoutError)
    ask(silence, lambda: ask(silence))


def test_a_refused_connection_is_no_silence() -> None:
    silence = Silence()
    with pytest.raises(ConnectionError):
        ask(silence, fails=ConnectionError)
    ask(silence, lambda: ask(silence))
