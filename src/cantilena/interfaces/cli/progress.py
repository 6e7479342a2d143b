"""Progress on standard error while a song is sung or a voicebank fetched: a bar, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from cantilena.distribution.fetch import DownloadProgress
    from cantilena.takes import Progress


@contextmanager
def phrase_progress(shown: Literal["bar", "json", "none"]) -> Iterator[Callable[[Progress], None] | None]:
    """Give the callback that shows each finished phrase."""
    if shown == "bar":
        with _bar() as on_progress:
            yield on_progress
    elif shown == "json":
        yield _write_json_line
    else:
        yield None


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("singing"), BarColumn(), MofNCompleteColumn(), TextColumn("phrases"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("singing", total=None)

        def advance(progress: Progress) -> None:
            bar.update(task, completed=progress.phrase, total=progress.phrases)

        yield advance


@contextmanager
def download_progress(shown: Literal["bar", "json", "none"]) -> Iterator[Callable[[DownloadProgress], None] | None]:
    """Give the callback that shows how far the download of a voicebank is; it may be called from any thread."""
    if shown == "bar":
        with _DownloadBar() as bar:
            yield bar.advance
    elif shown == "json":
        yield _DownloadLines().advance
    else:
        yield None


class _DownloadBar:
    """A bar for each voicebank, shown from its first bytes on: most songs download nothing."""

    def __init__(self) -> None:
        self._bars = ExitStack()
        self._tasks: dict[str, Callable[[int], None]] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.close()

    def advance(self, progress: DownloadProgress) -> None:
        with self._lock:
            if progress.voicebank not in self._tasks:
                self._tasks[progress.voicebank] = self._begin(progress.voicebank, progress.bytes_total)
            self._tasks[progress.voicebank](progress.bytes)

    def _begin(self, name: str, total: int) -> Callable[[int], None]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bar

        self._bars.close()  # the one before is done
        columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bar = self._bars.enter_context(Bar(*columns, console=Console(stderr=True), transient=True))
        task = bar.add_task(name, total=total)
        return lambda done: bar.update(task, completed=done)


class _DownloadLines:
    """A JSON line for each hundredth of a download."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._lock = Lock()

    def advance(self, progress: DownloadProgress) -> None:
        share = int(100 * progress.bytes / max(progress.bytes_total, 1))
        with self._lock:
            if share <= self._told.get(progress.voicebank, -1):
                return
            self._told[progress.voicebank] = share
            line = {
                "event": "download",
                "voicebank": progress.voicebank,
                "bytes": progress.bytes,
                "bytes_total": progress.bytes_total,
                "progress": share / 100,
                "message": f"fetching {progress.voicebank}, {share} %",
            }
            sys.stderr.write(json.dumps(line) + "\n")
            sys.stderr.flush()


def _write_json_line(progress: Progress) -> None:
    line = {
        "event": "phrase",
        "step": "synthesize_audio",
        "phrase": progress.phrase,
        "phrases": progress.phrases,
        "progress": round(progress.phrase / progress.phrases, 4),
        "message": f"phrase {progress.phrase} of {progress.phrases}",
        "onset": progress.onset,
        "offset": progress.offset,
        "cached": progress.cached,
    }
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
