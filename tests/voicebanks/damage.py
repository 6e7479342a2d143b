"""Ways in which a voicebank can be damaged or hostile, and what must be said of each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto

from tests.voicebanks.bank import TinyBank

WHOLE = TinyBank(
    name="Whole", pitch="word", variance="word", curves=("tension",), language_ids=True, prefix="en/", shifts=True
)
"""What is damaged: it has everything that can break."""

MODELS = (
    "acoustic.onnx", "dsdur/linguistic.onnx", "dsdur/dur.onnx", "dspitch/linguistic.onnx", "dspitch/pitch.onnx",
    "dsvariance/linguistic.onnx", "dsvariance/variance.onnx", "dsvocoder/model.onnx",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to break a voicebank.

    Attributes
    ----------
    apply : callable
        Breaks the voicebank in a folder.
    file : str
        What the error must name: a file, or where none is at fault a word.
    reason : str
        A regular expression for what it must say.
    """

    apply: Callable[[Path], object]
    file: str
    reason: str


def flip(file: Path, seed: int) -> None:
    """Change one byte in a hundred."""
    content = bytearray(file.read_bytes())
    generator = np.random.default_rng([seed, len(content)])
    for at in generator.integers(0, len(content), max(1, len(content) // 100)):
        content[at] ^= int(generator.integers(1, 256))
    file.write_bytes(bytes(content))


def _replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        file = folder / name
        text = file.read_text()
        assert old in text, f"{name} has no {old!r}"
        file.write_text(text.replace(old, new))

    return apply


def _set(name: str, line: str) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        text = (folder / name).read_text()
        key = line.partition(":")[0]
        kept = [given for given in text.splitlines() if not given.startswith(f"{key}:")]
        (folder / name).write_text("\n".join([*kept, line]) + "\n")

    return apply


def _written(name: str, content: bytes | str) -> Callable[[Path], object]:
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(raw)


def _tokens(change: Callable[[dict[str, object]], object], name: str = "phonemes.json") -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        table = json.loads((folder / name).read_text())
        change(table)
        (folder / name).write_text(json.dumps(table))

    return apply


def _linked(name: str, target: str) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return apply


def _external(location: str, make: Callable[[Path], object] = lambda folder: None) -> Callable[[Path], object]:
    """The largest table of the acoustic model kept in a file elsewhere."""

    def apply(folder: Path) -> None:
        make(folder)
        model = onnx.load(folder / "acoustic.onnx")
        kept = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        size = len(kept.raw_data)
        kept.ClearField("raw_data")
        kept.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", str(size))):
            kept.external_data.add(key=key, value=value)
        (folder / "acoustic.onnx").write_bytes(model.SerializeToString())
        (folder.parent / "weights.bin").write_bytes(bytes(size))

    return apply


def _bomb(levels: int) -> str:
    """A few hundred bytes of YAML that stand for 9 to the power of ``levels`` strings."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, levels)]
    return "\n".join([*lines, f"symbols: *a{levels - 1}", f"entries: *a{levels - 1}"]) + "\n"


def _models() -> Iterator[tuple[str, Damage]]:
    noise = np.random.default_rng(0).bytes(4000)
    for index, name in enumerate(MODELS):
        other = MODELS[(index + 2) % len(MODELS)]
        yield f"{name} is random", Damage(_written(name, noise), name, "is not an ONNX model|cannot be opened")
        yield f"{name} is {other}", Damage(
            lambda folder, name=name, other=other: shutil.copy(folder / other, folder / name),  # type: ignore[misc]
            f"{name}|mezzo.emb", "asks for|has no output|does not know|holds . values",
        )  # fmt: skip
    first = MODELS[0]
    yield "a model that is empty", Damage(_written(first, b""), first, "is empty")
    yield (
        "a model that is a folder",
        Damage(lambda folder: ((folder / first).unlink(), (folder / first).mkdir()), first, "is missing"),
    )


def _embeddings() -> Iterator[tuple[str, Damage]]:
    file = "dspitch/mezzo.emb"
    yield "an embedding too long", Damage(_written(file, np.zeros(256, "<f4").tobytes()), file, "holds 256 values")
    yield "an embedding without length", Damage(_written(file, b""), file, "has 0 bytes")
    yield "an embedding cut off", Damage(_written(file, bytes(18)), file, "has 18 bytes")
    bad = np.full(5, np.nan, "<f4")
    yield "an embedding of NaN", Damage(_written(file, bad.tobytes()), file, "not numbers")


def _ids() -> Iterator[tuple[str, Damage]]:
    for name, value in {
        "beyond the model's": 4000, "of 31 digits": 10**30, "below zero": -3, "with a fraction": 1.5, "as text": "7",
        "true": True, "null": None,
    }.items():  # fmt: skip
        # every vowel, whatever is sung
        yield f"ids {name}", Damage(
            _tokens(lambda table, value=value: table.update({s: value for s in table if s[-2:] in ("ow", "ah")})),  # type: ignore[misc]
            "phonemes.json" if value != 4000 else "acoustic.onnx|phonemes.json",
            "whole numbers|4000|out of|more phonemes|too large",
        )  # fmt: skip
    yield "no silence", Damage(_tokens(lambda table: table.pop("SP")), "phonemes.json", "has no phoneme SP")
    yield "phonemes.json is a list", Damage(_written("phonemes.json", "[1, 2]"), "phonemes.json", "must map names")
    yield (
        "phonemes.json nested deeply",
        Damage(_written("phonemes.json", "[" * 100_000), "phonemes.json", "is not valid JSON"),
    )
    yield (
        "language ids beyond the model's",
        Damage(_written("languages.json", '{"en": 77, "ja": 2}'), "acoustic.onnx|languages.json", "77|out of|language"),
    )


def _links() -> Iterator[tuple[str, Damage]]:
    yield "phonemes.json links to itself", Damage(_linked("phonemes.json", "phonemes.json"), "phonemes.json", "")
    yield (
        "phonemes.json links outside",
        Damage(_linked("phonemes.json", "/etc/hostname"), "phonemes.json", "leads out of the voicebank"),
    )
    yield (
        "a model links outside",
        Damage(_linked("acoustic.onnx", "/etc/hostname"), "acoustic.onnx", "leads out of the voicebank"),
    )
    yield "weights at an absolute path", Damage(_external("/etc/hostname"), "acoustic.onnx|hostname", "absolute path")
    yield "weights outside", Damage(_external("../weights.bin"), "weights.bin", "lies outside the voicebank")
    yield "weights behind a link", Damage(
        _external("weights.bin", lambda folder: (folder / "weights.bin").symlink_to("../weights.bin")),
        "weights.bin", "leads out of the voicebank",
    )  # fmt: skip
    yield "weights missing", Damage(_external("nowhere.bin"), "nowhere.bin", "is missing")


def _values() -> Iterator[tuple[str, Damage]]:
    config, vocoder = "dsconfig.yaml", "vocoder.yaml"
    for key, value in (
        ("hop_size", "0"), ("hop_size", "-512"), ("hop_size", "512.5"), ("hop_size", "1e30"), ("hop_size", "nan"),
        ("hop_size", "[512]"), ("sample_rate", "0"), ("sample_rate", "loud"), ("num_mel_bins", "999999999999"),
        ("max_depth", ".inf"), ("mel_base", "2"), ("mel_scale", "bark"), ("speakers", "{a: b}"), ("speakers", "mezzo"),
        ("phonemes", "[a, b]"),
    ):  # fmt: skip
        yield f"{key}: {value}", Damage(_set(config, f"{key}: {value}"), config, key)
    yield "one sample in a frame", Damage(_set(config, "hop_size: 1"), f"{config}|{vocoder}", "hop_size")
    yield "a million samples in a frame", Damage(_set(config, "hop_size: 1000000"), f"{config}|{vocoder}", "hop")
    yield (
        "a phoneme table outside",
        Damage(_set(config, "phonemes: ../../../etc/passwd"), "passwd", "outside the voicebank"),
    )
    yield (
        "a phoneme table at an absolute path",
        Damage(_set(config, "phonemes: /etc/passwd"), "passwd", "absolute path"),
    )
    yield (
        "a model at a Windows path",
        Damage(_set(config, r"acoustic: C:\Windows\acoustic.onnx"), "Windows", "absolute path"),
    )
    yield (
        "a name that no file can have",
        Damage(_set(config, f"acoustic: {'x' * 5000}.onnx"), "Whole", "name too long|is missing"),
    )
    yield (
        "a name with a zero byte",
        Damage(
            _set(config, r'acoustic: "a\0b.onnx"'),
            f"{config}|acoustic|a.*b",
            "cannot be|is missing|not valid|zero",
        ),
    )
    yield (
        "another hop in the vocoder",
        Damage(_replaced("dsvocoder/vocoder.yaml", "hop_size: 512", "hop_size: 256"), vocoder, "hop_size 256"),
    )
    yield "no vocoder", Damage(lambda folder: shutil.rmtree(folder / "dsvocoder"), "vocoder.yaml", "is missing")
    yield "no model in the vocoder", Damage(lambda folder: (folder / "dsvocoder/model.onnx").unlink(), "model.onnx", "")
    yield (
        "no dsdur configuration",
        Damage(lambda folder: (folder / "dsdur/dsconfig.yaml").unlink(), "dsdur/dsconfig.yaml", "is missing"),
    )


def _texts() -> Iterator[tuple[str, Damage]]:
    dictionary = "dsdur/dsdict.yaml"
    yield (
        "a dictionary that is not YAML",
        Damage(_written(dictionary, "symbols: [{symbol: : :\n\t}"), dictionary, "is not valid YAML"),
    )
    yield "a dictionary that is a number", Damage(_written(dictionary, "42\n"), dictionary, "must hold keys and values")
    yield "a dictionary of bytes", Damage(_written(dictionary, bytes(range(256)) * 20), dictionary, "is not")
    yield "a dictionary that explodes", Damage(_written(dictionary, _bomb(12)), dictionary, "")
    yield (
        "a dictionary nested deeply",
        Damage(_written(dictionary, "symbols: " + "[" * 50_000), dictionary, "is not valid YAML|nests"),
    )
    yield "a configuration that explodes", Damage(_written("dsconfig.yaml", _bomb(12)), "dsconfig.yaml", "")
    yield "a configuration that is empty", Damage(_written("dsconfig.yaml", ""), "dsconfig.yaml|phonemes", "")
    yield (
        "a configuration that is a list",
        Damage(_written("dsdur/dsconfig.yaml", "- a\n- b\n"), "dsdur/dsconfig.yaml", "must hold keys and values"),
    )
    yield "a character that explodes", Damage(_written("character.yaml", _bomb(12)), "character.yaml", "")
    yield (
        "ranges that are none",
        Damage(
            _written("character.yaml", "cantilena: {ranges: {mezzo: [high, low]}}"),
            "character.yaml",
            "two MIDI numbers",
        ),
    )


def _damages() -> Iterator[tuple[str, Damage]]:
    for group in (_models, _embeddings, _ids, _links, _values, _texts):
        yield from group()


DAMAGES: Mapping[str, Damage] = MappingProxyType(dict(_damages()))
"""By what is wrong."""


def damaged(pristine: Path, folder: Path, name: str) -> Path:
    """A copy of a whole voicebank with one thing broken."""
    os.makedirs(folder)  # noqa: PTH103
    bank = Path(shutil.copytree(pristine, folder / WHOLE.name))
    DAMAGES[name].apply(bank)
    return bank
