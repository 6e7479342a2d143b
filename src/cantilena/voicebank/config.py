"""What a voicebank says of itself: ``dsconfig.yaml`` of each stage, ``vocoder.yaml``, ``character.yaml`` and ``.txt``.

Conventions
-----------
Reading is tolerant: unknown keys are ignored, absent ones take the defaults OpenUtau assumes, and a value of the wrong
kind is an error that names file and key. What a model is fed is decided by the model's own inputs, not by the flags
found here. Paths count from the folder of the file that names them and stay inside the voicebank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cantilena.voicebank.files import EDITOR_ENCODINGS, broken, find_file, read_text, read_yaml

MelBase = Literal["10", "e"]
MelScale = Literal["slaney", "htk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MelConfig:
    """The spectrogram that passes from an acoustic model to a vocoder.

    Attributes
    ----------
    sample_rate, hop_size, win_size, fft_size, n_mels : int
        Hz, samples, samples, samples, bins.
    fmin, fmax : float
        Hz.
    base : {"10", "e"}
        Base of the logarithm.
    scale : {"slaney", "htk"}
        Spacing of the bins.
    """

    sample_rate: int = 44100
    hop_size: int = 512
    win_size: int = 2048
    fft_size: int = 2048
    n_mels: int = 128
    fmin: float = 40.0
    fmax: float = 16000.0
    base: MelBase = "10"
    scale: MelScale = "slaney"

    @property
    def frame_seconds(self) -> float:
        return self.hop_size / self.sample_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """One ``dsconfig.yaml``.

    Attributes
    ----------
    file : Path
        Where it was read.
    phonemes, languages : str or None
        Paths as written.
    models : mapping of str to str
        Role (``acoustic, linguistic, dur, pitch, variance``) to path as written.
    speakers : tuple of str
        Entries as written; ``<entry>.emb`` lies beside the file. Empty: one speaker, no embedding.
    mel : MelConfig
        Frame grid and, for the acoustic stage, the spectrogram.
    max_depth : float
        Share of the diffusion that may be asked for, 0..1; what is written in thousandths is converted.
    use_continuous_acceleration : bool
        Whether its author's tools sampled in ``steps`` (and a share as ``depth``) rather than by ``speedup``.
    pitch_shift_range : (float, float)
        Semitones down and up by which voices were shifted in training, which is what ``gender`` turns.
    voicing_mu : float or None
        Where the curve ``voicing`` is an amplitude pressed by the mu-law into the range of decibels: its mu. None: dB.
    vocoder : str or None
        Name of a vocoder that several voicebanks share.
    """

    file: Path
    phonemes: str = "phonemes.txt"
    languages: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()
    mel: MelConfig = field(default_factory=MelConfig)
    max_depth: float = 1.0
    use_continuous_acceleration: bool = False
    pitch_shift_range: tuple[float, float] = (-5.0, 5.0)
    voicing_mu: float | None = None
    vocoder: str | None = None

    @property
    def folder(self) -> Path:
        return self.file.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class VocoderConfig:
    """One ``vocoder.yaml``.

    Attributes
    ----------
    file : Path
        Where it was read.
    name, model : str
        Its name, and the path of its model as written.
    mel : MelConfig
        The spectrogram it takes.
    pitch_controllable : bool
        Whether it follows an f0 other than that of the spectrogram.
    force_on_cpu : bool
        Whether it is slow on other devices.
    """

    file: Path
    name: str
    model: str
    mel: MelConfig
    pitch_controllable: bool = False
    force_on_cpu: bool = False

    @property
    def folder(self) -> Path:
        return self.file.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What is told to people: ``character.yaml`` and ``character.txt``, and our own key ``cantilena``.

    Attributes
    ----------
    name, author, voice, web, licence, credits : str
        Empty where the voicebank does not say.
    languages : tuple of str
        Two-letter codes; empty where it does not say.
    ranges : mapping of str to (float, float)
        Speaker to lowest and highest MIDI number sung without strain.
    colours : mapping of str to str
        Voice colour, as people know it, to the entry of the speaker it means.
    """

    name: str = ""
    author: str = ""
    voice: str = ""
    web: str = ""
    licence: str = ""
    credits: str = ""
    languages: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)


_NOTHING: tuple[object, ...] = ("", "null", "~", [], {})
_YES = ("true", "yes", "on", "y", "1")
_NO = ("false", "no", "off", "n", "0")
_SHORTEST_FRAME, _LONGEST_FRAME = 0.0005, 0.5
_ROLES = ("acoustic", "linguistic", "dur", "pitch", "variance")


def read_stage_config(file: Path) -> StageConfig:
    """Read one ``dsconfig.yaml``."""
    values = _Values(file)
    max_depth = values.number("max_depth", 1.0, high=1000.0)
    return StageConfig(
        file=file,
        phonemes=values.text("phonemes", "phonemes.txt"),
        languages=values.text("languages", "") or None,
        models={role: path for role in _ROLES if (path := values.text(role, ""))},
        speakers=tuple(map(_without_suffix, values.texts("speakers"))),
        mel=_read_mel(values),
        # Of the thousand steps of training in older voicebanks, and by mistake in newer ones.
        max_depth=max_depth / 1000.0 if max_depth > 1.0 else max_depth,
        use_continuous_acceleration=values.switch("use_continuous_acceleration"),
        pitch_shift_range=_read_pitch_shifts(values),
        voicing_mu=_read_voicing_mu(values),
        vocoder=values.text("vocoder", "") or None,
    )


def read_vocoder_config(file: Path) -> VocoderConfig:
    """Read one ``vocoder.yaml``."""
    values = _Values(file)
    return VocoderConfig(
        file=file,
        name=values.text("name", "vocoder"),
        model=values.text("model", "model.onnx"),
        mel=_read_mel(values),
        pitch_controllable=values.switch("pitch_controllable"),
        force_on_cpu=values.switch("force_on_cpu"),
    )


def _without_suffix(entry: str) -> str:
    """An entry as it is meant, where its author wrote the name of its file."""
    return entry[:-4] if entry.casefold().endswith(".emb") else entry


def _read_voicing_mu(values: _Values) -> float | None:
    if values.choice("voicing_domain", ("db", "mulaw"), "db").casefold() == "db":
        return None
    return max(values.number("voicing_mu", 255.0, high=1e6), 1.0)


def _read_pitch_shifts(values: _Values) -> tuple[float, float]:
    written = values.inside("augmentation_args", "random_pitch_shifting", "range")
    if written is None:
        return (-5.0, 5.0)
    try:
        low, high = map(float, written)
        if -48.0 <= low <= 0.0 <= high <= 48.0:
            return (low, high)
    except (TypeError, ValueError):
        pass
    raise broken(values.file, "must give two numbers of semitones, one down and one up, as range of pitch shifting")


def read_character(*folders: Path, root: Path) -> Character:
    """Read what a voicebank tells people; every file and key may be missing.

    Parameters
    ----------
    *folders : Path
        Where its files may lie, the likeliest first.
    root : Path
        Folder of the voicebank.
    """
    yaml_file = _first_file(folders, root, "character.yaml")
    told = read_yaml(yaml_file) if yaml_file else {}
    text_file = _first_file(folders, root, "character.txt")
    encoding = str(told.get("text_file_encoding") or "cp932")
    plain = _read_character_txt(text_file, encoding) if text_file else {}
    ours = told.get("cantilena") or {}
    if not isinstance(ours, dict):
        raise broken(yaml_file or root, "must give keys and values under 'cantilena'")

    def tell(*keys: str) -> str:
        for source in (ours, told, plain):
            for key in keys:
                if isinstance(value := source.get(key), str) and value.strip():
                    return value.strip()
        return ""

    languages = ours.get("languages") or ()
    return Character(
        name=tell("name", "名前"),
        author=tell("author", "created by"),
        voice=tell("voice", "cv", "voicer"),
        web=tell("web"),
        licence=tell("license", "licence"),
        credits=tell("credits"),
        languages=(languages,) if isinstance(languages, str) else tuple(filter(_is_text, languages)),
        ranges=_read_ranges(yaml_file or root, ours.get("ranges") or {}),
        colours=_read_colours(told.get("subbanks")),
    )


def _first_file(folders: Sequence[Path], root: Path, name: str) -> Path | None:
    found = (find_file(root, folder, name) for folder in folders)
    return next((file for file in found if file is not None and file.is_file()), None)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _read_colours(subbanks: object) -> dict[str, str]:
    """Colours by ``subbanks``; whatever is no such list belongs to other kinds of voicebanks and is passed over."""
    colours: dict[str, str] = {}
    for bank in subbanks if isinstance(subbanks, list) else ():
        if isinstance(bank, dict):
            colour, suffix = bank.get("color"), bank.get("suffix")
            if isinstance(colour, str) and colour.strip() and isinstance(suffix, str) and suffix.strip():
                colours.setdefault(colour.strip(), _without_suffix(suffix.strip()))
    return colours


def _read_ranges(file: Path, given: object) -> dict[str, tuple[float, float]]:
    try:
        if isinstance(given, dict):
            pairs = {str(speaker): (float(low), float(high)) for speaker, (low, high) in given.items()}
            if all(0 <= low <= high <= 127 for low, high in pairs.values()):
                return pairs
    except (TypeError, ValueError):
        pass
    raise broken(file, "must give under 'cantilena: ranges' two MIDI numbers for each speaker, lowest first")


def _read_character_txt(file: Path, encoding: str) -> dict[str, str]:
    """``key=value`` or ``key:value`` lines, keys in any case; other lines are free text."""
    pairs: dict[str, str] = {}
    for line in read_text(file, encodings=("utf-8", encoding, *EDITOR_ENCODINGS, "latin-1")).splitlines():
        ends = [line.index(mark) for mark in "=:：" if mark in line]  # noqa: RUF001 (a full-width colon is in use)
        if ends:
            pairs.setdefault(line[: min(ends)].strip().casefold(), line[min(ends) + 1 :].strip())
    return pairs


def _read_mel(values: _Values) -> MelConfig:
    mel = MelConfig(
        sample_rate=values.count("sample_rate", 44100),
        hop_size=values.count("hop_size", 512),
        win_size=values.count("win_size", 2048),
        fft_size=values.count("fft_size", 2048),
        n_mels=values.count("num_mel_bins", 128, high=4096),
        fmin=values.number("mel_fmin", 40.0),
        fmax=values.number("mel_fmax", 16000.0),
        base="e" if values.choice("mel_base", ("10", "e"), "10").casefold() == "e" else "10",
        scale="htk" if values.choice("mel_scale", ("slaney", "htk"), "slaney").casefold() == "htk" else "slaney",
    )
    if not _SHORTEST_FRAME <= mel.frame_seconds <= _LONGEST_FRAME:
        raise broken(
            values.file,
            f"makes a frame last {mel.frame_seconds:.6f} s by 'hop_size' and 'sample_rate', which no model does",
        )
    return mel


class _Values:
    """Typed reading of one YAML file; every complaint names file and key."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._values: Mapping[str, Any] = read_yaml(file)

    def text(self, key: str, default: str) -> str:
        value = self._values.get(key)
        if value is None or value in _NOTHING:
            return default
        if not isinstance(value, str):
            raise broken(self.file, f"must give text for {key!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if value is None or value in _NOTHING:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise broken(self.file, f"must give a list of names for {key!r}")
        return tuple(value)

    def inside(self, *keys: str) -> Any:  # noqa: ANN401 -- whatever YAML can hold
        """What lies under keys within keys; None: nothing."""
        value: Any = self._values
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return None if value is None or value in _NOTHING else value

    def switch(self, key: str) -> bool:
        """Whether a key says yes; no when it is absent."""
        return self.choice(key, _YES + _NO, "false").casefold() in _YES

    def number(self, key: str, default: float, *, high: float = math.inf) -> float:
        given = self.text(key, str(default))
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not 0 <= value <= high:
            most = "" if math.isinf(high) else f" and at most {high:g}"
            raise broken(self.file, f"must give a number of at least 0{most} for {key!r}, not {given[:40]!r}")
        return value

    def count(self, key: str, default: int, *, high: int = 1_000_000) -> int:
        value = self.number(key, default)
        if value != int(value) or not 1 <= value <= high:
            raise broken(self.file, f"must give a whole number from 1 to {high} for {key!r}, not {value:g}")
        return int(value)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value.casefold() not in map(str.casefold, allowed):
            raise broken(self.file, f"must give one of {', '.join(allowed)} for {key!r}, not {value[:40]!r}")
        return value
