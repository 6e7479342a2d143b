"""The voicebank Vesper as an installed data package."""

from pathlib import Path

__all__ = ["voicebanks_dir"]


def voicebanks_dir() -> Path:
    """Return the folder that contains ``Vesper_1.0``."""
    return Path(__file__).resolve().parent / "voicebanks"
