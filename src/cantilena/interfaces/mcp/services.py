"""What the tools work with: files, jobs, voicebanks; made once for a server, the heavy ones on first use."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
from anyio import to_thread

from cantilena.cancellation import CancelToken
from cantilena.errors import CantilenaError, VoicebankError
from cantilena.ports.jobs import Job

if TYPE_CHECKING:
    from cantilena.interfaces.mcp.arguments import ScoreArguments
    from cantilena.service.file_access import FileAccess
    from cantilena.service.song_jobs import SongJobs
    from cantilena.voicebank import VoicebankInfo

_PLAIN_NAME: Final = re.compile(r"\w[\w .+-]*")
_ENCODING: Final = re.compile(r"\A(\s*<\?xml[^>]{0,100}?)\s+encoding\s*=\s*(\"[^\"]*\"|'[^']*')")
_READERS: Final = 4
_WAITERS: Final = 1000
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFile:
    """A score as it came, and its name."""

    data: bytes
    name: str


class Services:
    """What the tools work with.

    Parameters
    ----------
    files : FileAccess
        What may be read and written.
    jobs : SongJobs
        Where songs are sung.
    """

    def __init__(self, files: FileAccess, jobs: SongJobs) -> None:
        self.files = files
        self.jobs = jobs
        self._readers = anyio.CapacityLimiter(_READERS)  # work: reading scores, looking into voicebanks
        self._waiters = anyio.CapacityLimiter(_WAITERS)  # no work: a cheap call is not stuck behind those who wait

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Do something short in a thread; a client that is gone is not waited for."""
        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._readers)

    def read_score(self, arguments: ScoreArguments) -> ScoreFile:
        """The score of a call.

        Raises
        ------
        CantilenaError
            As :meth:`FileAccess.read`.
        """
        if arguments.musicxml is not None:
            # whatever encoding the text was in when it was a file, it is in none now
            text = _ENCODING.sub(r"\1", arguments.musicxml.removeprefix("\ufeff"), count=1)
            return ScoreFile(data=text.encode("utf-8", "replace"), name="score.musicxml")
        from cantilena.score.container import MAX_FILE_BYTES

        path = arguments.path or ""
        return ScoreFile(data=self.files.read(path, max_bytes=MAX_FILE_BYTES), name=PurePosixPath(path).name or "score")

    def voicebank_id(self, voicebank: str) -> str:
        """An id and nothing else: a folder is not for somebody at a distance to name.

        Raises
        ------
        VoicebankError
            ``voicebank_unknown``.
        """
        if not _PLAIN_NAME.fullmatch(voicebank) or Path(voicebank).exists():
            known = [info.id for info in self.voicebanks()]
            if voicebank not in known:
                raise VoicebankError(
                    "voicebank_unknown",
                    f"There is no voicebank {voicebank[:80]!r}.",
                    hint=f"There is {', '.join(known)[:300] or 'none'}.",
                )
        return voicebank

    def voicebanks(self) -> tuple[VoicebankInfo, ...]:
        """The voicebanks at hand."""
        from cantilena.voicebanks import list_voicebanks

        return list_voicebanks()

    async def wait(self, job_id: str, *, seconds: float, report: Callable[[float, str], Awaitable[None]]) -> Job:
        """A job once it is finished, or as it is when the time is up; a caller who goes away stops the waiting at once.

        Parameters
        ----------
        job_id : str
            Which one.
        seconds : float
            How long.
        report : callable
            Told how far the job is, each time further, and in which step.

        Raises
        ------
        CantilenaError
            ``job_unknown``, ``jobs_unreachable``.
        """
        stop = CancelToken()
        send, receive = anyio.create_memory_object_stream[Job](math.inf)

        def changed(job: Job) -> None:
            anyio.from_thread.run_sync(send.send_nowait, job)

        async def tell() -> None:
            async for job in receive:
                await report(job.progress, f"{job.step}: {job.message}" if job.step else job.message)

        wait = partial(self.jobs.wait, job_id, seconds=seconds, on_change=changed, stop=stop)
        found: Job | CantilenaError
        async with receive, anyio.create_task_group() as group:
            group.start_soon(tell)
            try:
                with send:
                    found = await to_thread.run_sync(wait, abandon_on_cancel=True, limiter=self._waiters)
            except CantilenaError as error:  # raised in here it would come out in a group of errors
                found = error
            finally:
                stop.cancel()
        if isinstance(found, CantilenaError):
            raise found
        return found
