"""Step ``variance``: energy, breathiness, voicing and tension of every frame, where a voicebank sings with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import VoicebankError
from cantilena.singing.linguistic import encode_phonemes, resample, speaker_input, stage_durations
from cantilena.singing.results import VarianceCurves, read_only
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming, PitchCurve
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.bundle import Stage

_LIMITS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"energy": (-96.0, 0.0), "breathiness": (-96.0, 0.0), "voicing": (-96.0, 0.0), "tension": (-10.0, 10.0)}
)
_NOISE_BINS: Final = 72  # shared by all curves of a model


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
    curves = _run_model(stage, timing, pitch, needed, speaker=speaker, steps=steps, generator=generator)
    return VarianceCurves(
        **{
            name: read_only(
                np.clip(
                    resample(curve, source=stage.frame_seconds, target=timing.frame_seconds, n_frames=timing.n_frames),
                    *_LIMITS[name],
                )
            )
            for name, curve in curves.items()
        }
    )


def _run_model(
    stage: Stage,
    timing: PhonemeTiming,
    pitch: PitchCurve,
    needed: tuple[str, ...],
    *,
    speaker: str | None,
    steps: int,
    generator: np.random.Generator,
) -> dict[str, NDArray[np.float32]]:
    model = stage.models["variance"]
    durations = stage_durations(stage, timing)
    n_frames = int(durations.sum())
    midi = resample(pitch.midi, source=timing.frame_seconds, target=stage.frame_seconds, n_frames=n_frames)
    predicted = [name for name in CURVES if name in model.inputs]
    results = model.run(
        {
            "encoder_out": encode_phonemes(stage, timing, durations),
            "ph_dur": durations[None, :],
            "pitch": midi[None, :],
            **{name: np.zeros((1, n_frames), dtype=np.float32) for name in predicted},
            "retake": np.ones((1, n_frames, len(predicted)), dtype=np.bool_),
            "steps": np.array([steps], dtype=np.int64),
            **speaker_input(stage, model, speaker, n_frames),
        },
        outputs=tuple(f"{name}_pred" for name in needed),
        size=n_frames,
        generator=generator,
        noise_size=_NOISE_BINS * n_frames,
    )
    return {name: results[f"{name}_pred"] for name in needed}
