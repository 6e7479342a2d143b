"""The voicebanks at hand, looked up now and then, and never while a request waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from cantilena.errors import CantilenaError, VoicebankError
from cantilena.tracing import log_event

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo

Look = Callable[[], "tuple[VoicebankInfo, ...]"]

BELIEVED_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 2.0
_FIRST_SECONDS: Final = 2.0


class VoicebankList:
    """What was found last, for as long as nothing newer is: a bucket that is out of reach takes no voice away.

    Safe under threads; the looking is done in a thread of its own, one at a time.

    Parameters
    ----------
    look : callable
        Finds them all, however long that takes.
    now : callable
        Seconds of a clock that does not go back.
    """

    def __init__(self, look: Look, *, now: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._now = now
        self._lock = Lock()
        self._looking: Thread | None = None
        self._tried_at = float("-inf")
        self._found: tuple[VoicebankInfo, ...] | None = None
        self._found_at = float("-inf")
        self._error: CantilenaError | None = None

    def __call__(self) -> tuple[VoicebankInfo, ...]:
        """All of them.

        Raises
        ------
        CantilenaError
            Nothing was ever found, and why; ``voicebanks_unreachable`` (retryable): not yet.
        """
        looking = self._begin_look()
        if self._found is None and looking is not None:
            looking.join(timeout=_FIRST_SECONDS)
        if self._found is not None:
            return self._found
        raise self._error or VoicebankError(
            "voicebanks_unreachable", "The voicebanks cannot be reached.", hint="Try again in a moment.", retryable=True
        )

    def _begin_look(self) -> Thread | None:
        """The look that is under way, begun now if one is due."""
        with self._lock:
            now = self._now()
            if self._looking is not None and self._looking.is_alive():
                return self._looking
            if now - self._found_at < BELIEVED_SECONDS or now - self._tried_at < _PAUSE_SECONDS:
                return None
            self._tried_at = now
            self._looking = Thread(target=self._find, name="voicebanks", daemon=True)
            self._looking.start()
            return self._looking

    def _find(self) -> None:
        try:
            self._found, self._found_at, self._error = self._look(), self._now(), None
        except CantilenaError as error:
            self._error = error
        except Exception as error:  # whatever it is, the next look may do better
            log_event("internal_error", severity="error", exc_info=error)
