"""How far a song is: a number that rises with every step of every phrase, and between them while a step is long.

Conventions
-----------
Each step of each phrase has a stretch of 0..1, as long as it usually takes; they follow each other in the order in
which the steps begin, whatever that is. A step that begins moves the number to the beginning of its stretch; a
:meth:`SongProgress.tick` moves it a part of the way to the end, which it never reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Final

from cantilena.tracing import STEPS

WAITING: Final = 0.01
"""Where a song begins that waited: until then ticks move it from 0."""

_PREPARED: Final = 0.04
_SUNG: Final = 0.97
_LEVELLED: Final = 0.98
_BEFORE: Final[Mapping[str, tuple[float, str]]] = MappingProxyType(
    {
        "parse": (WAITING, "reading the score"),
        "voicebank": (0.015, "opening the voicebank"),
        "plan": (0.03, "laying out the song"),
    }
)
_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"align": 0.01, "durations": 0.02, "pitch": 0.12, "variance": 0.08, "synthesize_audio": 0.75, "postprocess": 0.02}
)
"""Shares of a phrase's time that its steps take."""
_TICK: Final = 0.03  # of what is left: the number still rises after half an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment of a song.

    Attributes
    ----------
    step : str
        The furthest of the six steps begun; empty: none.
    message : str
        What is done now.
    progress : float
        0..1.
    """

    step: str
    message: str
    progress: float


def further_step(one: str, other: str) -> str:
    """Whichever of two steps comes later; empty: none has begun.

    >>> further_step("pitch", "align"), further_step("", "durations")
    ('pitch', 'durations')
    """
    return max(one, other, key=lambda step: STEPS.index(step) if step else -1)


class SongProgress:
    """Where a song is; told what begins, it says how far that is. Safe under threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now = Moment(step="", message="waiting", progress=0.0)
        self._end = WAITING
        self._shares: tuple[float, ...] = ()  # of the song, by phrase
        self._begun: dict[tuple[str, int], float] = {}  # steps of phrases, each with its share of the song

    @property
    def now(self) -> Moment:
        with self._lock:
            return self._now

    def plan(self, lengths: Sequence[float]) -> None:
        """Say how long each phrase is, which is known once the song is laid out."""
        total = sum(lengths) or 1.0
        with self._lock:
            self._shares = tuple(length / total for length in lengths)

    def begin(self, step: str, phrase: int | None) -> bool:
        """A step begins; whether that is news: what goes on inside a phrase beside its steps is none."""
        with self._lock:
            if step in _BEFORE and not self._shares:
                begin, message = _BEFORE[step]
                self._move("", message, begin, _PREPARED)
            elif step in STEPS and phrase is not None:
                message = f"phrase {phrase + 1} of {len(self._shares)}"
                begin = self._sung()
                self._begun[step, phrase] = self._shares[phrase] * _WEIGHTS[step]
                self._move(step, message, begin, self._sung())
            elif step == "postprocess":
                self._move(step, "levelling", _SUNG, _LEVELLED)
            elif step == "encode":
                self._move("postprocess", "writing the audio", _LEVELLED, 1.0)
            else:
                return False
            return True

    def tick(self) -> None:
        """Time goes by."""
        with self._lock:
            now = self._now
            progress = now.progress + _TICK * (self._end - now.progress)
            self._now = Moment(step=now.step, message=now.message, progress=progress)

    def _sung(self) -> float:
        """How far the song is when all steps that have begun are over."""
        return _PREPARED + (_SUNG - _PREPARED) * min(sum(self._begun.values()), 1.0)

    def _move(self, step: str, message: str, begin: float, end: float) -> None:
        step = further_step(self._now.step, step)
        self._now = Moment(step=step, message=message, progress=max(self._now.progress, begin))
        self._end = max(end, self._now.progress)
