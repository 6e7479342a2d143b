"""Writes tiny voicebanks to disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.voicebanks import graphs

VOWELS = ("aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
GLIDES = ("l", "r", "w", "y")
CONSONANTS = (
    "b", "ch", "d", "dh", "f", "g", "hh", "jh", "k", "m", "n", "ng", "p", "s", "sh", "t", "th", "v", "z", "zh",
)  # fmt: skip
FRAMES = {"SP": 12.0, "AP": 26.0, "vowel": 20.0, "glide": 5.0, "consonant": 6.0}
LOUDNESS = {"SP": 1e-5, "AP": 0.02, "vowel": 0.3, "glide": 0.2, "consonant": 0.05}


@dataclass(frozen=True, kw_only=True)
class TinyBank:
    """What a generated voicebank is like.

    ``pitch`` and ``variance`` say which mode the encoder of that stage has; None leaves the stage out.
    """

    name: str = "Tiny_1.0"
    phonemes: tuple[str, ...] = (*VOWELS, *GLIDES, *CONSONANTS)
    breath: bool = True
    prefix: str = ""
    language_ids: bool = False
    speakers: tuple[str, ...] = ("mezzo", "baritone")
    pitch: str | None = None
    variance: str | None = None
    predicted: tuple[str, ...] = ("breathiness", "tension")
    curves: tuple[str, ...] = ()
    depth: bool = False
    shifts: bool = False
    expr: bool = True
    note_rest: bool = True
    acoustic_base: str = "e"
    vocoder_base: str = "e"
    sample_rate: int = 44100
    hop_size: int = 512
    sub_hop_size: int = 512
    n_mels: int = 16
    ranges: str = "{mezzo: [53, 77], baritone: [41, 65]}"
    replacements: tuple[tuple[str, str], ...] = ()


HIDDEN = {"acoustic": 8, "dsdur": 6, "dspitch": 5, "dsvariance": 4}


def build_voicebank(parent: Path, bank: TinyBank | None = None) -> Path:
    """Write a voicebank and give its folder."""
    bank = bank or TinyBank()
    root = parent / bank.name
    _stage(root, bank, "acoustic")
    tokens = _tokens(bank, "acoustic")
    (root / "acoustic.onnx").write_bytes(
        graphs.acoustic(
            hidden=HIDDEN["acoustic"], loudness=_table(tokens, LOUDNESS, 1e-5), n_mels=bank.n_mels,
            speakers=bool(bank.speakers), languages=bank.language_ids, curves=bank.curves, depth=bank.depth,
            shifts=bank.shifts, base=bank.acoustic_base,
        )
    )  # fmt: skip
    _stage(root, bank, "dsdur")
    speakers = bool(bank.speakers)
    (root / "dsdur/linguistic.onnx").write_bytes(
        graphs.linguistic(hidden=HIDDEN["dsdur"], by_word=True, languages=bank.language_ids)
    )
    (root / "dsdur/dur.onnx").write_bytes(
        graphs.dur(hidden=HIDDEN["dsdur"], frames=_table(_tokens(bank, "dsdur"), FRAMES, 0.0), speakers=speakers)
    )
    for name, mode in (("dspitch", bank.pitch), ("dsvariance", bank.variance)):
        if mode is not None:
            _stage(root, bank, name)
            (root / name / "linguistic.onnx").write_bytes(
                graphs.linguistic(hidden=HIDDEN[name], by_word=mode == "word", languages=bank.language_ids)
            )
    if bank.pitch:
        (root / "dspitch/pitch.onnx").write_bytes(
            graphs.pitch(hidden=HIDDEN["dspitch"], speakers=speakers, expr=bank.expr, note_rest=bank.note_rest)
        )
    if bank.variance:
        (root / "dsvariance/variance.onnx").write_bytes(
            graphs.variance(hidden=HIDDEN["dsvariance"], speakers=speakers, curves=bank.predicted)
        )
    _vocoder(root / "dsvocoder", bank)
    _character(root, bank)
    return root


def _tokens(bank: TinyBank, stage: str) -> dict[str, int]:
    """Ids of a stage: no two stages agree."""
    symbols = [bank.prefix + phoneme for phoneme in bank.phonemes] + ["SP"] + ["AP"] * bank.breath
    shift = list(HIDDEN).index(stage) * 7
    return {"<PAD>": 0} | {symbols[(k + shift) % len(symbols)]: k + 1 for k in range(len(symbols))}


def _table(tokens: dict[str, int], values: dict[str, float], padding: float) -> list[float]:
    table = [padding] * len(tokens)
    for symbol, token in tokens.items():
        if token:
            table[token] = values.get(symbol, values.get(_type(symbol), 0.0))
    return table


def _type(symbol: str) -> str:
    bare = symbol.rpartition("/")[2]
    return "vowel" if bare in VOWELS else "glide" if bare in GLIDES else "consonant"


def _stage(root: Path, bank: TinyBank, stage: str) -> None:
    folder = root if stage == "acoustic" else root / stage
    folder.mkdir(parents=True, exist_ok=True)
    tokens = _tokens(bank, stage)
    (folder / "phonemes.json").write_text(json.dumps(tokens))
    lines = ["phonemes: phonemes.json", f"use_lang_id: {str(bank.language_ids).lower()}"]
    if bank.language_ids:
        (folder / "languages.json").write_text(json.dumps({"en": 1, "ja": 2}))
        lines.append("languages: languages.json")
    if bank.speakers:
        lines += ["speakers:", *(f"  - {speaker}" for speaker in bank.speakers)]
        _embeddings(folder, bank.speakers, HIDDEN[stage])
    hop_size = bank.hop_size if stage in ("acoustic", "dsdur") else bank.sub_hop_size
    lines += [f"hidden_size: {HIDDEN[stage]}", f"sample_rate: {bank.sample_rate}", f"hop_size: {hop_size}"]
    if stage == "acoustic":
        lines += ["acoustic: acoustic.onnx", "vocoder: tiny_vocoder", f"num_mel_bins: {bank.n_mels}"]
        lines += [f"mel_base: {bank.acoustic_base}", "mel_fmin: 40", "mel_fmax: 16000", "max_depth: 0.6"]
    else:
        lines += ["linguistic: linguistic.onnx", f"{stage[2:]}: {stage[2:]}.onnx"]
        _dictionary(folder, bank)
    (folder / "dsconfig.yaml").write_text("\n".join(lines) + "\n")


def _embeddings(folder: Path, speakers: Sequence[str], hidden: int) -> None:
    for index, speaker in enumerate(speakers):
        file = folder / f"{speaker}.emb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(np.full(hidden, float(index), dtype="<f4").tobytes())


def _dictionary(folder: Path, bank: TinyBank) -> None:
    types = {"vowel": "vowel", "glide": "liquid", "consonant": "stop"}
    lines = ["entries:", "- {grapheme: no, phonemes: [n, ow]}", "symbols:"]
    lines += [f"- {{symbol: {bank.prefix}{p}, type: {types[_type(p)]}}}" for p in bank.phonemes]
    if bank.replacements:
        lines += ["replacements:", *(f"- {{from: {old}, to: {new}}}" for old, new in bank.replacements)]
    (folder / "dsdict.yaml").write_text("\n".join(lines) + "\n")


def _vocoder(folder: Path, bank: TinyBank) -> None:
    folder.mkdir()
    (folder / "vocoder.yaml").write_text(
        f"name: tiny\nmodel: model.onnx\nsample_rate: {bank.sample_rate}\nhop_size: {bank.hop_size}\n"
        f"num_mel_bins: {bank.n_mels}\nmel_base: {bank.vocoder_base}\n"
    )
    (folder / "model.onnx").write_bytes(
        graphs.vocoder(n_mels=bank.n_mels, hop_size=bank.hop_size, sample_rate=bank.sample_rate)
    )


def _character(root: Path, bank: TinyBank) -> None:
    (root / "character.yaml").write_text(
        "name: Tiny\nauthor: the tests\nsinger_type: diffsinger\n"
        f"cantilena:\n  languages: [en]\n  ranges: {bank.ranges}\n  license: CC0-1.0\n"
    )
