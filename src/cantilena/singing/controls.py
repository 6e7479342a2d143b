"""What a singer can turn while a song is sung: one value for the whole song, or a curve over time.

Conventions
-----------
Scales, neutral values and directions are OpenUtau's; a control at its neutral value changes nothing. A curve is linear
between its points and constant beyond them. Its times are on the clock of whoever holds it: the audio's own in what a
user writes, the score's in a plan, the phrase's own while a phrase is sung (:meth:`Controls.shifted`).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cantilena.errors import OptionError

if TYPE_CHECKING:  # the command line shows its help without waiting for numpy
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

SPEAKER_PREFIX: Final = "speaker:"
"""``speaker:NAME`` is the weight of one more speaker in the voice, 0..100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlScale:
    """The scale of one control: its ends, the value that changes nothing, and what it turns."""

    name: str
    low: float
    high: float
    neutral: float
    meaning: str


SCALES: Final[Mapping[str, ControlScale]] = MappingProxyType(
    {
        scale.name: scale
        for scale in (
            ControlScale(name="gender", low=-100, high=100, neutral=0, meaning="formants, up to down"),
            ControlScale(name="velocity", low=0, high=200, neutral=100, meaning="speed of consonants; 200 doubles it"),
            ControlScale(name="energy", low=-100, high=100, neutral=0, meaning="loudness of the voice, 100 is +12 dB"),
            ControlScale(name="breathiness", low=-100, high=100, neutral=0, meaning="breath noise, 100 is +12 dB"),
            ControlScale(name="voicing", low=0, high=100, neutral=100, meaning="voiced part, 0 is -12 dB"),
            ControlScale(name="tension", low=-100, high=100, neutral=0, meaning="relaxed to pressed, 100 is pressed"),
            ControlScale(name="pitch_expression", low=0, high=100, neutral=100, meaning="vibrato, scoops and drift"),
            ControlScale(name="tone_shift", low=-1200, high=1200, neutral=0, meaning="timbre of another pitch, cents"),
        )
    }
)
"""Every control but the weights of speakers, by name."""

_SPEAKER_SCALE: Final = ControlScale(name="speaker", low=0, high=100, neutral=0, meaning="weight of a speaker")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCurve:
    """A value over time.

    Attributes
    ----------
    times : tuple of float
        Seconds, strictly rising; a single point is a constant.
    values : tuple of float
        One a time.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, times: ArrayLike) -> NDArray[np.float64]:
        """Values at some moments, [shape=(n,)]."""
        import numpy as np

        return np.asarray(np.interp(np.asarray(times, dtype=np.float64), self.times, self.values))

    def shifted(self, seconds: float) -> ControlCurve:
        """The same curve, later by ``seconds``."""
        return ControlCurve(times=tuple(time + seconds for time in self.times), values=self.values)

    def between(self, begin: float, end: float) -> ControlCurve:
        """The curve by the points that decide it from one moment to another: those between, and one on either side."""
        first = max(bisect_right(self.times, begin) - 1, 0)
        stop = bisect_left(self.times, end) + 1
        return ControlCurve(times=self.times[first:stop], values=self.values[first:stop])


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The controls of a song, checked: only known ones, inside their scales.

    Attributes
    ----------
    curves : mapping of str to ControlCurve
        By control; what is missing is neutral.
    speakers : mapping of str to ControlCurve
        Weight 0..100 of further speakers. The rest up to 100 is the speaker of the song; more than 100 in all is
        scaled down.

    Raises
    ------
    OptionError
        ``control_unknown`` or ``control_out_of_range``.
    """

    curves: Mapping[str, ControlCurve] = field(default_factory=dict)
    speakers: Mapping[str, ControlCurve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, curve in self.curves.items():
            if name not in SCALES:
                raise OptionError(
                    "control_unknown",
                    f"There is no control {name!r}.",
                    hint=f"There are {', '.join(SCALES)} and {SPEAKER_PREFIX}NAME.",
                )
            _check_curve(name, curve, SCALES[name])
        for name, curve in self.speakers.items():
            _check_curve(f"{SPEAKER_PREFIX}{name}", curve, _SPEAKER_SCALE)

    def at(self, name: str, times: ArrayLike) -> NDArray[np.float64]:
        """Values of a control at some moments, [shape=(n,)]; its neutral value when it is not turned."""
        import numpy as np

        if name in self.curves:
            return self.curves[name].at(times)
        return np.full(np.shape(times), SCALES[name].neutral, dtype=np.float64)

    def shifted(self, seconds: float) -> Controls:
        """The same controls on a clock that shows ``seconds`` more at the same moment."""
        return Controls(
            curves={name: curve.shifted(seconds) for name, curve in self.curves.items()},
            speakers={name: curve.shifted(seconds) for name, curve in self.speakers.items()},
        )

    def between(self, begin: float, end: float) -> Controls:
        """The same controls from one moment to another, free of what is turned elsewhere."""
        return Controls(
            curves={name: curve.between(begin, end) for name, curve in self.curves.items()},
            speakers={name: curve.between(begin, end) for name, curve in self.speakers.items()},
        )

    def __iter__(self) -> Iterator[tuple[str, ControlCurve]]:
        """Every turned control under the name a user gives it, in a fixed order."""
        for name in SCALES:
            if name in self.curves:
                yield name, self.curves[name]
        for name in sorted(self.speakers):
            yield f"{SPEAKER_PREFIX}{name}", self.speakers[name]


NEUTRAL: Final = Controls()


def _check_curve(name: str, curve: ControlCurve, scale: ControlScale) -> None:
    if not curve.times or len(curve.times) != len(curve.values):
        raise OptionError(
            "control_invalid",
            f"The control {name} has {len(curve.times)} times and {len(curve.values)} values.",
            hint="Give as many values as times, at least one of each.",
        )
    rising = all(before < after for before, after in zip(curve.times, curve.times[1:], strict=False))
    if not rising or not all(map(math.isfinite, curve.times)):
        raise OptionError(
            "control_invalid", f"The times of the control {name} do not rise.", hint="Give seconds in rising order."
        )
    for value in curve.values:
        if not scale.low <= value <= scale.high:  # also refuses NaN
            raise OptionError(
                "control_out_of_range",
                f"The control {name} is {value:g}, but must lie between {scale.low:g} and {scale.high:g}.",
                hint=f"Give a value from {scale.low:g} to {scale.high:g}; {scale.neutral:g} changes nothing.",
            )
