"""The workers of this process as those who sing for a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio

from cantilena.ports.jobs import JobWarning
from cantilena.ports.singers import OnProgress, SongFile, SongOrder, SungSong
from cantilena.tracing import STEPS
from cantilena.worker.errors import WorkerError, answer_invalid
from cantilena.worker.options import Answer, Progress
from cantilena.worker.supervisor import Worker

_FORMAT: Final = "wav"
"""What a song is written as when nobody wished for anything; the tool's own choice is another."""
_POLL_SECONDS: Final = 0.1


class WorkerSinger:
    """A :class:`~cantilena.ports.singers.Singer`.

    Parameters
    ----------
    workers : sequence of Worker
        Each sings one song at a time.
    files : Path
        The folder that they share with whoever orders songs.
    """

    def __init__(self, workers: Sequence[Worker], *, files: Path) -> None:
        self._workers = tuple(workers)
        self._files = files.resolve()

    async def is_ready(self, *, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            while self._idle() is None:
                await anyio.sleep(_POLL_SECONDS)
        return self._idle() is not None

    async def sing(self, order: SongOrder, *, on_progress: OnProgress) -> SungSong:
        worker = self._idle() or min(self._workers, key=lambda worker: worker.depth["songs"].waiting)

        async def tell(progress: Progress) -> None:
            head, colon, message = progress.message.partition(": ")
            step = head if colon and head in STEPS else ""
            on_progress(step, message if step else progress.message, progress.value)

        answer = await worker.call(
            "synthesize",
            {"format": _FORMAT, **order.wishes, "path": self._shared(order.score)},
            seconds=order.seconds,
            on_progress=tell,
            is_repeatable=True,
            meta={"hand_over": self._shared(order.folder)},
        )
        try:
            return _read(answer, order.folder)
        except (KeyError, TypeError, ValueError) as error:
            raise self._invalid(worker, f"{type(error).__name__}: {error}") from error

    def _idle(self) -> Worker | None:
        """A worker that would begin a song at once."""
        return next((worker for worker in self._workers if worker.is_ready and not worker.depth["songs"].running), None)

    def _shared(self, path: Path) -> str:
        """A path as the worker is told it."""
        return path.resolve().relative_to(self._files).as_posix()

    def _invalid(self, worker: Worker, reason: str) -> WorkerError:
        return answer_invalid(worker.name, "synthesize", reason)


def _read(answer: Answer, folder: Path) -> SungSong:
    """What a tool answered that has handed its files over."""
    song = answer.content
    if song["status"] != "succeeded":
        raise ValueError(f"the song is {song['status']}")
    outputs = [output for output in song["outputs"] if output["kind"] != "score"]
    return SungSong(
        files=tuple(sorted((_file(output, folder) for output in outputs), key=lambda file: file.kind)),
        voicebank=(song["voicebank"]["id"], song["voicebank"]["version"]),
        warnings=tuple(
            JobWarning(
                code=one["code"], message=one["message"], part=one.get("part"), measure=one.get("measure")
            )
            for one in song.get("warnings", ())
        ),
        timings_ms=dict(song["timings_ms"]),
        audio_seconds=song["duration_seconds"],
        rtf=song["rtf"],
    )  # fmt: skip


def _file(output: Mapping[str, Any], folder: Path) -> SongFile:
    path = folder / output["name"]
    if not path.is_file():
        raise ValueError(f"{output['name']} was not handed over")
    return SongFile(
        path=path,
        kind=output["kind"],
        format=output["format"],
        duration_seconds=output.get("duration_seconds"),
        sample_rate=output.get("sample_rate"),
    )
