"""The voicebanks at hand, and what is known of each without opening its models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import Character, StageConfig, read_character, read_stage_config
from cantilena.voicebank.files import broken, find_file, read_text
from cantilena.voicebank.speakers import match_speaker, speaker_names
from cantilena.voicebank.symbols import read_symbol_table

_SAMPLE_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicebankInfo:
    """What a voicebank is.

    Attributes
    ----------
    id : str
        Name of its folder.
    name : str
        As it calls itself.
    version : str
        Hash of its files: names, sizes, and what small files and the ends of large ones hold.
    languages : tuple of str
        Codes; empty when it does not say.
    speakers : tuple of str
        Names to choose from; empty when there is only one.
    ranges : mapping of str to (float, float)
        Speaker to lowest and highest MIDI number sung without strain; the key is ``""`` where there is only one.
    licence : str
        Name of the licence, or its first line; empty when the voicebank gives none.
    credits : str
        Whom to thank, of one line or many; empty when it does not say.
    bytes : int
        Of all its files.
    folder : Path
        Where it lies.
    problem : str or None
        Why it cannot be read, when it cannot; everything but ``id`` and ``folder`` is then empty.
    """

    id: str
    name: str
    version: str
    languages: tuple[str, ...]
    speakers: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    licence: str
    credits: str
    bytes: int
    folder: Path
    problem: str | None = None


def find_voicebank(id_or_dir: str | Path | None, folders: Sequence[Path]) -> Path:
    """Folder of a voicebank.

    Parameters
    ----------
    id_or_dir : str, Path or None
        An id, in any case, or a folder of its own; None: the first voicebank there is.
    folders : sequence of Path
        Folders that hold voicebanks, in order.

    Raises
    ------
    VoicebankError
        ``voicebank_unknown``: there is no such voicebank; says which there are.
        ``voicebank_missing``: there are none at all.
    """
    known = list(_voicebank_folders(folders))
    if id_or_dir is None:
        if known:
            return known[0]
        raise _no_voicebanks(folders)
    asked = Path(id_or_dir).expanduser()
    if isinstance(id_or_dir, str):
        by_name = {folder.name.casefold(): folder for folder in reversed(known)}
        by_name |= {folder.name: folder for folder in reversed(known)}
        folder = by_name.get(id_or_dir) or by_name.get(id_or_dir.casefold())
        if folder is not None:
            return folder
    if asked.is_dir():
        folder = asked.resolve()
        if _config_file(folder) is None:
            raise broken(asked / "dsconfig.yaml", "is missing, so this folder is no DiffSinger voicebank")
        return folder
    if not known:
        raise _no_voicebanks(folders)
    raise VoicebankError(
        "voicebank_unknown",
        f"There is no voicebank {str(id_or_dir)!r}.",
        hint=f"Choose one of {', '.join(folder.name for folder in known)}, or give the folder of one.",
    )


def list_voicebanks(folders: Sequence[Path]) -> tuple[VoicebankInfo, ...]:
    """Every voicebank in the folders, in order; one that cannot be read is listed with its ``problem``."""
    infos: list[VoicebankInfo] = []
    for folder in _voicebank_folders(folders):
        try:
            infos.append(describe_voicebank(folder))
        except VoicebankError as error:
            infos.append(
                VoicebankInfo(
                    id=folder.name, name=folder.name, version="", languages=(), speakers=(), ranges={}, licence="",
                    credits="", bytes=0, folder=folder, problem=error.message,
                )
            )  # fmt: skip
    return tuple(infos)


def describe_voicebank(folder: Path) -> VoicebankInfo:
    """What is known of the voicebank in a folder.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: a file that says what it is is missing or damaged.
    """
    config = read_stage_config(require_config(folder))
    character = read_character(folder, root=folder)
    version, size = _fingerprint(folder)
    names = speaker_names(config.speakers)
    return VoicebankInfo(
        id=folder.name,
        name=character.name or folder.name,
        version=version,
        languages=character.languages or _languages(folder, config),
        speakers=names,
        ranges=_ranges(character, config.speakers, names),
        licence=character.licence or _text_beside(folder, "LICENSE").partition("\n")[0].rstrip(),
        credits=character.credits
        or _text_beside(folder, "CREDITS")
        or ", ".join(filter(None, (character.author, character.voice, character.web))),
        bytes=size,
        folder=folder,
    )


def require_config(folder: Path) -> Path:
    """The root ``dsconfig.yaml`` of a voicebank."""
    file = _config_file(folder)
    if file is None:
        raise broken(folder / "dsconfig.yaml", "is missing, so this folder is no DiffSinger voicebank")
    return file


def _config_file(folder: Path) -> Path | None:
    return find_file(folder, folder, "dsconfig.yaml")


def _voicebank_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for parent in folders:
        if parent.is_dir():
            for folder in sorted(parent.iterdir(), key=lambda folder: folder.name.casefold()):
                if folder.is_dir() and _config_file(folder) is not None:
                    yield folder


def _no_voicebanks(folders: Sequence[Path]) -> VoicebankError:
    places = " or ".join(map(str, folders))
    return VoicebankError(
        "voicebank_missing",
        f"There is no voicebank in {places}." if places else "There is no voicebank here.",
        hint="Install one with pip install 'cantilena[voice]', or give the folder of one with --voicebank.",
    )


def _ranges(character: Character, entries: tuple[str, ...], names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    if not entries:
        return dict(zip(("",), character.ranges.values(), strict=False))
    spans: dict[str, tuple[float, float]] = {}
    for told, span in character.ranges.items():
        index = match_speaker(told, entries)
        if index is not None:
            spans[names[index]] = span
    return spans


def _languages(folder: Path, config: StageConfig) -> tuple[str, ...]:
    """Languages by the prefixes of the phonemes, else by the names of the dictionaries."""
    phonemes = find_file(folder, config.folder, config.phonemes)
    if phonemes is not None:
        symbols = read_symbol_table(phonemes, None).tokens
        prefixes = {symbol.partition("/")[0] for symbol in symbols if "/" in symbol}
        if prefixes:
            return tuple(sorted(prefixes))
    durations = find_file(folder, folder, "dsdur")
    dictionaries = sorted(durations.glob("dsdict-*.yaml")) if durations is not None else []
    return tuple(dict.fromkeys(file.stem.removeprefix("dsdict-")[:2] for file in dictionaries))


def _text_beside(folder: Path, name: str) -> str:
    """Text of a file such as LICENSE, with or without a suffix; empty when there is none."""
    for suffix in ("", ".txt", ".md"):
        file = find_file(folder, folder, name + suffix)
        if file is not None and file.is_file():
            return read_text(file, encodings=("utf-8-sig", "latin-1")).strip()
    return ""


def _fingerprint(folder: Path) -> tuple[str, int]:
    """Version and size in bytes; cheap enough to be taken each time a voicebank is opened."""
    digest = hashlib.blake2b(digest_size=8)
    total = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder)
        if any(part.startswith((".", "__MACOSX")) for part in name.parts):
            continue
        try:
            size = file.stat().st_size
            with file.open("rb") as stream:
                ends = stream.read(_SAMPLE_BYTES)
                if size > 2 * _SAMPLE_BYTES:
                    stream.seek(-_SAMPLE_BYTES, 2)
                ends += stream.read(_SAMPLE_BYTES)
        except OSError as error:
            raise broken(file, f"cannot be read: {error.strerror}") from error
        digest.update(f"{name.as_posix()}\0{size}\0".encode())
        digest.update(ends)
        total += size
    return digest.hexdigest(), total
