"""Which controls a voicebank can act on: told before anything is sung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cantilena.errors import OptionError
from cantilena.findings import Finding
from cantilena.singing.controls import SCALES, SPEAKER_PREFIX
from cantilena.singing.variance import needed_curves
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.voicebank import Voicebank


def control_findings(voicebank: Voicebank, controls: Controls) -> tuple[Finding, ...]:
    """What will not be heard of the controls that are turned.

    Models are opened only when a control is turned that depends on them.

    Raises
    ------
    OptionError
        ``speaker_unknown``: the weight of a speaker whom the voicebank does not have.
    """
    turned = [
        name for name, curve in controls.curves.items() if any(value != SCALES[name].neutral for value in curve.values)
    ]
    findings = [_unheard(name, reason, voicebank) for name in turned if (reason := _why_unheard(name, voicebank))]
    return (*findings, *(finding for name in controls.speakers for finding in _speaker_findings(name, voicebank)))


def _unheard(name: str, reason: str, voicebank: Voicebank) -> Finding:
    return Finding(
        code="control_without_effect",
        message=f"The voicebank {voicebank.id} cannot act on the control {name}: {reason}.",
        hint="cantilena voicebank info tells what a voicebank can do.",
    )


def _why_unheard(name: str, voicebank: Voicebank) -> str:
    """Why nothing changes when a control is turned; empty where something does."""
    if name in CURVES or name in ("gender", "velocity"):
        asked = voicebank.acoustic.models["acoustic"].inputs
        return "" if name in asked else f"its acoustic model has no input {name}"
    if name == "pitch_expression":
        drawn = voicebank.pitch is None or "expr" in voicebank.pitch.models["pitch"].inputs
        return "" if drawn else "its pitch model has no input expr"
    heard = voicebank.vocoder.config.pitch_controllable or bool(needed_curves(voicebank))
    return "" if heard else "its vocoder does not follow pitch by itself, and it has no curves to shift"


def _speaker_findings(name: str, voicebank: Voicebank) -> tuple[Finding, ...]:
    if not voicebank.acoustic.config.speakers or not voicebank.acoustic.has_speaker(name):
        raise OptionError(
            "speaker_unknown",
            f"The voicebank {voicebank.id} has no speaker {name!r}, which the control {SPEAKER_PREFIX}{name} asks for.",
            hint=f"It has {', '.join(voicebank.speakers) or 'one voice and no speakers to choose from'}.",
        )
    if not any("spk_embed" in model.inputs for stage in voicebank.stages for model in stage.models.values()):
        return (_unheard(f"{SPEAKER_PREFIX}{name}", "none of its models has an input spk_embed", voicebank),)
    strangers = [stage.config.folder.name for stage in voicebank.stages if not stage.has_speaker(name)]
    if not strangers:
        return ()
    return (
        Finding(
            code="speaker_not_in_stage",
            message=f"The voicebank {voicebank.id} has no speaker {name!r} in {' and '.join(strangers)}; that share is "
            "sung as by the others there.",
            hint="The voicebank's stages name their speakers differently; ask its author.",
        ),
    )
