"""When a process that ended is started again: soon after the first time, later after each further one, then not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How often and after what pause.

    Attributes
    ----------
    limit : int
        Restarts within ``window_seconds``; after so many there is none until the earliest is that long ago.
    window_seconds : float
        What lies further back is forgotten.
    first_pause, longest_pause : float
        Seconds before the second restart of a window, doubled with each further one up to the longest. The first has
        no pause: most deaths are single.
    """

    limit: int = 5
    window_seconds: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 8.0

    def next_start(self, restarts: Sequence[float], now: float) -> NextStart:
        """When to start again, a process having ended now.

        Parameters
        ----------
        restarts : sequence of float
            When processes were started after the first, in order; seconds of the clock that ``now`` is of.
        now : float
            Now.
        """
        recent = [at for at in restarts if now - at < self.window_seconds]
        pause = min(self.first_pause * 2.0 ** (len(recent) - 1), self.longest_pause) if recent else 0.0
        if len(recent) < self.limit:
            return NextStart(seconds=pause, is_soon=True)
        return NextStart(seconds=max(recent[-self.limit] + self.window_seconds - now, pause), is_soon=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStart:
    """When a process is started again.

    Attributes
    ----------
    seconds : float
        From now.
    is_soon : bool
        Whether a call had better wait for it.
    """

    seconds: float
    is_soon: bool
