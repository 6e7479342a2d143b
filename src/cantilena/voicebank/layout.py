"""Where the parts of a voicebank lie, as archives, editors and habits have left them.

Conventions
-----------
A voicebank has a folder of its own: its id is that folder's name, and no path leads out of it. The acoustic
``dsconfig.yaml`` lies in it, or some folders deeper (``configs``, the name of the voicebank once more); the other parts
lie beside that file, or in one of the folders above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import StageConfig, read_stage_config
from cantilena.voicebank.files import broken, find_child, find_file, is_hidden, read_yaml, require_file, unreadable

_DEEPEST = 3
_MOST_FOLDERS = 1000
_PARTS = ("dsdur", "dspitch", "dsvariance", "dsvocoder")
_SIGNS = ("character.txt", "character.yaml", "dsdur")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a voicebank and its acoustic stage lie.

    Attributes
    ----------
    folder : Path
        The voicebank's own.
    config : Path
        The acoustic stage's ``dsconfig.yaml``, somewhere inside.
    """

    folder: Path
    config: Path

    @property
    def homes(self) -> tuple[Path, ...]:
        """Folders that other parts may lie in: that of the configuration first, the voicebank's own last."""
        above = (self.config.parent, *self.config.parent.parents)
        return tuple(folder for folder in above if folder.is_relative_to(self.folder))

    def read_config(self) -> StageConfig:
        """What the acoustic stage's configuration says."""
        file = require_file(self.folder, self.config.parent, self.config.name, purpose="the voicebank's configuration")
        return read_stage_config(file)

    def find(self, written: str) -> Path | None:
        """A file or folder in the first home that has it."""
        found = (find_file(self.folder, home, written) for home in self.homes)
        return next((path for path in found if path is not None), None)


def find_layout(folder: Path) -> Layout:
    """The layout of the voicebank in a folder.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: there is none. ``voicebank_ambiguous``: there are several.
    """
    layouts = find_layouts(folder)
    if not layouts:
        raise broken(folder / "dsconfig.yaml", "is missing, so this folder is no DiffSinger voicebank")
    if len(layouts) > 1:
        raise VoicebankError(
            "voicebank_ambiguous",
            f"The folder {folder} holds {len(layouts)} voicebanks.",
            hint=f"Give the folder of one: {', '.join(str(layout.folder) for layout in layouts)}.",
        )
    return layouts[0]


def find_layouts(folder: Path) -> tuple[Layout, ...]:
    """The voicebanks that came in one folder: none, one, which may lie deeper inside, or several side by side."""
    files: list[Path] = []
    for level in _levels(folder):
        here = [file for inside in level if (file := _config_in(inside)) is not None]
        files = files or here  # if none names an acoustic model, the first is told to lack it
        if acoustic := [file for file in here if _is_acoustic(folder, file)]:
            files = acoustic
            break
    if len(files) > 1:
        files = [file for file in files if file.parent.name.casefold() in ("configs", "config")] or files
        if files[0].parent.parent == folder and _has_signs(folder):
            files = files[:1]
    if len(files) == 1:
        return (Layout(folder=folder, config=files[0]),)
    return tuple(Layout(folder=_own_folder(file, files), config=file) for file in files)


def _levels(folder: Path) -> Iterator[Sequence[Path]]:
    """Folders by depth, the folder itself first; parts of a voicebank are not entered."""
    level, seen = [folder], 1
    for _ in range(_DEEPEST + 1):
        yield level
        level = [inside for outside in level for inside in _folders_in(outside)][: _MOST_FOLDERS - seen]
        seen += len(level)


def _folders_in(folder: Path) -> list[Path]:
    try:
        inside = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:  # what cannot be entered holds no voicebank of ours
        return []
    wanted = (path for path in inside if not is_hidden(path.name) and path.name.casefold() not in _PARTS)
    return sorted(wanted, key=lambda path: (path.name.casefold() not in ("configs", "config"), path.name.casefold()))


def _config_in(folder: Path) -> Path | None:
    try:
        return find_child(folder, "dsconfig.yaml")
    except OSError as error:
        raise unreadable(folder, error) from error


def _is_acoustic(root: Path, file: Path) -> bool:
    """Whether a configuration names an acoustic model; a damaged one may."""
    try:
        found = find_file(root, file.parent, file.name)
        return found is not None and bool(read_yaml(found).get("acoustic"))
    except VoicebankError:
        return True


def _has_signs(folder: Path) -> bool:
    return any(find_file(folder, folder, name) is not None for name in _SIGNS)


def _own_folder(file: Path, files: Sequence[Path]) -> Path:
    """The highest folder of a configuration that holds none of the others."""
    own = file.parent
    while not any(other.is_relative_to(own.parent) for other in files if other != file):
        own = own.parent
    return own
