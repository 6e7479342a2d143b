"""Text to phonemes: one module per language, dictionaries as data, nothing but the standard library."""

from __future__ import annotations

from cantilena.language.check import check_words
from cantilena.language.from_dictionary import DictionaryLanguage
from cantilena.language.pronunciations import check_pronunciations, parse_pronunciation, read_pronunciations
from cantilena.language.registry import Language, is_built_in, load_language
from cantilena.language.spelling import clean_word

__all__ = [
    "DictionaryLanguage",
    "Language",
    "check_pronunciations",
    "check_words",
    "clean_word",
    "is_built_in",
    "load_language",
    "parse_pronunciation",
    "read_pronunciations",
]
