"""Text to phonemes: one module per language, dictionaries as data, nothing but the standard library."""

from __future__ import annotations

from cantilena.language.registry import Language, load_language

__all__ = ["Language", "load_language"]
