"""The networks of the bank, one a stage: how each is made, and what it is trained on.

**Conventions**: the work folder holds what ``prepare`` left there.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from torch import nn

from voicebuilder.acoustic_training import AcousticLoss, AcousticStage
from voicebuilder.analysis import Envelopes, load_envelopes
from voicebuilder.bank import BankCard
from voicebuilder.corpus import read_labels
from voicebuilder.duration_net import DurationLoss, DurationStage
from voicebuilder.loop import Loss
from voicebuilder.pitch_net import PitchLoss, PitchStage
from voicebuilder.training import Sampler, TrainingOptions
from voicebuilder.variance_net import VarianceLoss, VarianceStage
from voicebuilder.vocoder_training import VocoderLoss, VocoderStage
from voicebuilder.waveforms import read_recordings

STEPS: Final[Mapping[str, int]] = {"dur": 2500, "pitch": 2500, "variance": 1300, "vocoder": 16000, "acoustic": 14000}
"""Every stage of the bank and how many steps it is trained, the quick ones first."""
RATES: Final[Mapping[str, float]] = {"vocoder": 1.2e-3, "acoustic": 1.6e-3}
"""Learning rates of the stages that do not take the usual one."""
FRAMES: Final[Mapping[str, int]] = {"variance": 240, "vocoder": 120, "acoustic": 240}
"""Length of a composed target, of the stages that are trained on them."""


def make_stage(stage: str, work: Path, card: BankCard) -> nn.Module:
    """Make a stage's untrained networks, with the speakers' vectors where it has any."""
    n = len(card.speakers)
    if stage == "dur":
        return DurationStage(json.loads((work / "consonants.json").read_text(encoding="utf-8")), n)
    if stage == "vocoder":
        return VocoderStage()
    return {"pitch": PitchStage, "variance": VarianceStage, "acoustic": AcousticStage}[stage](n)


def make_loss(stage: str, work: Path, card: BankCard, *, batch: int, seed: int) -> Loss:
    """Make what a stage is trained by.

    Parameters
    ----------
    stage : str
    work : Path
    card : BankCard
    batch, seed : int
        Lines of a step; seed of every draw. The duration stage, whose lines cost little, takes twice as many, the
        vocoder, which takes waveforms as well, half as many.
    """
    voices = [s.corpus_voice for s in card.speakers]
    if stage == "dur":
        return DurationLoss(read_labels(work / "labels.jsonl"), voices, batch=2 * batch, seed=seed)
    if stage == "pitch":
        return PitchLoss(read_labels(work / "labels.jsonl"), voices, batch=batch, seed=seed)
    lines = load_envelopes(work / "envelopes")
    sampler = make_sampler(stage, lines, card, batch=max(batch // 2, 1) if stage == "vocoder" else batch, seed=seed)
    if stage == "vocoder":
        return VocoderLoss(sampler, lines, read_recordings(work / "waveforms"), seed=seed)
    return VarianceLoss(sampler) if stage == "variance" else AcousticLoss(sampler)


def make_sampler(stage: str, lines: Sequence[Envelopes], card: BankCard, *, batch: int, seed: int) -> Sampler:
    """Make the source of a stage's composed targets."""
    options = TrainingOptions(frames=FRAMES[stage], batch=batch, seed=seed)
    return Sampler(lines, [s.corpus_voice for s in card.speakers], options)
