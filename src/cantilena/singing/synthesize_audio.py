"""Step ``synthesize_audio``: the acoustic model makes a mel spectrogram, the vocoder makes it sound.

Conventions
-----------
What the two models are fed is decided by the inputs they list. Gender and velocity are neutral.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.waveform import Waveform
from cantilena.singing.linguistic import phoneme_inputs, speaker_input
from cantilena.singing.results import read_only
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming, PitchCurve, VarianceCurves
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.config import MelBase

_LN_10: Final = 2.302585


def synthesize_audio(
    timing: PhonemeTiming,
    pitch: PitchCurve,
    variance: VarianceCurves,
    voicebank: Voicebank,
    *,
    speaker: str | None,
    steps: int,
    generator: np.random.Generator,
) -> Waveform:
    """Sing a phrase.

    Parameters
    ----------
    timing, pitch, variance : PhonemeTiming, PitchCurve, VarianceCurves
        From the steps before.
    voicebank : Voicebank
        Whose models sing.
    speaker : str or None
        Who sings.
    steps : int
        Sampling steps of the acoustic model.
    generator : numpy Generator
        Source of the models' noise.

    Returns
    -------
    Waveform
        ``n_frames * hop_size`` samples.

    Raises
    ------
    InferenceError
        ``inference_failed``: a model failed, or gave more or less than asked for.
    """
    mel = synthesize_mel(timing, pitch, variance, voicebank, speaker=speaker, steps=steps, generator=generator)
    vocoder = voicebank.vocoder
    n_samples = timing.n_frames * voicebank.mel.hop_size
    samples = vocoder.model.run(
        {"mel": convert_base(mel, voicebank.mel.base, vocoder.config.mel.base), "f0": pitch.f0[None, :]},
        outputs=("waveform",),
        size=n_samples,
        generator=generator,
        noise_size=n_samples,
    )["waveform"]
    return Waveform(
        samples=read_only(np.asarray(samples, dtype=np.float32).reshape(-1)),
        sample_rate=voicebank.sample_rate,
        offset=timing.offset,
    )


def synthesize_mel(
    timing: PhonemeTiming,
    pitch: PitchCurve,
    variance: VarianceCurves,
    voicebank: Voicebank,
    *,
    speaker: str | None,
    steps: int,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """The log mel spectrogram of a phrase, [shape=(1, n_frames, n_mels)]; parameters as above."""
    stage = voicebank.acoustic
    model = stage.models["acoustic"]
    n_frames = timing.n_frames
    curves = {name: getattr(variance, name) for name in CURVES}
    results = model.run(
        {
            **phoneme_inputs(stage, timing.symbols),
            "durations": timing.durations[None, :],
            "f0": pitch.f0[None, :],
            **{name: curve[None, :] for name, curve in curves.items() if curve is not None},
            "gender": np.zeros((1, n_frames), dtype=np.float32),
            "velocity": np.ones((1, n_frames), dtype=np.float32),
            "depth": np.array([min(1.0, stage.config.max_depth)], dtype=np.float32),
            "steps": np.array([steps], dtype=np.int64),
            **speaker_input(stage, model, speaker, n_frames),
        },
        outputs=("mel",),
        size=stage.config.mel.n_mels * n_frames,
        generator=generator,
        noise_size=stage.config.mel.n_mels * n_frames,
    )
    return results["mel"]


def convert_base(mel: NDArray[np.float32], made: MelBase, taken: MelBase) -> NDArray[np.float32]:
    """A mel spectrogram with logarithms of base ``made`` as one with base ``taken``."""
    if made == taken:
        return mel
    return mel * np.float32(_LN_10 if made == "10" else 1.0 / _LN_10)
