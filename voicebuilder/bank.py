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
    version="0.1",
    speakers=(
        Speaker(name="mezzo", corpus_voice="af_heart", lowest=53, highest=77),
        Speaker(name="baritone", corpus_voice="am_michael", lowest=40, highest=673),
    ),
)

ENTRIES: Mapping[str, str] = {
    "la": "l aa", "ah": "aa", "ooh": "uw", "oh": "ow", "mm": "m", "hallelujah": "hh ae l ah l uw y ah",
    "alleluia": "ae l ah l uw y ah", "amen": "aa m eh n", "gloria": "g l ao r iy ah", "o'er": "ao r", "e'er": "eh r",
    "ne'er": "n eh r", "heav'n": "hh eh v ah n", "ev'ry": "eh v r iy", "thee": "dh iy", "thou": "dh aw",
}  # fmt: skip


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _audio_keys() -> str:
    return (
        f"sample_rate: {SAMPLE_RATE}\nhop_size: {HOP_SIZE}\nwin_size: {FFT_SIZE}\nfft_size: {FFT_SIZE}\n"
        f"num_mel_bins: {N_MELS}\nmel_fmin: {MEL_FMIN:g}\nmel_fmax: {MEL_FMAX:g}\nmel_base: 'e'\nmel_scale: slaney\n"
    )


def write_configs(card: BankCard, folder: Path, *, acoustic_size: int, dur_size: int, gender_semitones: float) -> None:
    """Write every text file of the bank except licence, credits and model card."""
    speakers = "".join(f"- {s.name}\n" for s in card.speakers)
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
    _write(
        folder / "dsconfig.yaml",
        "phonemes: phonemes.json\nacoustic: acoustic.onnx\nvocoder: vesper_hn\n"
        f"speakers:\n{speakers}hidden_size: {acoustic_size}\n"
        "use_lang_id: false\nuse_key_shift_embed: true\nuse_speed_embed: false\nuse_energy_embed: false\n"
        "use_breathiness_embed: false\nuse_voicing_embed: false\nuse_tension_embed: false\n"
        "use_continuous_acceleration: true\nuse_variable_depth: false\n"
        "augmentation_args:\n  random_pitch_shifting:\n"
        f"    range: [{-gender_semitones:g}, {gender_semitones:g}]\n" + _audio_keys(),
    )
    _write(
        folder / "dsdur" / "dsconfig.yaml",
        "phonemes: phonemes.json\nlinguistic: linguistic.onnx\ndur: dur.onnx\npredict_dur: true\nuse_lang_id: false\n"
        f"speakers:\n{speakers}hidden_size: {dur_size}\nsample_rate: {SAMPLE_RATE}\nhop_size: {HOP_SIZE}\n",
    )
    _write(
        folder / "dsvocoder" / "vocoder.yaml",
        "name: vesper_hn\nmodel: vesper_hn.onnx\n" + _audio_keys() + "pitch_controllable: false\nforce_on_cpu: false\n",
    )
    table = json.dumps(dict(IDS), indent=1) + "\n"
    _write(folder / "phonemes.json", table)
    _write(folder / "dsdur" / "phonemes.json", table)
    dictionary = _dictionary()
    _write(folder / "dsdur" / "dsdict.yaml", dictionary)
    _write(folder / "dsdur" / "dsdict-en.yaml", dictionary)


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
