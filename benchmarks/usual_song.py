"""Songs sung by the voicebank of usual size in a process of their own, and what they cost.

``python -m benchmarks.usual_song`` is the child: it takes a :class:`Task` as JSON on its command line and prints a
:class:`Costs` as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.children import run_child
from benchmarks.recording import Recording, covered, record_models

THREADS = 2
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a child sings, and how.

    Attributes
    ----------
    voicebank : str
        Folder.
    scores : tuple of str
        Files, sung one after the other with one open voicebank.
    cache : str
        Folder for quantised models; phrases are not kept.
    precision, quality, steps, low_memory
        As :func:`cantilena.sing` and :func:`cantilena.voicebank.open_voicebank` take them.
    """

    voicebank: str
    scores: tuple[str, ...]
    cache: str
    precision: str = "fp32"
    quality: str = "normal"
    steps: int | None = None
    low_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the songs of a task cost.

    Attributes
    ----------
    opened : float
        Seconds from asking for the voicebank until all its models are open.
    opened_cpu : float
        The same on all cores together.
    first_run : float
        Seconds from there until the first model runs.
    songs : float
        Seconds that the songs took, from reading the first score to the samples of the last.
    outside : float
        Of these, seconds in which no model ran and none was opened.
    audio : float
        Seconds of sound.
    models : mapping of str to float
        Seconds inside the runs of each kind of model.
    resident_mb : tuple of float
        What the process held after each song; empty where the system does not tell.
    peak_mb : float
        The most it ever held, told by the system when it ended.
    """

    opened: float
    opened_cpu: float
    first_run: float
    songs: float
    outside: float
    audio: float
    models: Mapping[str, float]
    resident_mb: tuple[float, ...]
    peak_mb: float = 0.0


def sing_in_child(task: Task) -> Costs:
    """Carry out a task in a process of its own.

    Raises
    ------
    ChildFailed
        When it does not end well.
    """
    run = run_child(
        [sys.executable, "-m", "benchmarks.usual_song", json.dumps(asdict(task))],
        environment={"CANTILENA_CACHE_DIR": task.cache, "CANTILENA_THREADS": str(THREADS)},
    )
    return Costs(**json.loads(run.output), peak_mb=run.peak_mb)


def carry_out(task: Task, recording: Recording) -> Costs:
    """Sing the songs of a task in this process."""
    from cantilena.api import sing
    from cantilena.bootstrap import content_store
    from cantilena.settings import load_settings
    from cantilena.voicebank import open_voicebank

    begin, cpu_begin = time.perf_counter(), time.process_time()
    voicebank = open_voicebank(
        Path(task.voicebank), threads=THREADS, precision=task.precision, low_memory=task.low_memory,
        store=content_store(load_settings()),
    )  # fmt: skip
    voicebank.open_all()
    opened, cpu_opened = time.perf_counter(), time.process_time()
    audio, resident = 0.0, []
    for score in task.scores:
        take = sing(
            score, voicebank=voicebank, precision=task.precision, quality=task.quality, steps=task.steps, cache=False
        )
        audio += take.duration_seconds
        del take
        resident.append(_resident_mb())
    end = time.perf_counter()
    busy = covered([span for span in (*recording.run_spans, *recording.loads) if span[1] > opened])
    return Costs(
        opened=opened - begin,
        opened_cpu=cpu_opened - cpu_begin,
        first_run=min(span[0] for span in recording.run_spans) - opened,
        songs=end - opened,
        outside=end - opened - busy,
        audio=audio,
        models={role: recording.seconds_of(role) for role in sorted({run.role for run in recording.runs})},
        resident_mb=tuple(mb for mb in resident if mb is not None),
    )


def _resident_mb() -> float | None:
    """Memory held now, in 10**6 bytes; only Linux tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * resource.getpagesize() / _MEGABYTE


if __name__ == "__main__":
    costs = asdict(carry_out(Task(**json.loads(sys.argv[1])), record_models()))
    del costs["peak_mb"]
    print(json.dumps(costs))
