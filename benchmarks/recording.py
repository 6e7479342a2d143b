"""What the models of a process do and when, by watching onnxruntime itself: no code of Cantilena's takes part."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import onnxruntime

Span = tuple[float, float]

ROLES = {
    "encoder_out": "linguistic", "ph_dur_pred": "dur", "pitch_pred": "pitch", "mel": "acoustic", "waveform": "vocoder",
    "energy_pred": "variance", "breathiness_pred": "variance", "voicing_pred": "variance", "tension_pred": "variance",
}  # fmt: skip
"""A model is known by what it gives; whatever else Cantilena has onnxruntime compute is work of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """One run of one model.

    Attributes
    ----------
    role : str
        ``linguistic, dur, pitch, variance, acoustic`` or ``vocoder``.
    span : tuple of float
        Its beginning and end on ``time.perf_counter``.
    session, names, feeds, results
        What ran, what it was asked for, what it was fed and what it gave; None unless they are kept.
    """

    role: str
    span: Span
    session: Any = None
    names: Any = None
    feeds: Any = None
    results: Any = None

    @property
    def seconds(self) -> float:
        return self.span[1] - self.span[0]


@dataclass(slots=True, kw_only=True)
class Recording:
    """Every opening of a session, and every run of a voicebank's model, since :func:`record_models`."""

    loads: list[Span] = field(default_factory=list)
    runs: list[ModelRun] = field(default_factory=list)

    def seconds_of(self, role: str) -> float:
        return sum(run.seconds for run in self.runs if run.role == role)

    @property
    def run_spans(self) -> list[Span]:
        return [run.span for run in self.runs]

    def clear(self) -> None:
        self.loads.clear()
        self.runs.clear()


def record_models(*, keep: bool = False) -> Recording:
    """Watch every model of this process from now on; ``keep``: what they are fed and give, too."""
    recording = Recording()
    lock = threading.Lock()
    session = onnxruntime.InferenceSession
    construct, run = session.__init__, session.run

    def watched_construct(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- stands in for any of them
        begin = time.perf_counter()
        construct(self, *args, **kwargs)
        with lock:
            recording.loads.append((begin, time.perf_counter()))

    def watched_run(self: Any, names: Any, feeds: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        begin = time.perf_counter()
        results = run(self, names, feeds, *args, **kwargs)
        span = (begin, time.perf_counter())
        kept = {"session": self, "names": names, "feeds": dict(feeds), "results": results} if keep else {}
        role = next((ROLES[output.name] for output in self.get_outputs() if output.name in ROLES), None)
        if role is not None:
            with lock:
                recording.runs.append(ModelRun(role=role, span=span, **kept))
        return results

    session.__init__ = watched_construct
    session.run = watched_run
    for name in ("run_with_iobinding", "run_with_ort_values"):
        setattr(session, name, _refused(name))
    return recording


def covered(spans: Iterable[Span]) -> float:
    """Seconds that lie in at least one span: runs side by side count once."""
    seconds, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        seconds += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return seconds


def _refused(name: str) -> Callable[..., Any]:
    """Another way of running a model would go by unseen, and its time would count as Cantilena's own."""

    def refused(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        raise RuntimeError(f"{name} would run a model that the benchmarks do not see")

    return refused
