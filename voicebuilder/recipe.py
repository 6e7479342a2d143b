"""The three steps of the recipe, each from files to files: prepare, train, export.

**Conventions**: the work folder holds ``envelopes/*.npz``, ``labels.jsonl``, ``consonants.json``, and for each stage
``<stage>.pt`` and ``loss-<stage>.svg``. Every file appears whole or not at all, so each step may be interrupted
anywhere and called again.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from voicebuilder.acoustic import GENDER_SEMITONES, SPEAKER_SIZE, AcousticGraph, AcousticNet
from voicebuilder.analysis import load_envelopes, prepare
from voicebuilder.bank import BankCard, write_configs, write_speakers
from voicebuilder.contrast import measure_contrast
from voicebuilder.corpus import read_corpus, read_labels, write_labels
from voicebuilder.duration_net import DUR_SIZE, DurationLoss, DurationStage
from voicebuilder.durations import consonant_lengths
from voicebuilder.export import export_acoustic, export_durations, export_vocoder
from voicebuilder.loop import Schedule, load_average, train_net
from voicebuilder.training import Sampler, TrainingOptions, load_net, train
from voicebuilder.vocoder import VocoderGraph, VocoderNet

DEFAULTS = {"acoustic": TrainingOptions(steps=8000, frames=240), "vocoder": TrainingOptions(steps=8000, frames=120)}
STEPS = {"dur": 2500}
STAGES = (*DEFAULTS, *STEPS)
"""Every network of the bank; each is trained on its own, and in any order."""
NOTICES = Path(__file__).parent / "notices"


def prepare_corpus(
    corpus: Path, work: Path, card: BankCard, *, lines: int | None = None, voices: Sequence[str] | None = None
) -> None:
    """Analyse the corpus voices of a bank and measure consonant lengths.

    Parameters
    ----------
    corpus, work : Path
    card : BankCard
    lines : int or None
        Lines per voice, all by default.
    voices : sequence of str or None
        Corpus voices to analyse now, all of the bank's by default. Lengths are always taken from all of them.
    """
    every = {s.corpus_voice: read_corpus(corpus, s.corpus_voice, lines=lines) for s in card.speakers}
    lengths = consonant_lengths(u for utterances in every.values() for u in utterances)
    work.mkdir(parents=True, exist_ok=True)
    part = work / "consonants.part"
    part.write_text(json.dumps(lengths, indent=1) + "\n", encoding="utf-8")
    part.replace(work / "consonants.json")
    write_labels((u for utterances in every.values() for u in utterances), work / "labels.jsonl")
    for voice, utterances in every.items():
        if voices is None or voice in voices:
            n = prepare(utterances, work / "envelopes")
            print(f"prepare: {voice}: {n} lines analysed", flush=True)


def train_stage(
    stage: str, work: Path, card: BankCard, *, steps: int | None, minutes: float | None, batch: int, seed: int
) -> None:
    """Train one of :data:`STAGES`, continuing from the work folder's checkpoint."""
    if stage in DEFAULTS:
        options = dataclasses.replace(DEFAULTS[stage], minutes=minutes, batch=batch, seed=seed)
        if steps is not None:
            options = dataclasses.replace(options, steps=steps)
        train(stage, _sampler(work, card, options), len(card.speakers), work, options)
    else:
        voices = [s.corpus_voice for s in card.speakers]
        schedule = Schedule(steps=steps or STEPS[stage], minutes=minutes, seed=seed)
        loss = DurationLoss(read_labels(work / "labels.jsonl"), voices, batch=2 * batch, seed=seed)
        train_net(stage, _untrained(stage, work, card), loss, work, schedule)


def _untrained(stage: str, work: Path, card: BankCard) -> nn.Module:
    lengths = json.loads((work / "consonants.json").read_text(encoding="utf-8"))
    return DurationStage(lengths, len(card.speakers))


def _sampler(work: Path, card: BankCard, options: TrainingOptions) -> Sampler:
    return Sampler(load_envelopes(work / "envelopes"), [s.corpus_voice for s in card.speakers], options)


def export_bank(work: Path, folder: Path, card: BankCard) -> None:
    """Write the voicebank folder from the checkpoints of a work folder."""
    torch.set_num_threads(1)
    n = len(card.speakers)
    net, known = load_net(work / "acoustic.pt", "acoustic", n)
    assert isinstance(net, AcousticNet)
    contrast = measure_contrast(net, _sampler(work, card, DEFAULTS["acoustic"]))
    export_acoustic(AcousticGraph(net, torch.from_numpy(contrast)), folder / "acoustic.onnx")
    names = [s.name for s in card.speakers]
    write_speakers(folder, names, net.speakers.weight.detach().numpy())
    voc, voc_known = load_net(work / "vocoder.pt", "vocoder", n)
    assert isinstance(voc, VocoderNet)
    export_vocoder(VocoderGraph(voc), folder / "dsvocoder" / "vesper_hn.onnx")
    durations = _untrained("dur", work, card)
    assert isinstance(durations, DurationStage)
    load_average(work / "dur.pt", durations)
    export_durations(durations, folder / "dsdur")
    write_speakers(folder / "dsdur", names, durations.speakers.weight.detach().numpy())
    write_configs(card, folder, acoustic_size=SPEAKER_SIZE, dur_size=DUR_SIZE, gender_semitones=GENDER_SEMITONES)
    for notice in sorted(NOTICES.glob("*")):
        shutil.copyfile(notice, folder / notice.name)
    print(f"export: {folder}; acoustic {known}, vocoder {voc_known}", flush=True)
