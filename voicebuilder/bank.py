"""Writes the voicebank folder around the graphs: configuration, phoneme tables, dictionaries, speaker vectors.

**Conventions**: the layout and keys of OpenUtau's DiffSinger banks; keys of our own stand under ``cantilena``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebuilder.spectra import FFT_SIZE, HOP_SIZE, MEL_FMAX, MEL_FMIN, N_MELS, SAMPLE_RATE
from voicebuilder.symbols import BREATH, IDS, SILENCE, TYPES, VOWELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One speaker of the bank."""

    name: str
    corpus_voice: str
    lowest: int  # MIDI number
    highest: int  # MIDI number


@dataclass(frozen=True, slots=True, kw_only=True)
class BankCard:
    """What the bank is called and who sings in it."""

    name: str
    version: str
    speakers: tuple[Speaker, ...]


VESPER = BankCard(
    name="Vesper",
    version="1.0",
    speakers=(
        Speaker(name="mezzo", corpus_voice="af_heart", lowest=55, highest=74),
        Speaker(name="baritone", corpus_voice="am_michael", lowest=45, highest=65),
    ),
)

ENTRIES: Mapping[str, str] = {
    "la": "l aa", "ah": "aa", "ooh": "uw", "oh": "ow", "mm": "m", "hallelujah": "hh ae l ah l uw y ah",
    "alleluia": "ae l ah l uw y ah", "amen": "aa m eh n", "gloria": "g l ao r iy ah", "o'er": "ao r", "e'er": "eh r",
    "ne'er": "n eh r", "heav'n": "hh eh v ah n", "ev'ry": "eh v r iy", "thee": "dh iy", "thou": "dh aw",
}  # fmt: skip


CURVES = ("energy", "breathiness", "voicing", "tension")
"""Every curve of the format, in its order."""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _audio_keys() -> str:
    return (
        f"sample_rate: {SAMPLE_RATE}\nhop_size: {HOP_SIZE}\nwin_size: {FFT_SIZE}\nfft_size: {FFT_SIZE}\n"
        f"num_mel_bins: {N_MELS}\nmel_fmin: {MEL_FMIN:g}\nmel_fmax: {MEL_FMAX:g}\nmel_base: 'e'\nmel_scale: slaney\n"
    )


def write_configs(
    card: BankCard, folder: Path, *, hidden_size: int, gender_semitones: float, curves: Sequence[str]
) -> None:
    """Write every text file of the bank except licence, credits and model card.

    Parameters
    ----------
    card : BankCard
    folder : Path
        Of the bank.
    hidden_size : int
        Width of the speaker vectors, the same in every stage.
    gender_semitones : float
        How far the acoustic model moves formants, either way.
    curves : sequence of str
        What the acoustic model is told beside the pitch, and the variance model predicts.
    """
    _write(folder / "character.txt", f"name={card.name}\nauthor=Cantilena\nversion={card.version}\n")
    subbanks = "".join(
        f'- color: {s.name}\n  prefix: ""\n  suffix: {s.name}\n  tone_ranges: ["C1-B7"]\n' for s in card.speakers
    )
    ranges = ", ".join(f"{s.name}: [{s.lowest}, {s.highest}]" for s in card.speakers)
    _write(
        folder / "character.yaml",
        f"name: {card.name}\nsinger_type: diffsinger\ntext_file_encoding: utf-8\nauthor: Cantilena\n"
        f'version: "{card.version}"\n'
        "default_phonemizer: OpenUtau.Core.DiffSinger.DiffSingerEnglishPhonemizer\n"
        f"subbanks:\n{subbanks}"
        f"cantilena:\n  languages: [en]\n  ranges: {{{ranges}}}\n  license: Apache-2.0\n",
    )
    common = "phonemes: phonemes.json\nuse_lang_id: false\n" + _list("speakers", [s.name for s in card.speakers])
    common += f"hidden_size: {hidden_size}\n"
    _write(
        folder / "dsconfig.yaml",
        f"acoustic: acoustic.onnx\nvocoder: vesper_hn\n{common}"
        "use_key_shift_embed: true\nuse_speed_embed: false\n"
        + "".join(f"use_{name}_embed: {str(name in curves).lower()}\n" for name in CURVES)
        + "use_continuous_acceleration: true\nuse_variable_depth: false\n"
        "augmentation_args:\n  random_pitch_shifting:\n"
        f"    range: [{-gender_semitones:g}, {gender_semitones:g}]\n" + _audio_keys(),
    )
    frames = f"sample_rate: {SAMPLE_RATE}\nhop_size: {HOP_SIZE}\n"
    stages = {
        "dsdur": "linguistic: linguistic.onnx\ndur: dur.onnx\npredict_dur: true\n",
        "dspitch": "linguistic: linguistic.onnx\npitch: pitch.onnx\npredict_dur: false\nuse_expr: true\n"
        "use_note_rest: true\nuse_continuous_acceleration: true\n",
        "dsvariance": "linguistic: linguistic.onnx\nvariance: variance.onnx\npredict_dur: false\n"
        + "".join(f"predict_{name}: {str(name in curves).lower()}\n" for name in CURVES)
        + "use_continuous_acceleration: true\n",
    }
    table = json.dumps(dict(IDS), indent=1) + "\n"
    _write(folder / "phonemes.json", table)
    dictionary = _dictionary()
    for stage, keys in stages.items():
        _write(folder / stage / "dsconfig.yaml", keys + common + frames)
        _write(folder / stage / "phonemes.json", table)
        _write(folder / stage / "dsdict.yaml", dictionary)
    _write(folder / "dsdur" / "dsdict-en.yaml", dictionary)
    _write(
        folder / "dsvocoder" / "vocoder.yaml",
        "name: vesper_hn\nmodel: vesper_hn.onnx\n" + _audio_keys() + "pitch_controllable: false\nforce_on_cpu: false\n",
    )


def _list(key: str, items: Sequence[str]) -> str:
    return f"{key}:\n" + "".join(f"- {item}\n" for item in items)


def _dictionary() -> str:
    rows = [f"- {{symbol: {s}, type: vowel}}" for s in (SILENCE, BREATH, *VOWELS)]
    rows += [f'- {{symbol: "{s}", type: {t}}}' for s, t in TYPES.items() if t != "vowel"]
    entries = [f'- {{grapheme: "{word}", phonemes: [{quoted(phones)}]}}' for word, phones in ENTRIES.items()]
    return "symbols:\n" + "\n".join(rows) + "\nentries:\n" + "\n".join(entries) + "\n"


def quoted(phones: str) -> str:
    """Write phones as YAML strings (a bare ``n`` or ``y`` means no or yes to some readers)."""
    return ", ".join(f'"{p}"' for p in phones.split())


def write_speakers(folder: Path, names: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Write one ``.emb`` per speaker: raw little-endian float32; ``vectors`` has [shape=(n_speakers, size)]."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, vector in zip(names, vectors, strict=True):
        (folder / f"{name}.emb").write_bytes(np.ascontiguousarray(vector, "<f4").tobytes())
