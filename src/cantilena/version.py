"""Which Cantilena this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Version of the installed package, ``"unknown"`` when it runs from a bare folder."""
    try:
        return version("cantilena")
    except PackageNotFoundError:
        return "unknown"
