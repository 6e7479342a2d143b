"""What a worker is told when it is started, and what it tells of itself and its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cantilena.worker.restarts import RestartPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How long things may take, and how many at once.

    Attributes
    ----------
    ready_seconds : float
        From the start of a process to the list of its tools.
    quiet_seconds : float
        A process that works on a call and says nothing for so long is asked whether it is alive. A song tells its
        progress every 5 s at least.
    answer_seconds : float
        A process that does not answer that question for so long is killed.
    drain_seconds : float
        What calls under way are given to finish when the worker is stopped; Cloud Run allows 10 s for everything.
    end_seconds : float
        What a process is given to end by itself when its input is closed.
    songs_waiting, calls_waiting : int
        How many calls may wait for a song's turn, and for another call's.
    restarts : RestartPolicy
        How often a process that ended is started again.
    """

    ready_seconds: float = 30.0
    quiet_seconds: float = 15.0
    answer_seconds: float = 5.0
    drain_seconds: float = 6.0
    end_seconds: float = 5.0
    songs_waiting: int = 16
    calls_waiting: int = 64
    restarts: RestartPolicy = field(default_factory=RestartPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool answered.

    Attributes
    ----------
    content : mapping
        Its structured content, as its output schema says.
    text : str
        One line.
    attempt : int
        1; 2 when the worker died on the first.
    """

    content: Mapping[str, Any]
    text: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a call is: ``value`` of ``total``, higher each time."""

    value: float
    total: float | None
    message: str


OnProgress = Callable[[Progress], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many calls run and how many wait."""

    running: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes that went to the worker's processes and came from them, since the worker was started."""

    sent: int
    received: int
