"""Progress on standard error while a song is sung: a bar, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
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
