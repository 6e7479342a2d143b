"""What works in this installation, found out by trying it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from cantilena.errors import CantilenaError, OptionError, VoicebankError
from cantilena.settings import SettingOrigin, load_settings, setting_origins

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo

_LIBRARIES = ("numpy", "onnxruntime", "lxml", "soundfile", "soxr")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupItem:
    """One thing that was tried: its name, whether it works, what was found, and what to do if it does not."""

    name: str
    ok: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """Everything that was tried, and the settings in force."""

    items: tuple[CheckupItem, ...]
    settings: tuple[SettingOrigin, ...]

    @property
    def healthy(self) -> bool:
        return all(item.ok for item in self.items)

    def to_json(self) -> dict[str, object]:
        """The checkup as one document."""
        return {
            "healthy": self.healthy,
            "checks": [{"name": i.name, "ok": i.ok, "message": i.message, "hint": i.hint} for i in self.items],
            "settings": {
                s.variable: {"value": s.value, "origin": s.origin, "description": s.description} for s in self.settings
            },
        }


def examine() -> Checkup:
    """Try everything that singing needs."""
    tries: tuple[tuple[str, Callable[[], str]], ...] = (
        ("python", lambda: f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version_of(name)) for name in _LIBRARIES),
        ("audio formats", _audio_formats),
        ("english words", _english),
        ("voicebanks", _voicebanks),
        ("cache", _cache),
    )
    return Checkup(
        items=tuple(_try(name, attempt) for name, attempt in tries), settings=setting_origins(load_settings())
    )


def _try(name: str, attempt: Callable[[], str]) -> CheckupItem:
    try:
        return CheckupItem(name=name, ok=True, message=attempt())
    except CantilenaError as error:
        return CheckupItem(name=name, ok=False, message=error.message, hint=error.hint)
    except (ImportError, OSError, PackageNotFoundError) as error:
        return CheckupItem(
            name=name, ok=False, message=f"{type(error).__name__}: {error}", hint="Install cantilena again."
        )


def _version_of(name: str) -> Callable[[], str]:
    def attempt() -> str:
        from importlib import import_module

        if name != "onnxruntime":  # only the sessions may import that one; opening a voicebank tries it
            import_module(name)
        return version(name)

    return attempt


def _audio_formats() -> str:
    from cantilena.audio.files import available_formats

    return ", ".join(available_formats())


def _english() -> str:
    from cantilena.language import load_language

    phonemes = load_language("en").pronounce("singing")
    return f"singing is pronounced {' '.join(phonemes)}"


def _cache() -> str:
    from cantilena.bootstrap import content_store

    settings = load_settings()
    store = content_store(settings)
    if store is None:
        return "nothing is kept, as CANTILENA_CACHE_MAX_BYTES is 0"
    problem = store.try_out()
    if problem:
        raise OptionError(
            "cache_unwritable",
            f"Nothing can be kept in {store.folder}: {problem}; songs are sung all the same.",
            hint="Set CANTILENA_CACHE_DIR to a folder that can be written.",
        )
    size, free = store.size(), shutil.disk_usage(store.folder).free
    return (
        f"{store.folder} holds {size.entries} entries, {_megabytes(size.bytes)} of at most "
        f"{_megabytes(store.max_bytes)}; {_megabytes(free)} free on its disk"
    )


def _megabytes(n: int) -> str:
    return f"{n / 1024**2:.0f} MB"


def _voicebanks() -> str:
    from cantilena.bootstrap import voicebank_folders
    from cantilena.voicebank import find_voicebank, open_voicebank
    from cantilena.voicebanks import list_voicebanks

    found = list_voicebanks()
    if load_settings().app_env == "prod":  # they are fetched when they are asked for, not to be looked at
        return _published(found)
    find_voicebank(None, voicebank_folders(load_settings()))  # says how to get one when there is none
    for info in found:
        open_voicebank(info.folder).open_all()
    return ", ".join(info.id for info in found)


def _published(found: Sequence[VoicebankInfo]) -> str:
    usable = [info.id for info in found if info.problem is None]
    if not usable:
        raise VoicebankError(
            "voicebank_missing",
            "There is no voicebank in the bucket that could be sung.",
            hint="Publish one with 'cantilena voicebank push DIR'.",
        )
    return f"{', '.join(usable)} in the bucket"
