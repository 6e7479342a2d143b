"""Which vocoder a voicebank sings with: its own, else the one it names, which others may share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import StageConfig, VocoderConfig, read_vocoder_config
from cantilena.voicebank.files import broken, find_child, find_file, is_hidden, require_file, unreadable
from cantilena.voicebank.layout import Layout, find_layout, find_layouts

_ARCHIVES = (".oudep", ".zip")
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class VocoderPlace:
    """Where a vocoder was found.

    Attributes
    ----------
    config : VocoderConfig
        What its ``vocoder.yaml`` says.
    root : Path
        No path of its configuration leads out of this folder.
    shared : bool
        Whether it lies outside the voicebank.
    """

    config: VocoderConfig
    root: Path
    shared: bool


def find_vocoder(
    layout: Layout, acoustic: StageConfig, *, fetched: Mapping[str, Path] = MappingProxyType({})
) -> VocoderPlace:
    """The vocoder of a voicebank.

    Its own folder ``dsvocoder`` wins over the name in its configuration, which is often out of date. A name means a
    folder inside the voicebank, else one beside it, or one that was fetched for it.

    Parameters
    ----------
    layout : Layout
        Of the voicebank.
    acoustic : StageConfig
        Names the vocoder.
    fetched : mapping of str to Path
        Folders of vocoders that lie elsewhere, by name.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: there is no vocoder, or its configuration is damaged.
    """
    own = _own_vocoder(layout, acoustic)
    if own is not None:
        return VocoderPlace(config=read_vocoder_config(own), root=layout.folder, shared=False)
    name = acoustic.vocoder or ""
    if name in fetched and (file := _vocoder_yaml(fetched[name], fetched[name])) is not None:
        return VocoderPlace(config=read_vocoder_config(file), root=fetched[name], shared=True)
    for folder in _beside(layout) if name else ():
        package = _find_beside(folder, name)
        if package is not None and package.resolve() != layout.folder.resolve():
            file = _vocoder_yaml(package, package)
            if file is not None:
                return VocoderPlace(config=read_vocoder_config(file), root=package, shared=True)
    raise _missing(layout, name)


def named_vocoder(folder: Path) -> str | None:
    """Name of the vocoder that the voicebank in a folder needs from elsewhere; None: it brings its own.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: there is no voicebank in the folder, or its configuration is damaged.
    """
    layout = find_layout(folder)
    config = layout.read_config()
    return None if _own_vocoder(layout, config) is not None else config.vocoder


def find_package(folder: Path) -> VocoderConfig | None:
    """The vocoder in a folder that holds one and no voicebank; None: it holds something else.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: its configuration is damaged, or its model is missing.
    """
    if find_layouts(folder):
        return None
    file = _vocoder_yaml(folder, folder)
    if file is None:
        return None
    config = read_vocoder_config(file)
    require_file(folder, file.parent, config.model, purpose="the vocoder")
    return config


def _own_vocoder(layout: Layout, acoustic: StageConfig) -> Path | None:
    """The ``vocoder.yaml`` inside a voicebank."""
    for home in layout.homes:
        file = _vocoder_yaml(layout.folder, find_file(layout.folder, home, "dsvocoder"))
        if file is not None:
            return file
    name = acoustic.vocoder or ""
    parts = PureWindowsPath(name).parts
    if name and (not parts or ".." in parts or PureWindowsPath(name).anchor):
        raise broken(acoustic.file, f"must give the name of a vocoder for 'vocoder', not {name[:80]!r}")
    found = (_vocoder_yaml(layout.folder, find_file(layout.folder, home, name)) for home in layout.homes if name)
    return next(filter(None, found), None)


def check_vocoder(acoustic: StageConfig, vocoder: VocoderConfig) -> None:
    """Refuse a vocoder that reads another spectrogram than is made; only the logarithm's base can be converted.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: names the first difference.
    """
    for name in ("sample_rate", "hop_size", "win_size", "fft_size", "n_mels", "fmin", "fmax", "scale"):
        made, taken = getattr(acoustic.mel, name), getattr(vocoder.mel, name)
        if made != taken and (isinstance(made, str) or abs(made - taken) >= _TOLERANCE):
            raise broken(
                vocoder.file,
                f"takes a spectrogram with {name} {taken}, but {acoustic.file.name} makes one with {made}",
                hint="Use the vocoder that was made for this voicebank.",
            )


def _vocoder_yaml(root: Path, package: Path | None) -> Path | None:
    """The configuration in a package, or one folder deeper, as archives are unpacked."""
    if package is None or not package.is_dir():
        return None
    file = find_file(root, package, "vocoder.yaml")
    try:
        deeper = sorted(path for path in package.iterdir() if path.is_dir() and not is_hidden(path.name))
    except OSError as error:
        raise unreadable(package, error) from error
    found = (find_file(root, folder, "vocoder.yaml") for folder in deeper)
    return file or next(filter(None, found), None)


def _beside(layout: Layout) -> Iterator[Path]:
    """Folders that may hold a vocoder by name: that of the voicebank, and the one above, where it came in a pack."""
    yield from layout.folder.resolve().parents[:2]


def _find_beside(folder: Path, name: str) -> Path | None:
    """What lies beside a voicebank under a name; a link may lead anywhere, for it is not the voicebank's."""
    try:
        return find_child(folder, name)
    except OSError:
        return None


def _missing(layout: Layout, name: str) -> VoicebankError:
    expected = layout.config.parent / "dsvocoder" / "vocoder.yaml"
    if not name:
        return broken(
            expected,
            "is missing, and dsconfig.yaml names no vocoder",
            hint="Put the folder of the vocoder that was made for this voicebank into it as dsvocoder.",
        )
    beside = layout.folder.parent / name
    for folder in (*layout.homes, *_beside(layout)):
        for suffix in _ARCHIVES:
            archive = _find_beside(folder, name + suffix)
            if archive is not None:
                return broken(
                    archive,
                    f"holds the vocoder {name!r}, but is packed",
                    hint=f"Unpack it into the folder {beside}.",
                )
    return broken(
        expected,
        f"is missing, and no vocoder {name!r} lies beside the voicebank or in it",
        hint=f"Put the vocoder's folder into the voicebank as dsvocoder, or beside it as {beside}.",
    )
