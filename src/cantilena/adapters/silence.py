"""A server that has fallen silent, and those who would wait for it.

Conventions
-----------
While a server is silent one caller at a time finds out whether it answers again, and all others are told at once: else
every thread of a process would soon wait for the same answer, and what needs no server would wait for a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic


class StillSilent(Exception):
    """The server does not answer, and somebody is finding out whether it does by now."""


class Silence:
    """What is known of one server, by all threads of a process."""

    def __init__(self) -> None:
        self._asking = Lock()
        self._answered_at = monotonic()
        self._is_silent = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call of the server: a block that raises ``TimeoutError`` when there was no answer to it.

        Whatever else it raises says nothing about silence: a connection that is refused is refused at once.

        Raises
        ------
        StillSilent
            At once.
        """
        began, asks_for_all = monotonic(), self._is_silent
        if asks_for_all and not self._asking.acquire(blocking=False):
            raise StillSilent
        try:
            yield
        except TimeoutError:
            if self._answered_at < began:  # nobody else had an answer either
                self._is_silent = True
            raise
        else:
            self._answered_at, self._is_silent = monotonic(), False
        finally:
            if asks_for_all:
                self._asking.release()
