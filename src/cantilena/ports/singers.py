"""Who sings: a process of its own, as a rule, that is given a score as a file and leaves audio as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from cantilena.ports.jobs import JobWarning

OnProgress = Callable[[str, str, float], None]
"""Told how far a song is: the furthest step begun (empty: none), a message, and 0..1, higher each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SongOrder:
    """A song to be sung.

    Attributes
    ----------
    score : Path
        The file, in a folder that the singer shares.
    wishes : mapping
        How, as :meth:`cantilena.service.song_wishes.SongWishes.to_json` has it.
    folder : Path
        Where the files of the song go; shared, too.
    seconds : float
        What the singing may take.
    """

    score: Path
    wishes: Mapping[str, Any]
    folder: Path
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SongFile:
    """A file of a song that was sung; length and rate are those of audio."""

    path: Path
    kind: Literal["audio", "timings"]
    format: str
    duration_seconds: float | None = None
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SungSong:
    """What came of an order.

    Attributes
    ----------
    files : tuple of SongFile
        The audio first.
    voicebank : tuple of (str, str)
        Id and version of who sang.
    warnings, timings_ms, audio_seconds, rtf
        As the job has them.
    """

    files: tuple[SongFile, ...]
    voicebank: tuple[str, str]
    warnings: tuple[JobWarning, ...]
    timings_ms: Mapping[str, float]
    audio_seconds: float
    rtf: float


class Singer(Protocol):
    """Whoever sings; what is known of the caller (:func:`cantilena.tracing.log_context`) is said in its log, too."""

    async def is_ready(self, *, seconds: float) -> bool:
        """Whether a song would be begun at once, waited for so long at most."""
        ...

    async def sing(self, order: SongOrder, *, on_progress: OnProgress) -> SungSong:
        """Sing; cancelled, it stops the song within a second. Raises :class:`~cantilena.errors.CantilenaError`."""
        ...
