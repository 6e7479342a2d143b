"""Writes tiny voicebanks to disk."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.voicebanks import graphs
from tests.voicebanks.bank import HIDDEN, TinyBank
from tests.voicebanks.sound import FRAMES, LOUDNESS, embedding, kind_of

__all__ = ["HIDDEN", "TinyBank", "build_voicebank"]

_ROLES = ("dur", "pitch", "variance")
CURVES = ("energy", "breathiness", "voicing", "tension")
_DICTIONARY_KINDS = {"vowel": "vowel", "glide": "liquid", "consonant": "stop"}
_ACOUSTIC_FILES = {"dsmain": "dsmain/", "dsacoustic": "dsacoustic/", "configs": "../acoustic/",
                   "configs apart": "../acoustic/"}  # fmt: skip


def build_voicebank(parent: Path, bank: TinyBank | None = None) -> Path:
    """Write a voicebank and give the folder that a user would name."""
    bank = bank or TinyBank()
    _Builder(parent, bank).build()
    return parent / bank.name


def _once(make: Callable[..., bytes]) -> Callable[..., bytes]:
    """The graphs of most variants are alike; each is written once in a process."""
    kept: dict[str, bytes] = {}

    def make_once(**asked: object) -> bytes:
        key = repr(sorted(asked.items()))
        if key not in kept:
            kept[key] = make(**asked)
        return kept[key]

    return make_once


_GRAPHS = {name: _once(getattr(graphs, name)) for name in (*_ROLES, "acoustic", "linguistic", "vocoder")}


class _Builder:
    def __init__(self, parent: Path, bank: TinyBank) -> None:
        self._parent, self._bank = parent, bank
        home = parent / bank.name / bank.inside
        self._root = home / "configs" if bank.layout == "configs" else home
        self._acoustic_root = home / "configs" if bank.layout.startswith("configs a") else self._root

    def build(self) -> None:
        self._root.mkdir(parents=True)
        self._acoustic()
        for stage, mode in self._bank.encoders.items():
            self._sub_stage(stage, mode)
        self._vocoder()
        self._character()
        if self._bank.layout == "configs copied":
            self._write(self._root / "configs/dsconfig.yaml", (self._root / "dsconfig.yaml").read_bytes())

    def _acoustic(self) -> None:
        bank = self._bank
        model = _GRAPHS["acoustic"](
            hidden=bank.hidden["acoustic"], loudness=self._table("acoustic", LOUDNESS, 1e-5), n_mels=bank.n_mels,
            speakers=len(bank.entries("acoustic")), languages=self._allowed_languages("acoustic"), curves=bank.curves,
            depth=bank.depth, shifts=bank.shifts, forked=bank.forked, base="e" if bank.acoustic_base == "e" else "10",
            sampling=bank.how_sampled("acoustic"), max_depth=bank.trained_depth, levels=bank.levels,
            signature=bank.signature("acoustic"),
        )  # fmt: skip
        files = _ACOUSTIC_FILES.get(bank.layout, "")
        self._write(self._acoustic_root / f"{files}acoustic.onnx", model)
        lines = [f"acoustic: {self._path(files + 'acoustic.onnx')}", f"num_mel_bins: {bank.n_mels}", "mel_fmin: 40"]
        lines += ["mel_fmax: 16000", f"max_depth: {bank.max_depth}"]
        lines += [f"vocoder: {bank.vocoder_name}"] if bank.vocoder_name else []
        lines += [f"mel_base: {bank.acoustic_base}"] if bank.acoustic_base else []
        flags = [f"use_{name}_embed" for name in bank.curves]
        flags += ["use_key_shift_embed", "use_speed_embed"] if bank.shifts else []
        flags += ["use_variable_depth"] if bank.how_sampled("acoustic").depth else []
        self._stage("acoustic", self._acoustic_root, files, [*lines, *(f"{flag}: true" for flag in flags)])

    def _sub_stage(self, stage: str, mode: str) -> None:
        bank, role = self._bank, stage[2:]
        folder = self._root / stage
        common = {"hidden": bank.embedding_size(stage), "speakers": len(bank.entries(stage))}
        if role == "dur":
            model = _GRAPHS["dur"](**common, frames=self._table(stage, FRAMES, 0.0), signature=bank.signature(stage))
        elif role == "pitch":
            model = _GRAPHS["pitch"](
                **common, expr=bank.expr, note_rest=bank.note_rest, note_glide=bank.note_glide,
                encodes_lengths=mode != "bare", sampling=bank.how_sampled(stage), signature=bank.signature(stage),
            )  # fmt: skip
        else:
            model = _GRAPHS["variance"](
                **common, curves=bank.predicted, encodes_lengths=mode != "bare", sampling=bank.how_sampled(stage),
                levels=bank.levels, per_semitone=bank.per_semitone, signature=bank.signature(stage),
            )  # fmt: skip
        encoder = _GRAPHS["linguistic"](
            hidden=bank.embedding_size(stage), by_word={"word": True, "phoneme": False, "bare": None}[mode],
            languages=self._allowed_languages(stage), vocabulary=max(bank.tokens(stage).values()) + 1,
        )  # fmt: skip
        self._write(folder / f"{role}.onnx", model)
        self._write(folder / "linguistic.onnx", encoder)
        lines = [f"linguistic: {self._path('linguistic.onnx')}", f"{role}: {self._path(role + '.onnx')}"]
        flags = {"predict_dur": mode == "word"}
        if role == "pitch":
            flags |= {"use_expr": bank.expr, "use_note_rest": bank.note_rest}
        if role == "variance":
            flags |= {f"predict_{name}": name in bank.predicted for name in CURVES}
        self._stage(stage, folder, "", [*lines, *(f"{flag}: {str(is_set).lower()}" for flag, is_set in flags.items())])
        if role == "dur" or bank.dictionaries:
            self._dictionary(folder)

    def _stage(self, stage: str, folder: Path, files: str, lines: list[str]) -> None:
        """Everything that a stage has beside its models: ``files`` is where its tables lie, seen from ``folder``."""
        bank, table = self._bank, f"{files}phonemes.{'json' if self._bank.table == 'json' else 'txt'}"
        self._phonemes(folder / table, stage)
        head = [f"phonemes: {self._path(table)}", f"use_lang_id: {str(bank.has_language_ids(stage)).lower()}"]
        if bank.has_language_ids(stage):
            self._write_text(folder / f"{files}languages.json", json.dumps(dict(bank.languages)))
            head.append(f"languages: {self._path(files + 'languages.json')}")
        entries = bank.entries(stage)
        if entries:
            # A list of entries with colons, dots or a trailing suffix is written as the exporter does: plainly.
            head += ["speakers:", *(f"  - {self._path(entry)}" for entry in entries)]
            for index, entry in enumerate(entries):
                vector = embedding(index, hidden=bank.embedding_size(stage), signature=bank.signature(stage))
                self._write(folder / f"{entry.removesuffix('.emb')}.emb", vector.tobytes())
        if bank.how_sampled(stage).hurry == "steps":
            head.append("use_continuous_acceleration: true")
        sub = stage in ("dspitch", "dsvariance")
        head.append(f"hidden_size: {bank.embedding_size(stage)}")
        head.append(f"sample_rate: {(sub and bank.sub_sample_rate) or bank.sample_rate}")
        head.append(f"hop_size: {bank.sub_hop_size if sub else bank.hop_size}")
        self._write_text(folder / "dsconfig.yaml", "\n".join([*head, *lines, *bank.extra.get(stage, ())]) + "\n")

    def _phonemes(self, file: Path, stage: str) -> None:
        tokens = self._bank.tokens(stage)
        if self._bank.table == "json":
            self._write_text(file, json.dumps(tokens, ensure_ascii=False))
            return
        named = {token: symbol for symbol, token in tokens.items()}
        lines = [named.get(token, "") for token in range(max(named) + 1)]
        lines[0] = "<PAD>" if self._bank.table == "pad" else ""
        self._write_text(file, "\n".join(lines) + "\n")

    def _dictionary(self, folder: Path) -> None:
        bank = self._bank
        known = [symbol for symbol in bank.symbols if symbol.rpartition("/")[2] in ("n", "ow")]
        lines = ["entries:", f"- {{grapheme: no, phonemes: [{', '.join(known)}]}}", "symbols:"]
        lines += [
            f"- {{symbol: {symbol}, type: {_DICTIONARY_KINDS[kind_of(symbol)]}}}"
            for symbol in bank.symbols
            if symbol not in ("SP", "AP")
        ]
        if bank.replacements:
            lines += ["replacements:", *(f"- {{from: {old}, to: {new}}}" for old, new in bank.replacements)]
        self._write_text(folder / "dsdict.yaml", "\n".join(lines) + "\n")

    def _vocoder(self) -> None:
        bank = self._bank
        folder = {
            "bundled": self._root / "dsvocoder",
            "inside": self._root / bank.vocoder_name,
            "beside": self._parent / bank.vocoder_name,
        }[bank.vocoder_place]
        lines = ["name: tiny", "model: model.onnx", f"sample_rate: {bank.sample_rate}", f"hop_size: {bank.hop_size}"]
        lines += [f"num_mel_bins: {bank.n_mels}"]
        lines += [f"mel_base: {bank.vocoder_base}"] if bank.vocoder_base else []
        lines += ["pitch_controllable: true"] if bank.pitch_controllable else []
        self._write_text(folder / "vocoder.yaml", "\n".join(lines) + "\n")
        model = _GRAPHS["vocoder"](
            n_mels=bank.n_mels, hop_size=bank.hop_size, sample_rate=bank.sample_rate,
            noise=0.0 if bank.vocoder_noise == "none" else 0.001, phases=bank.vocoder_noise == "2024",
            base="e" if bank.vocoder_base == "e" else "10",
        )  # fmt: skip
        self._write(folder / "model.onnx", model)

    def _character(self) -> None:
        if self._bank.character == "shift-jis":
            text = "名前＝小さな声\ncv：テスト\n image=icon.png\n自由な文\n".replace("＝", "=")  # noqa: RUF001
            self._write(self._root / "character.txt", text.encode("shift-jis"))
            return
        self._write_text(
            self._root / "character.yaml",
            "name: Tiny\nauthor: the tests\nsinger_type: diffsinger\n"
            f"cantilena:\n  languages: [en]\n  ranges: {self._bank.ranges}\n  license: CC0-1.0\n",
        )

    def _allowed_languages(self, stage: str) -> list[tuple[int, ...]] | bool:
        """For each token the language ids that are right: those of the symbols it stands for."""
        if not self._bank.has_language_ids(stage):
            return False
        tokens = self._bank.tokens(stage)
        allowed: list[set[int]] = [set() for _ in range(max(tokens.values()) + 1)]
        for symbol, token in tokens.items():
            allowed[token].add(self._bank.languages.get(symbol.rpartition("/")[0], 0))
        return [tuple(sorted(ids)) for ids in allowed]

    def _table(self, stage: str, values: Mapping[str, float], padding: float) -> list[float]:
        """A value for each token, by the kind of its symbol."""
        tokens = self._bank.tokens(stage)
        table = [padding] * (max(tokens.values()) + 1)
        for symbol, token in tokens.items():
            if token:
                table[token] = values[kind_of(symbol)]
        return table

    def _path(self, written: str) -> str:
        """A path as this voicebank's author writes it."""
        if self._bank.wrong_case:
            written = written.upper()
        return written.replace("/", "\\") if self._bank.backslashes else written

    def _write_text(self, file: Path, text: str) -> None:
        raw = text.replace("\n", self._bank.newline).encode()
        self._write(file, codecs.BOM_UTF8 + raw if self._bank.bom else raw)

    def _write(self, file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
