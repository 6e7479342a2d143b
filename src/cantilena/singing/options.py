"""What a singer may be asked for, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from cantilena.errors import OptionError
from cantilena.singing.controls import NEUTRAL, Controls

Quality = Literal["draft", "normal", "best"]
Device = Literal["cpu", "cuda", "coreml", "directml"]
Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Network evaluations of each sampling model; OpenUtau's defaults are 20, 20 and 10.

    ``depth`` is how much of the way the acoustic model samples where it can begin with a guess of its own, 0..1.
    """

    acoustic: int
    variance: int
    pitch: int
    depth: float = 1.0


STEPS: Mapping[Quality, Steps] = {
    "draft": Steps(acoustic=4, variance=4, pitch=4, depth=0.0),
    "normal": Steps(acoustic=10, variance=10, pitch=10),
    "best": Steps(acoustic=20, variance=20, pitch=10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SingOptions:
    """How a performance is sung.

    Attributes
    ----------
    speaker : str or None
        A speaker of the voicebank; None: its first.
    language : str
        Language of the words, as a two-letter code.
    transpose : int
        Semitones, -24..24.
    tempo : float
        Factor on the score's tempo, 0.25..4.
    expression : float
        0..1: scales vibrato, drift and the pitch model's ``expr``; the less of it, the fewer breaths are heard.
    pronunciations : mapping of str to tuple of str
        Lower-case word to phonemes; wins over the dictionary.
    seed : int
        0..2**31-1; the same seed gives the same take.
    quality : {"draft", "normal", "best"}
        How finely the models sample; draft leaves the acoustic model at its first guess where it makes one.
    steps : int or None
        1..1000, for all sampling models, instead of the steps of ``quality``.
    precision : {"fp32", "int8"}
        Of the acoustic, pitch and variance models; int8 is quicker and a little less exact.
    device : {"cpu", "cuda", "coreml", "directml"}
        Where the large models run.
    controls : Controls
        What is turned; times on the audio's own clock.
    """

    speaker: str | None = None
    language: str = "en"
    transpose: int = 0
    tempo: float = 1.0
    expression: float = 1.0
    pronunciations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: int = 0
    quality: Quality = "normal"
    steps: int | None = None
    precision: Precision = "fp32"
    device: Device = "cpu"
    controls: Controls = NEUTRAL

    def __post_init__(self) -> None:
        _require_range("transpose", self.transpose, -24, 24)
        _require_range("tempo", self.tempo, 0.25, 4.0)
        _require_range("expression", self.expression, 0.0, 1.0)
        _require_range("seed", self.seed, 0, 2**31 - 1)
        if self.steps is not None:
            _require_range("steps", self.steps, 1, 1000)
        _require_choice("quality", self.quality, tuple(STEPS))
        _require_choice("precision", self.precision, ("fp32", "int8"))
        _require_choice("device", self.device, ("cpu", "cuda", "coreml", "directml"))

    @property
    def sampling_steps(self) -> Steps:
        """Steps of each sampling model, from ``steps`` or else from ``quality``, and its depth."""
        chosen = STEPS[self.quality]
        if self.steps is None:
            return chosen
        return replace(chosen, acoustic=self.steps, variance=self.steps, pitch=self.steps)


def _require_range(name: str, given: float, low: float, high: float) -> None:
    if not low <= given <= high:  # also refuses NaN
        raise OptionError(
            "option_out_of_range",
            f"--{name} is {given}, but must lie between {low} and {high}.",
            hint=f"Give a value from {low} to {high}.",
        )


def _require_choice(name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise OptionError(
            "option_unknown_choice",
            f"--{name} is {given!r}, but must be one of {', '.join(allowed)}.",
            hint=f"Choose one of {', '.join(allowed)}.",
        )
