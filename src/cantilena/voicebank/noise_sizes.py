"""How many random values a model wants, learned from what it wanted before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cantilena.voicebank.noise import NoiseInput


@dataclass(slots=True)
class NoiseSizes:
    """The sizes of a model's inputs of noise, by the number of frames it is fed.

    A dimension that was a whole multiple of the frames grows with them, every other one is taken to be constant. That
    fits all known models; where it does not, the model's run fails at its random node, and the sizes are asked again.
    """

    noise: Sequence[NoiseInput]
    _learned: tuple[int, tuple[tuple[int, ...], ...]] | None = field(default=None)

    def guess(self, frames: int) -> tuple[int, ...] | None:
        """How many values each input wants; None: nothing is known yet."""
        if all(source.size is not None for source in self.noise):
            return tuple(source.size or 0 for source in self.noise)
        if self._learned is None:
            return None
        before, shapes = self._learned
        return tuple(
            source.size if source.size is not None else math.prod(_scaled(size, before, frames) for size in shape)
            for source, shape in zip(self.noise, shapes, strict=True)
        )

    def learn(self, frames: int, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Keep the shapes, [one for each input], that were wanted for a number of frames."""
        self._learned = (frames, shapes)


def _scaled(size: int, before: int, frames: int) -> int:
    return size // before * frames if size % before == 0 else size
