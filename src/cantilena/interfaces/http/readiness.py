"""Whether everything is there that singing needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cantilena.errors import CantilenaError
from cantilena.interfaces.http.callers import Desk

_BELIEVED_SECONDS: Final = 2.0
_OK: Final = "ok"

Check = Callable[[], None]


class Readiness:
    """Looks after what the service needs; a look is believed for two seconds, for anybody may ask.

    Parameters
    ----------
    desk : Desk
        Does the looking.
    is_singing : callable
        Whether a worker would begin a song at once.
    """

    def __init__(self, desk: Desk, *, is_singing: Callable[[], bool]) -> None:
        self._desk = desk
        self._is_singing = is_singing
        self._looked_at = float("-inf")
        self._checks: dict[str, str] = {}
        self._looking: asyncio.Task[None] | None = None

    async def checks(self) -> dict[str, str]:
        """By name: ok, or what is wrong."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._looked_at >= _BELIEVED_SECONDS:
            if self._looking is None:
                self._looking = loop.create_task(self._look())
            await asyncio.shield(self._looking)
        return {**self._checks, "worker": _OK if self._is_singing() else "worker_not_ready"}

    async def _look(self) -> None:
        service = self._desk.service
        checks: dict[str, Check] = {
            "sessions": service.sessions.ping,
            "jobs": service.jobs.ping,
            "objects": service.stores.objects.ping,
            "dispatch": service.dispatcher.ping,
            "voicebanks": self._require_voicebank,
        }
        try:
            found = await asyncio.gather(*(self._result(check) for check in checks.values()))
            self._checks = dict(zip(checks, found, strict=True))
            self._looked_at = asyncio.get_running_loop().time()
        finally:
            self._looking = None

    async def _result(self, check: Check) -> str:
        try:
            await self._desk.ask(check)
        except CantilenaError as error:
            return error.code
        return _OK

    def _require_voicebank(self) -> None:
        if not any(info.problem is None for info in self._desk.service.voicebanks()):
            raise CantilenaError("voicebank_missing", "There is no voicebank.")
