"""The voicebanks at hand, and what is known of each without opening its models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import Character, StageConfig, read_character
from cantilena.voicebank.dictionary import dictionary_files, dictionary_language
from cantilena.voicebank.files import EDITOR_ENCODINGS, find_file, is_hidden, read_text, unreadable
from cantilena.voicebank.layout import Layout, find_layout, find_layouts
from cantilena.voicebank.speakers import match_speaker, speaker_names
from cantilena.voicebank.symbols import read_symbol_table

_END_BYTES = 65_536
_SAMPLES = 16
_SAMPLE_BYTES = 4_096


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
    colours : mapping of str to str
        Voice colours, as OpenUtau shows them, to the speakers they are; either name chooses one.
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
    colours: Mapping[str, str] = field(default_factory=dict)
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
    known = [layout.folder for layout in _layouts(folders)]
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
        return find_layout(asked.resolve()).folder
    if asked.is_file():
        raise VoicebankError(
            "voicebank_unknown",
            f"{asked} is a file, not the folder of a voicebank.",
            hint="Unpack it into a folder, and give that folder.",
        )
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
    for layout in _layouts(folders):
        folder = layout.folder
        try:
            infos.append(_describe(layout))
        except VoicebankError as error:
            infos.append(unreadable_voicebank(folder, error.message))
    return tuple(infos)


def unreadable_voicebank(folder: Path, problem: str) -> VoicebankInfo:
    """All that is known of a voicebank that cannot be read."""
    return VoicebankInfo(
        id=folder.name, name=folder.name, version="", languages=(), speakers=(), ranges={}, licence="", credits="",
        bytes=0, folder=folder, problem=problem,
    )  # fmt: skip


def describe_voicebank(folder: Path) -> VoicebankInfo:
    """What is known of the voicebank in a folder, which may lie deeper inside.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: a file that says what it is is missing or damaged.
    """
    return _describe(find_layout(folder))


def _describe(layout: Layout) -> VoicebankInfo:
    folder = layout.folder
    config = layout.read_config()
    character = read_character(*layout.homes, root=folder)
    version, size = fingerprint(folder)
    names = speaker_names(config.speakers)
    return VoicebankInfo(
        id=folder.name,
        name=character.name or folder.name,
        version=version,
        languages=character.languages or _languages(layout, config),
        speakers=names,
        colours=_colours(character, config.speakers, names),
        ranges=_ranges(character, config.speakers, names),
        licence=character.licence or _text_beside(layout, "LICENSE").partition("\n")[0].rstrip(),
        credits=character.credits
        or _text_beside(layout, "CREDITS")
        or ", ".join(filter(None, (character.author, character.voice, character.web))),
        bytes=size,
        folder=folder,
    )


def _layouts(folders: Sequence[Path]) -> Iterator[Layout]:
    for parent in folders:
        try:
            inside = sorted(parent.iterdir(), key=lambda folder: folder.name.casefold()) if parent.is_dir() else []
        except OSError as error:
            raise unreadable(parent, error) from error
        for folder in inside:
            if folder.is_dir() and not is_hidden(folder.name):
                yield from find_layouts(folder)


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


def _colours(character: Character, entries: tuple[str, ...], names: tuple[str, ...]) -> dict[str, str]:
    matched = {colour: match_speaker(entry, entries) for colour, entry in character.colours.items()}
    return {colour: names[index] for colour, index in matched.items() if index is not None}


def _languages(layout: Layout, config: StageConfig) -> tuple[str, ...]:
    """Languages by the prefixes of the phonemes, else by the names of the dictionaries."""
    phonemes = find_file(layout.folder, config.folder, config.phonemes)
    if phonemes is not None:
        symbols = read_symbol_table(phonemes, None).tokens
        prefixes = {symbol.partition("/")[0] for symbol in symbols if "/" in symbol}
        if prefixes:
            return tuple(sorted(prefixes))
    durations = layout.find("dsdur")
    names = dictionary_files(durations) if durations is not None else ()
    return tuple(dict.fromkeys(map(dictionary_language, names)))


def _text_beside(layout: Layout, name: str) -> str:
    """Text of a file such as LICENSE, with or without a suffix; empty when there is none."""
    for suffix in ("", ".txt", ".md"):
        file = layout.find(name + suffix)
        if file is not None and file.is_file():
            return read_text(file, encodings=(*EDITOR_ENCODINGS, "latin-1")).strip()
    return ""


def fingerprint(folder: Path) -> tuple[str, int]:
    """Hash and size in bytes of a folder's files; cheap enough to be taken each time a voicebank is opened.

    Of a large file not all is read: its ends, and samples from between, where training changes every weight.
    """
    digest = hashlib.blake2b(digest_size=8)
    total = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder)
        if any(map(is_hidden, name.parts)):
            continue
        try:
            size = file.stat().st_size
            digest.update(f"{name.as_posix()}\0{size}\0".encode(errors="surrogateescape"))
            with file.open("rb") as stream:
                for begin, length in _samples(size):
                    stream.seek(begin)
                    digest.update(stream.read(length))
        except OSError as error:
            raise unreadable(file, error) from error
        total += size
    return digest.hexdigest(), total


def _samples(size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of what is read of a file."""
    if size <= 4 * _END_BYTES:
        yield 0, size
        return
    yield 0, _END_BYTES
    for k in range(1, _SAMPLES + 1):
        yield size * k // (_SAMPLES + 1), _SAMPLE_BYTES
    yield size - _END_BYTES, _END_BYTES
