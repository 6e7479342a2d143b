"""How often one owner may ask: so many requests in any minute, counted by each process for itself."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cantilena.errors import CantilenaError

_SLOT_SECONDS: Final = 5
_SLOTS: Final = 60 // _SLOT_SECONDS
_MOST_OWNERS: Final = 20_000


class LimitError(CantilenaError):
    """Somebody asks too much: ``too_many_requests`` (retryable).

    Attributes
    ----------
    retry_after : float
        Seconds until asking again makes sense.
    """

    def __init__(self, code: str, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(code, message, hint=hint, retryable=True)
        self.retry_after = retry_after


class Limits:
    """Counts the requests of each owner; safe under threads.

    Parameters
    ----------
    per_minute : int
        Requests in any sixty seconds; 0: any number.
    now : callable
        Seconds of any clock that does not go back.
    """

    def __init__(self, per_minute: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, dict[int, int]] = OrderedDict()

    def admit(self, owner: str) -> None:
        """Count a request.

        Raises
        ------
        LimitError
            ``too_many_requests``; a request that is refused is not counted.
        """
        if not self._per_minute:
            return
        with self._lock:
            now = self._now()
            slot = math.floor(now / _SLOT_SECONDS)
            counts = self._counts.setdefault(owner, {})
            for old in [old for old in counts if old < slot - _SLOTS]:  # a slot counts until all of it is a minute old
                del counts[old]
            if sum(counts.values()) >= self._per_minute:
                again = (min(counts) + _SLOTS + 1) * _SLOT_SECONDS - now
                raise LimitError(
                    "too_many_requests",
                    f"There were more than {self._per_minute} requests within a minute.",
                    retry_after=max(1, math.ceil(again)),
                    hint="Ask less often: wait for a job with ?wait=25, or listen to its events.",
                )
            counts[slot] = counts.get(slot, 0) + 1
            self._counts.move_to_end(owner)
            while len(self._counts) > _MOST_OWNERS:  # whoever was silent for longest
                self._counts.popitem(last=False)
