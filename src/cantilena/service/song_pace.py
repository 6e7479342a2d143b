"""How long singing takes here, as far as it was seen, and whether a song can be done in the time that it is given."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Final

from cantilena.errors import OptionError
from cantilena.ports.jobs import Job
from cantilena.service.song_wishes import SongWishes

UNMEASURED_RTF: Final = 0.2
"""Seconds of work for a second of audio before anything was sung: four times what the built-in voice took."""

_REMEMBERED: Final = 8
_SHORTEST_SECONDS: Final = 5.0  # what is shorter tells of opening the models, not of singing


class SongPace:
    """What was seen of the speed of each voicebank and quality, by this process; safe under threads.

    Parameters
    ----------
    seconds : float or None
        What a song may take; None: as long as it likes.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._seen: dict[tuple[str, str], deque[float]] = {}
        self._lock = Lock()

    def learn(self, job: Job) -> None:
        """Remember how fast a job was sung, if it was."""
        if job.status != "succeeded" or job.rtf is None or (job.audio_seconds or 0.0) < _SHORTEST_SECONDS:
            return
        voicebank = job.voicebank[0] if job.voicebank else ""
        with self._lock:
            for key in ((voicebank, _effort(job.request)), ("", _effort(job.request))):
                self._seen.setdefault(key, deque(maxlen=_REMEMBERED)).append(job.rtf)

    def rtf(self, wishes: SongWishes) -> float:
        """Seconds of work for a second of audio: the slowest of the latest songs like this one."""
        with self._lock:
            seen = self._seen.get((wishes.voicebank or "", _effort(wishes.to_json())))
            return max(seen) if seen else UNMEASURED_RTF

    def require_time(self, audio_seconds: float, wishes: SongWishes) -> None:
        """Refuse a song that would not be done in time.

        Raises
        ------
        OptionError
            ``song_too_long``.
        """
        if self._seconds is None:
            return
        rtf = self.rtf(wishes)
        if audio_seconds * rtf > self._seconds:
            raise OptionError(
                "song_too_long",
                f"The song lasts {audio_seconds:.0f} s; at the {rtf:.2g} s of work that a second of it takes here, it "
                f"would be sung for {audio_seconds * rtf:.0f} s, more than the {self._seconds:.0f} s allowed.",
                hint=f"Sing some measures at a time: up to {self._seconds / rtf:.0f} s of music.",
            )


def _effort(request: object) -> str:
    """What makes a song take longer: the number of steps, or the quality that stands for one."""
    asked = request if isinstance(request, dict) else {}
    return f"{asked.get('steps') or asked.get('quality', 'normal')}/{asked.get('precision', 'fp32')}"
