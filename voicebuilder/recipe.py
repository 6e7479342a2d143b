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

from voicebuilder.acoustic import GENDER_SEMITONES, SPEAKER_SIZE
from voicebuilder.analysis import prepare
from voicebuilder.bank import BankCard, write_configs, write_speakers
from voicebuilder.corpus import read_corpus, write_labels
from voicebuilder.durations import consonant_lengths
from voicebuilder.export import export_acoustic, export_durations, export_pitch, export_variance, export_vocoder
from voicebuilder.loop import Schedule, load_average, train_net
from voicebuilder.stages import RATES, STEPS, load_acoustic, make_loss, make_stage
from voicebuilder.variance_net import CURVES

EXPORTS = {"dur": export_durations, "pitch": export_pitch}
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
            n = prepare(utterances, work / "envelopes", work / "waveforms")
            print(f"prepare: {voice}: {n} lines analysed", flush=True)


def train_stage(
    stage: str, work: Path, card: BankCard, *, steps: int | None, minutes: float | None, batch: int, seed: int
) -> None:
    """Train one of :data:`voicebuilder.stages.STEPS`, continuing from the work folder's checkpoint."""
    usual = Schedule(steps=steps or STEPS[stage], minutes=minutes, seed=seed)
    schedule = dataclasses.replace(usual, learning_rate=RATES.get(stage, usual.learning_rate))
    loss = make_loss(stage, work, card, batch=batch, seed=seed)
    train_net(stage, make_stage(stage, work, card), loss, work, schedule)


def export_bank(work: Path, folder: Path, card: BankCard) -> None:
    """Write the voicebank folder from the checkpoints of a work folder."""
    torch.set_num_threads(1)
    names = [s.name for s in card.speakers]
    for stage in STEPS:
        net = make_stage(stage, work, card)
        known = load_average(work / f"{stage}.pt", net)
        print(f"export: {stage} of {known['steps']} steps, {known['seconds'] / 60:.0f} min", flush=True)
        home = folder / f"ds{stage}"
        if stage == "vocoder":
            export_vocoder(net.graph, home / "vesper_hn.onnx")
        elif stage == "acoustic":
            acoustic = load_acoustic(work, card)
            export_acoustic(acoustic, folder / "acoustic.onnx")
            export_variance(acoustic, folder / "dsvariance")
            for place in (folder, folder / "dsvariance"):
                write_speakers(place, names, net.net.speakers.weight.detach().numpy())
        else:
            EXPORTS[stage](net, home)
            write_speakers(home, names, net.speakers.weight.detach().numpy())
    write_configs(card, folder, hidden_size=SPEAKER_SIZE, gender_semitones=GENDER_SEMITONES, curves=CURVES)
    for notice in sorted(NOTICES.glob("*")):
        shutil.copyfile(notice, folder / notice.name)
    print(f"export: {folder}", flush=True)
