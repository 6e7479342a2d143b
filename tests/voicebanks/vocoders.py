"""Vocoders of tiny voicebanks, with and without the random nodes of trained ones."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tests.voicebanks.graph import FLOAT, Graph
from tests.voicebanks.sound import BANDS, BREATH_HZ, HARMONICS, band_weights


def vocoder(
    *, n_mels: int, hop_size: int, sample_rate: int, noise: float = 0.001, phases: bool = False, base: str = "e"
) -> bytes:  # fmt: skip
    """A sine for each band of a mel.

    Parameters
    ----------
    noise : float
        Level of what is drawn for each sample; 0: nothing is.
    phases : bool
        Whether phases and noise are drawn in nine channels of fixed and of sample length, as by the layout of 2024.
    base : {"e", "10"}
        Of the logarithms in the mel.
    """
    g = Graph("vocoder")
    mel = g.input("mel", FLOAT, [1, "n_frames", n_mels])
    f0 = g.input("f0", FLOAT, [1, "n_frames"])
    g.require("mel is finite and not loud", g.between(mel, -100, 10))
    g.require("16 <= f0 <= 8000 Hz", g.between(f0, 16, 8000))
    weights = band_weights(n_mels)
    weights /= weights.sum(axis=1, keepdims=True)
    natural = 1.0 if base == "e" else np.log(10.0)
    levels = g.op("Exp", g.op("MatMul", mel, g.const(natural * weights.T)))

    def held(frames: str) -> str:
        return g.row(g.op("Expand", g.unsqueeze(frames, 2), g.const([1, 1, hop_size], np.int64)))

    def cycles(hz: str) -> str:
        steps = g.op("Cast", g.scaled(hz, 1.0 / sample_rate), to=TensorProto.DOUBLE)
        passed = g.op("CumSum", held(steps), g.const(1, np.int64))
        return g.float(g.op("Mod", passed, g.const(1.0, np.float64), fmod=1))

    voice = cycles(f0)
    begins = g.op("RandomUniform", shape=[1, 1, 9]) if phases else None
    partials = []
    for index, band in enumerate(BANDS):
        turns = (
            g.scaled(voice, HARMONICS[band]) if band in HARMONICS else cycles(g.sum(g.nothing(f0), g.const(BREATH_HZ)))
        )
        if begins:
            turns = g.sum(turns, g.op("Gather", g.flat(begins), g.const(index, np.int64)))
        partials.append(g.op("Mul", g.op("Sin", g.scaled(turns, 2 * np.pi)), held(g.channel(levels, index))))
    wave = g.sum(*partials)
    if noise and phases:
        channels = g.op("Expand", g.unsqueeze(wave, 2), g.const([1, 1, 9], np.int64))
        drawn = g.op("RandomNormalLike", channels)
        wave = g.sum(wave, g.scaled(g.op("ReduceMean", drawn, axes=[2], keepdims=0), noise))
    elif noise:
        wave = g.sum(wave, g.noise_like(wave, noise))
    g.output("waveform", wave, FLOAT, [1, "n_samples"])
    return g.serialized()
