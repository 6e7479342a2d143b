"""The networks of the bank, one a stage: how each is made, and what it is trained on.

**Conventions**: the work folder holds what ``prepare`` left there.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import nn

from voicebuilder.acoustic import AcousticGraph
from voicebuilder.acoustic_training import AcousticLoss, AcousticStage
from voicebuilder.analysis import Envelopes, load_envelopes
from voicebuilder.bank import BankCard
from voicebuilder.contrast import measure_contrast
from voicebuilder.corpus import read_labels
from voicebuilder.duration_net import DurationLoss, DurationStage
from voicebuilder.loop import Loss, load_average
from voicebuilder.pitch_net import PitchLoss, PitchStage
from voicebuilder.training import Sampler, TrainingOptions
from voicebuilder.vocoder_training import VocoderLoss, VocoderStage
from voicebuilder.waveforms import read_recordings

STEPS: Final[Mapping[str, int]] = {"dur": 2500, "pitch": 2500, "vocoder": 13000, "acoustic": 21000}
"""Every trained network of the bank and its number of steps; the variance stage is the acoustic network once more."""
RATES: Final[Mapping[str, float]] = {"vocoder": 1.2e-3, "acoustic": 1.6e-3}
"""Learning rates of the stages that do not take the usual one."""
FRAMES: Final[Mapping[str, int]] = {"vocoder": 120, "acoustic": 240}
"""Length of a composed target, of the stages that are trained on them."""


def make_stage(stage: str, work: Path, card: BankCard) -> nn.Module:
    """Make a stage's untrained networks, with the speakers' vectors where it has any."""
    n = len(card.speakers)
    if stage == "dur":
        return DurationStage(json.loads((work / "consonants.json").read_text(encoding="utf-8")), n)
    if stage == "vocoder":
        return VocoderStage()
    return PitchStage(n) if stage == "pitch" else AcousticStage(n)


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
    return AcousticLoss(sampler)


def load_acoustic(work: Path, card: BankCard) -> AcousticGraph:
    """Load the trained acoustic model, its contrast filter measured."""
    checkpoint = work / "acoustic.pt"
    if not checkpoint.exists():
        raise FileNotFoundError(f"no trained acoustic model in {work}, which this needs; run train acoustic first")
    stage = AcousticStage(len(card.speakers))
    load_average(checkpoint, stage)
    sampler = make_sampler("acoustic", load_envelopes(work / "envelopes"), card, batch=8, seed=20260)
    return AcousticGraph(stage.net, torch.from_numpy(measure_contrast(stage.net, sampler)))


def make_sampler(stage: str, lines: Sequence[Envelopes], card: BankCard, *, batch: int, seed: int) -> Sampler:
    """Make the source of a stage's composed targets."""
    options = TrainingOptions(frames=FRAMES[stage], batch=batch, seed=seed)
    return Sampler(lines, [s.corpus_voice for s in card.speakers], options)
