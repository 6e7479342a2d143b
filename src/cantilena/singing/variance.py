"""Step ``variance``: energy, breathiness, voicing and tension of every frame, where a voicebank sings with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import VoicebankError
from cantilena.singing.controls import NEUTRAL, SCALES
from cantilena.singing.frames import on_grid, resample
from cantilena.singing.linguistic import encode_phonemes, encoder_inputs
from cantilena.singing.pitch import shift_tone
from cantilena.singing.results import VarianceCurves, read_only
from cantilena.singing.sampling import noise_input, sampling_inputs
from cantilena.singing.speaker_mix import speaker_input
from cantilena.units import db_to_factor
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.singing.results import PhonemeTiming, PitchCurve
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.bundle import Stage

_SILENCE_DB: Final = -96.0
LIMITS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    dict.fromkeys(CURVES, (_SILENCE_DB, 0.0)) | {"tension": (-10.0, 10.0)}
)
"""Lowest and highest value of each curve; acoustic models were trained on none beyond."""
_DB_FULL_SCALE: Final = 12.0  # dB of a control at 100
_LOGIT_FULL_SCALE: Final = 5.0
# A curve that some models predict beside the others and no acoustic model takes.
_PREDICTED: Final = (*CURVES, "mouth_opening")


def needed_curves(voicebank: Voicebank) -> tuple[str, ...]:
    """The curves that the voicebank's acoustic model asks for."""
    asked = voicebank.acoustic.models["acoustic"].inputs
    return tuple(name for name in CURVES if name in asked)


def predict_variance(
    timing: PhonemeTiming,
    pitch: PitchCurve,
    voicebank: Voicebank,
    *,
    speaker: str | None,
    steps: int,
    generator: np.random.Generator,
    controls: Controls = NEUTRAL,
) -> VarianceCurves:
    """Predict the curves that the acoustic model asks for; none when it asks for none.

    Parameters
    ----------
    timing, pitch : PhonemeTiming, PitchCurve
        From the steps before.
    voicebank : Voicebank
        Whose variance model is used.
    speaker : str or None
        Who sings.
    steps : int
        Sampling steps.
    generator : numpy Generator
        Source of the model's noise.
    controls : Controls
        What is turned, on the phrase's clock: the curves themselves, ``tone_shift``, and who else sings.

    Raises
    ------
    VoicebankError
        ``voicebank_unsupported``: the acoustic model asks for a curve that nothing predicts.
    """
    needed = needed_curves(voicebank)
    if not needed:
        return VarianceCurves()
    stage = voicebank.variance
    given = stage.models["variance"].outputs if stage is not None else ()
    missing = [name for name in needed if f"{name}_pred" not in given]
    if stage is None or missing:
        raise VoicebankError(
            "voicebank_unsupported",
            f"The acoustic model of {voicebank.id} asks for {' and '.join(missing)}, which no model of it predicts.",
            hint="Choose another voicebank with --voicebank.",
        )
    own = on_grid(timing, stage.frame_seconds)
    midi = resample(shift_tone(pitch, controls, timing).midi, source=timing, target=own)
    predicted = _run_model(
        stage, own, midi, needed, speaker=speaker, controls=controls, steps=steps, generator=generator
    )
    curves = {name: resample(curve, source=own, target=timing) for name, curve in predicted.items()}
    if "voicing" in curves:
        curves["voicing"] = from_mu_law(curves["voicing"], stage.config.voicing_mu)
    turned = {
        name: np.clip(curve + control_delta(name, controls, timing), *LIMITS[name]) for name, curve in curves.items()
    }
    if "voicing" in turned:
        turned["voicing"] = to_mu_law(turned["voicing"], voicebank.acoustic.config.voicing_mu)
    return VarianceCurves(**{name: read_only(curve) for name, curve in turned.items()})


def from_mu_law(curve: NDArray[np.float32], mu: float | None) -> NDArray[np.float32]:
    """What the mu-law pressed into -96..0, an amplitude 0..1, as dB; without ``mu`` it is dB already."""
    if mu is None:
        return curve
    pressed = np.clip(1.0 - curve / _SILENCE_DB, 0.0, 1.0).astype(np.float64)
    amplitude = np.expm1(pressed * np.log1p(mu)) / mu
    least = db_to_factor(_SILENCE_DB)
    return np.asarray(20.0 * np.log10(np.maximum(amplitude, least)), dtype=np.float32)


def to_mu_law(curve: NDArray[np.float32], mu: float | None) -> NDArray[np.float32]:
    """The way back from :func:`from_mu_law`; silence is an amplitude of 0."""
    if mu is None:
        return curve
    amplitude = np.where(curve <= _SILENCE_DB, 0.0, db_to_factor(np.minimum(curve, 0.0)))
    return np.asarray(_SILENCE_DB * (1.0 - np.log1p(mu * amplitude) / np.log1p(mu)), dtype=np.float32)


def control_delta(name: str, controls: Controls, timing: PhonemeTiming) -> NDArray[np.float32]:
    """What a control adds to the curve of its name, in the curve's unit, [shape=(n_frames,)]."""
    turned = (controls.at(name, timing.control_times) - SCALES[name].neutral) / 100.0
    return (turned * (_LOGIT_FULL_SCALE if name == "tension" else _DB_FULL_SCALE)).astype(np.float32)


def _run_model(
    stage: Stage,
    timing: PhonemeTiming,
    midi: NDArray[np.float32],
    needed: tuple[str, ...],
    *,
    speaker: str | None,
    controls: Controls,
    steps: int,
    generator: np.random.Generator,
) -> dict[str, NDArray[np.float32]]:
    """The needed curves, a value for each frame of ``timing``, which is on the stage's own grid, as is ``midi``."""
    model = stage.models["variance"]
    n_frames = timing.n_frames
    predicted = [name for name in _PREDICTED if name in model.inputs]
    results = model.run(
        {
            **encoder_inputs(encode_phonemes(stage, timing), n_frames),
            "ph_dur": timing.durations[None, :],
            "pitch": midi[None, :],
            **{name: np.zeros((1, n_frames), dtype=np.float32) for name in predicted},
            "retake": np.ones((1, n_frames, len(predicted)), dtype=np.bool_),
            **sampling_inputs(model, steps=steps),
            **noise_input(model, n_frames, generator),
            **speaker_input(stage, model, speaker, controls, timing.control_times),
        },
        outputs=tuple(f"{name}_pred" for name in needed),
        size=n_frames,
        generator=generator,
    )
    return {name: results[f"{name}_pred"] for name in needed}
