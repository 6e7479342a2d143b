"""The one way to time and log: every step of a song, and the song as a whole.

Nothing else in the package reads a clock to time a step. Lyrics and scores are never logged, only sizes. What is known
of the call that a song is sung for is said once, in :func:`log_context`, and stands in every line.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from cantilena.errors import CanceledError

STEPS: Final = ("align", "durations", "pitch", "variance", "synthesize_audio", "postprocess")
"""The six public steps of a song, in order."""

Outcome = Literal["ok", "cached", "skipped", "failed", "canceled"]
_OUTCOMES: Final[tuple[Outcome, ...]] = ("skipped", "cached", "ok", "failed", "canceled")
"""A step that went differently in different phrases has the last of their outcomes."""


Severity = Literal["debug", "info", "warning", "error", "critical"]

_NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})
_context: Final[ContextVar[Mapping[str, Any]]] = ContextVar("cantilena_log_context", default=_NO_FIELDS)
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}.*")
_CLOUD_TRACE: Final = re.compile(r"(?P<trace>[0-9a-f]{32})(/(?P<span>\d{1,20}))?(;.*)?")
_MOST_SPANS: Final = 2**64


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:  # noqa: ANN401 -- whatever a line can hold
    """Say something of every line that is logged inside the block, by this thread or task.

    A thread begun inside the block says it too if it is given the fields: ``with log_context(**log_fields())``.

    Parameters
    ----------
    **fields
        ``job_id, session_id, request_id, attempt``; None: nothing is said. ``trace`` is the request that is served, as
        a header ``traceparent`` or ``X-Cloud-Trace-Context`` tells it, and becomes the fields ``trace_id`` and
        ``span_id``; anything else in it is left out.
    """
    said = {name: value for name, value in fields.items() if value is not None}
    trace = _read_trace(str(said.pop("trace", "")))
    reset = _context.set(MappingProxyType({**_context.get(), **said, **trace}))
    try:
        yield
    finally:
        _context.reset(reset)


def log_fields() -> Mapping[str, Any]:
    """What :func:`log_context` says here."""
    return _context.get()


def trace_header() -> str | None:
    """What :func:`log_context` reads a trace from: a ``traceparent``, or its id alone where it has no span."""
    trace, span = _context.get().get("trace_id"), _context.get().get("span_id")
    if trace is None:
        return None
    return str(trace) if span is None else f"00-{trace}-{span}-01"


def log_event(event: str, *, severity: Severity = "info", **fields: object) -> None:
    """Log what happens around the songs: jobs, tools, workers."""
    _emit(severity, event, **fields)


def _read_trace(text: str) -> dict[str, str]:
    """The ids of a trace and of the span in it, both hexadecimal, as far as they are told."""
    found = _TRACEPARENT.fullmatch(text)
    if found is not None:
        return {"trace_id": found["trace"], "span_id": found["span"]}
    found = _CLOUD_TRACE.fullmatch(text)
    if found is None:
        return {}
    span = int(found["span"] or 0)  # decimal there, and 0 where there is none
    return {"trace_id": found["trace"]} | ({"span_id": f"{span:016x}"} if 0 < span < _MOST_SPANS else {})


def _emit(level: Severity, event: str, **fields: object) -> None:
    """Log an event, if whoever runs this process set up structlog: a library is silent by itself.

    Importing structlog takes longer than reading a score, so that is left to those who want its lines.
    """
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        with suppress(OSError, ValueError):  # nobody reads any more, or the disk is full: no line is worth a song
            getattr(structlog.get_logger("cantilena"), level)(event, **{**_context.get(), **fields})


@dataclass(slots=True)
class StepRecord:
    """What one step took so far, summed over phrases; the ``with`` block may set ``frames`` and ``outcome``."""

    elapsed_ms: float = 0.0
    phrases: int = 0
    frames: int = 0
    outcome: Outcome = "skipped"


@dataclass(slots=True)
class Span:
    """Handle inside a ``with trace.timed(...)`` block."""

    frames: int = 0
    outcome: Outcome = "ok"


OnStep = Callable[[str, int | None], None]


@dataclass(slots=True)
class SongTrace:
    """Times the steps of one song and logs them.

    ``timed(step)`` measures a block; ``finish`` writes one ``synthesize_step`` line for each of the six steps in
    order, whether it ran or not, and one ``synthesize_total``.

    Attributes
    ----------
    on_step : callable, optional
        Called with step and phrase whenever a block begins; what it raises ends the block.
    """

    records: dict[str, StepRecord] = field(default_factory=dict)
    on_step: OnStep | None = None
    _begin: float = field(default_factory=time.perf_counter)

    @contextmanager
    def timed(self, step: str, *, phrase: int | None = None) -> Iterator[Span]:
        """Measure one block of one step; an exception is recorded as its outcome and goes on."""
        span = Span()
        begin = time.perf_counter()
        try:
            if self.on_step is not None:
                self.on_step(step, phrase)
            yield span
        except (KeyboardInterrupt, CanceledError):
            span.outcome = "canceled"
            raise
        except BaseException:
            span.outcome = "failed"
            raise
        finally:
            elapsed_ms = (time.perf_counter() - begin) * 1000.0
            self._add(step, span, elapsed_ms, phrase)

    def _add(self, step: str, span: Span, elapsed_ms: float, phrase: int | None) -> None:
        record = self.records.setdefault(step, StepRecord())
        record.elapsed_ms += elapsed_ms
        record.frames += span.frames
        if phrase is not None:
            record.phrases += 1
            _emit(
                "debug",
                "synthesize_phrase", step=step, phrase=phrase, elapsed_ms=_round(elapsed_ms), frames=span.frames,
                outcome=span.outcome,
            )  # fmt: skip
        record.outcome = max(record.outcome, span.outcome, key=_OUTCOMES.index)

    @property
    def elapsed_ms(self) -> float:
        """Since the trace was made."""
        return (time.perf_counter() - self._begin) * 1000.0

    def timings_ms(self) -> Mapping[str, float]:
        """Milliseconds of every step timed so far, and ``total``."""
        return {step: _round(record.elapsed_ms) for step, record in self.records.items()} | {
            "total": _round(self.elapsed_ms)
        }

    def log_step(self, step: str) -> None:
        """Log one step (event ``synthesize_step``): all there is to log when it is run alone."""
        record = self.records.get(step, StepRecord())
        _emit(
            "info",
            "synthesize_step", step=step, elapsed_ms=_round(record.elapsed_ms), phrases=record.phrases,
            frames=record.frames, outcome=record.outcome,
        )  # fmt: skip

    def finish(self, *, audio_seconds: float, outcome: Outcome, **fields: object) -> None:
        """Log the six steps and the total; call once, however the song ended.

        Parameters
        ----------
        audio_seconds : float
            Length of the audio; 0 when there is none.
        outcome : str
            Of the song.
        **fields
            ``voicebank, device, cache_hits`` and whatever else belongs to the song.
        """
        for step in STEPS:
            self.log_step(step)
        elapsed_ms = self.elapsed_ms
        _emit(
            "info",
            "synthesize_total", elapsed_ms=_round(elapsed_ms), audio_seconds=round(audio_seconds, 3),
            rtf=round(elapsed_ms / 1000.0 / audio_seconds, 4) if audio_seconds else None, outcome=outcome, **fields,
        )  # fmt: skip


def log_model_loaded(*, model: str, provider: str, precision: str, size: int, elapsed_ms: float) -> None:
    """Log that an ONNX model was opened (event ``model_loaded``)."""
    _emit(
        "info",
        "model_loaded", model=model, provider=provider, precision=precision, bytes=size, elapsed_ms=_round(elapsed_ms),
    )  # fmt: skip


def log_voicebank(event: str, **fields: object) -> None:
    """Log what happens to a voicebank on its way from the bucket (``voicebank_cache_hit``, ``..._downloaded``, ...)."""
    _emit("debug" if event == "voicebank_cache_hit" else "info", event, **fields)


def log_unexpected_error(error: Exception) -> None:
    """Log a failure nobody foresaw, with its traceback, at DEBUG (event ``unexpected_error``)."""
    _emit("debug", "unexpected_error", exc_info=error)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Milliseconds of a block, left as the only item of the list when the block ends."""
    out: list[float] = []
    begin = time.perf_counter()
    try:
        yield out
    finally:
        out.append((time.perf_counter() - begin) * 1000.0)


def _round(ms: float) -> float:
    return round(ms, 1)
