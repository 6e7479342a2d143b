"""Step ``synthesize_audio``: the acoustic model makes a mel spectrogram, the vocoder makes it sound.

Conventions
-----------
What the two models are fed is decided by the inputs they list. A vocoder sings the pitch of the phrase; the acoustic
model may be told another one, whose timbre is wanted, where the vocoder follows pitch by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.waveform import Waveform
from cantilena.singing.controls import NEUTRAL
from cantilena.singing.linguistic import phoneme_inputs
from cantilena.singing.pitch import shift_tone
from cantilena.singing.results import read_only
from cantilena.singing.sampling import noise_input, sampling_inputs
from cantilena.singing.speaker_mix import speaker_input
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.singing.results import PhonemeTiming, PitchCurve, VarianceCurves
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.config import MelBase

_LN_10: Final = 2.302585
_GENDER_SEMITONES: Final = 12.0  # of a control at 100


def synthesize_audio(
    timing: PhonemeTiming,
    pitch: PitchCurve,
    variance: VarianceCurves,
    voicebank: Voicebank,
    *,
    speaker: str | None,
    steps: int,
    generator: np.random.Generator,
    depth: float = 1.0,
    controls: Controls = NEUTRAL,
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
    depth : float
        0..1: how much of the way is sampled where the acoustic model can begin with a guess.
    controls : Controls
        What is turned, on the phrase's clock: ``gender``, ``velocity``, ``tone_shift``, and who else sings.

    Returns
    -------
    Waveform
        ``n_frames * hop_size`` samples.

    Raises
    ------
    InferenceError
        ``inference_failed``: a model failed, or gave more or less than asked for.
    """
    mel = synthesize_mel(
        timing, pitch, variance, voicebank, speaker=speaker, steps=steps, generator=generator, depth=depth,
        controls=controls,
    )  # fmt: skip
    vocoder = voicebank.vocoder
    n_samples = timing.n_frames * voicebank.mel.hop_size
    samples = vocoder.model.run(
        {"mel": convert_base(mel, voicebank.mel.base, vocoder.config.mel.base), "f0": pitch.f0[None, :]},
        outputs=("waveform",),
        size=n_samples,
        generator=generator,
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
    depth: float = 1.0,
    controls: Controls = NEUTRAL,
) -> NDArray[np.float32]:
    """The log mel spectrogram of a phrase, [shape=(1, n_frames, n_mels)]; parameters as above."""
    stage = voicebank.acoustic
    model = stage.models["acoustic"]
    n_frames, n_mels = timing.n_frames, stage.config.mel.n_mels
    if voicebank.vocoder.config.pitch_controllable:
        pitch = shift_tone(pitch, controls, timing)
    curves = {name: getattr(variance, name) for name in CURVES}
    gender = to_key_shift(controls.at("gender", timing.control_times), stage.config.pitch_shift_range)
    speed = to_speed(controls.at("velocity", timing.control_times))
    results = model.run(
        {
            **phoneme_inputs(stage, timing.symbols),
            "durations": timing.durations[None, :],
            "f0": pitch.f0[None, :],
            **{name: curve[None, :] for name, curve in curves.items() if curve is not None},
            "gender": gender.astype(np.float32)[None],
            "velocity": speed.astype(np.float32)[None],
            "shift_mouth_opening": np.zeros((1, n_frames), dtype=np.float32),
            "blend": np.zeros((1, n_frames), dtype=np.float32),
            # All of the mel is made anew, so what it might have been before does not count.
            "gt_mel": np.zeros((1, n_frames, n_mels), dtype=np.float32),
            "retake": np.ones((1, n_frames), dtype=np.bool_),
            **sampling_inputs(model, steps=steps, depth=min(depth, stage.config.max_depth)),
            **noise_input(model, n_frames, generator),
            **speaker_input(stage, model, speaker, controls, timing.control_times),
        },
        outputs=("mel",),
        size=n_mels * n_frames,
        generator=generator,
    )
    return results["mel"]


def to_key_shift(gender: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.float64]:
    """``gender`` -100..100 as a share of the shifts that a model was trained on, in semitones; the model clips it.

    Examples
    --------
    >>> to_key_shift(np.array([-41.667, 0.0, 100.0]), (-5.0, 5.0)).round(3).tolist()
    [1.0, 0.0, -2.4]
    """
    low, high = limits
    semitones = -gender * _GENDER_SEMITONES / 100.0
    bound = np.where(semitones > 0, high, -low)
    return np.divide(semitones, bound, out=np.zeros_like(semitones), where=bound != 0)


def to_speed(velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """``velocity`` 0..200 as a factor on the speed of consonants.

    Examples
    --------
    >>> to_speed(np.array([0.0, 100.0, 200.0])).tolist()
    [0.5, 1.0, 2.0]
    """
    return np.asarray(np.exp2((velocity - 100.0) / 100.0))


def convert_base(mel: NDArray[np.float32], made: MelBase, taken: MelBase) -> NDArray[np.float32]:
    """A mel spectrogram with logarithms of base ``made`` as one with base ``taken``."""
    if made == taken:
        return mel
    return mel * np.float32(_LN_10 if made == "10" else 1.0 / _LN_10)
