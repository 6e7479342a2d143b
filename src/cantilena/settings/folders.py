"""Where this platform keeps things, for this user."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """For what can be computed again."""
    if platform == "win32":
        return _folder(environment, "LOCALAPPDATA", "AppData/Local", "cantilena")
    beneath = "Library/Caches" if platform == "darwin" else ".cache"
    return _folder(environment, "XDG_CACHE_HOME", beneath, "cantilena")


def data_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """For what cannot."""
    if platform == "win32":
        return _folder(environment, "LOCALAPPDATA", "AppData/Local", "cantilena-data")
    beneath = "Library/Application Support" if platform == "darwin" else ".local/share"
    return _folder(environment, "XDG_DATA_HOME", beneath, "cantilena")


def _folder(environment: Mapping[str, str], variable: str, beneath: str, name: str) -> Path:
    named = environment.get(variable, "")
    if Path(named).is_absolute():  # anything else is to be ignored, as the specification of XDG says
        return Path(named) / name
    try:
        return Path.home() / beneath / name
    except RuntimeError:  # a container's user without a name or a home
        from tempfile import gettempdir  # an import of 15 ms that nobody else needs so early

        kind = variable.removeprefix("XDG_").removesuffix("_HOME").casefold()
        return Path(gettempdir()) / f"cantilena-{kind}-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
