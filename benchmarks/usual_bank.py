"""A voicebank of usual size with random weights: what it costs to sing is real, what it sounds like is not.

``python -m benchmarks.usual_bank`` writes it, once for each version of the graphs, and prints its folder.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import usual_graphs
from benchmarks.usual_graphs import HOP_SIZE, KEY_SHIFT, MAX_DEPTH, SAMPLE_RATE, Sizes

VERSION = 2
"""Goes up whenever a graph changes, so that a bank kept from before is not taken for the new one."""
SEED = 3
USUAL = Sizes()
SMALL = Sizes(
    hidden=16, encoder_layers=1, encoder_width=24, acoustic_width=24, acoustic=16, pitch=16, variance=16, blocks=1,
    decoder=16, duration=16, melody=16, vocoder=64, resblocks=((3, (1,)),),
)  # fmt: skip
"""For trying the programs out."""

_NAME = "Usual_1.0"
_SPEAKERS = ("usual.alto", "usual.tenor", "usual.bass")
_LANGUAGES = ("en", "ja", "zh")
_VOWELS = ("aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
_GLIDES = ("l", "r", "w", "y")
_CONSONANTS = (
    "b", "ch", "d", "dh", "f", "g", "hh", "jh", "k", "m", "n", "ng", "p", "s", "sh", "t", "th", "v", "z", "zh",
)  # fmt: skip
_SYMBOLS = ("SP", "AP", *(f"{language}/{p}" for language in _LANGUAGES for p in (*_VOWELS, *_GLIDES, *_CONSONANTS)))
_TOKENS = len(_SYMBOLS) + 1  # and padding


def usual_bank(sizes: Sizes = USUAL, *, parent: Path | None = None) -> Path:
    """The folder of the voicebank, written unless it is there.

    Parameters
    ----------
    sizes : Sizes
        Of its models; the default weighs half a gigabyte and is kept in the machine's temporary folder.
    parent : Path, optional
        Where to write it instead.
    """
    parent = parent or Path(tempfile.gettempdir()) / f"cantilena-usual-bank-{VERSION}-{SEED}"
    folder = parent / _NAME
    if not folder.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as unfinished:
            _write_bank(Path(unfinished) / _NAME, sizes)
            (Path(unfinished) / _NAME).rename(folder)
    return folder


def _write_bank(root: Path, sizes: Sizes) -> None:
    for stage in ("", "dsdur", "dspitch", "dsvariance"):
        _write_stage(root / stage, sizes, stage)
    languages = len(_LANGUAGES)
    usual_graphs.acoustic(sizes, tokens=_TOKENS, languages=languages).write(root / "acoustic.onnx", seed=SEED)
    # One experiment predicts durations, pitch and variance: authors copy its encoder into all three folders.
    encoder = root / "dsdur" / "linguistic.onnx"
    usual_graphs.linguistic(sizes, tokens=_TOKENS, languages=languages).write(encoder, seed=SEED)
    shutil.copyfile(encoder, root / "dspitch" / "linguistic.onnx")
    shutil.copyfile(encoder, root / "dsvariance" / "linguistic.onnx")
    usual_graphs.dur(sizes).write(root / "dsdur" / "dur.onnx", seed=SEED)
    usual_graphs.pitch(sizes).write(root / "dspitch" / "pitch.onnx", seed=SEED)
    usual_graphs.variance(sizes).write(root / "dsvariance" / "variance.onnx", seed=SEED)
    vocoder = root / "dsvocoder"
    vocoder.mkdir()
    usual_graphs.vocoder(sizes).write(vocoder / "model.onnx", seed=SEED)
    (vocoder / "vocoder.yaml").write_text(
        _yaml(name="usual", model="model.onnx", pitch_controllable=True, **_mel(sizes)), encoding="utf-8"
    )
    (root / "character.yaml").write_text(
        "name: Usual\nsinger_type: diffsinger\ntext_file_encoding: utf-8\nversion: '1.0'\n"
        "cantilena:\n  languages: [en]\n  license: CC0-1.0\n",
        encoding="utf-8",
    )


def _write_stage(folder: Path, sizes: Sizes, stage: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ids = {"<PAD>": 0} | {symbol: index for index, symbol in enumerate(_SYMBOLS, start=1)}
    (folder / "phonemes.json").write_text(json.dumps(ids), encoding="utf-8")
    languages = {language: index for index, language in enumerate(_LANGUAGES, start=1)}
    (folder / "languages.json").write_text(json.dumps(languages), encoding="utf-8")
    generator = np.random.default_rng(SEED)
    for speaker in _SPEAKERS:
        vector = generator.standard_normal(sizes.hidden, dtype=np.float32) * np.float32(0.1)
        (folder / f"{speaker}.emb").write_bytes(vector.astype("<f4").tobytes())
    shared = {
        "phonemes": "phonemes.json", "languages": "languages.json", "use_lang_id": True, "speakers": list(_SPEAKERS),
        "hidden_size": sizes.hidden, "use_continuous_acceleration": True,
    }  # fmt: skip
    if stage:
        own = _sub_stage_keys(stage)
        (folder / "dsdict.yaml").write_text(_dictionary(), encoding="utf-8")
    else:
        own = dict(
            acoustic="acoustic.onnx", vocoder="usual", use_key_shift_embed=True, use_speed_embed=True,
            **{f"use_{curve}_embed": True for curve in usual_graphs.CURVES}, use_variable_depth=True,
            max_depth=MAX_DEPTH, augmentation_args={"random_pitch_shifting": {"range": [-KEY_SHIFT, KEY_SHIFT]}},
            **_mel(sizes),
        )  # fmt: skip
    grid = {"sample_rate": SAMPLE_RATE, "hop_size": HOP_SIZE}
    (folder / "dsconfig.yaml").write_text(_yaml(**(shared | grid | own)), encoding="utf-8")


def _sub_stage_keys(stage: str) -> dict[str, object]:
    role = stage.removeprefix("ds")
    own: dict[str, object] = {"linguistic": "linguistic.onnx", role: f"{role}.onnx", "predict_dur": True}
    if role == "pitch":
        own |= {"use_expr": True, "use_note_rest": True}
    if role == "variance":
        own |= {f"predict_{curve}": True for curve in usual_graphs.CURVES}
    return own


def _mel(sizes: Sizes) -> dict[str, object]:
    return {
        "sample_rate": SAMPLE_RATE, "hop_size": HOP_SIZE, "win_size": 2048, "fft_size": 2048,
        "num_mel_bins": sizes.n_mels,
        "mel_fmin": 40, "mel_fmax": 16000, "mel_base": "e", "mel_scale": "slaney",
    }  # fmt: skip


def _dictionary() -> str:
    kinds = {**dict.fromkeys(_VOWELS, "vowel"), **dict.fromkeys(_GLIDES, "liquid")}
    lines = ["symbols:"]
    for symbol in _SYMBOLS:
        bare = symbol.rpartition("/")[2]
        lines.append(f"- {{symbol: {symbol}, type: {'vowel' if '/' not in symbol else kinds.get(bare, 'stop')}}}")
    return "\n".join([*lines, "entries:", "- {grapheme: no, phonemes: [en/n, en/ow]}"]) + "\n"


def _yaml(**keys: object) -> str:
    """Keys and values; JSON is YAML too."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items())


if __name__ == "__main__":
    print(usual_bank())
    sys.exit(0)
