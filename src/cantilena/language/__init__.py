"""Text to phonemes: one module per language, dictionaries as data, nothing but the standard library."""

from __future__ import annotations

from cantilena.language.check import check_words
from cantilena.language.pronunciations import parse_pronunciation, read_pronunciations
from cantilena.language.registry import Language, load_language
from cantilena.language.spelling import clean_word

__all__ = [
    "Language",
    "check_words",
    "clean_word",
    "load_language",
    "parse_pronunciation",
    "read_pronunciations",
]
