"""Lyric text as people type it, made ready for looking up."""

from __future__ import annotations

import re
import unicodedata

_QUOTES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4`\u2032", "'"))
_LIGATURES = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "þ": "th", "ð": "th"})


def clean_word(word: str) -> str:
    """A word in lower case with straight apostrophes, and nothing around it that is not part of it."""
    text = unicodedata.normalize("NFKC", word).translate(_QUOTES).lower().replace("\u00ad", "")
    return "&" if text.strip() == "&" else re.sub(r"^[^\w']+|[^\w']+$|_+", "", text)


def plain_letters(text: str) -> str:
    """Letters without their accents, ligatures spelled out."""
    letters = unicodedata.normalize("NFD", text.translate(_LIGATURES))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def foreign_script(word: str) -> str | None:
    """Name of the first script in a word that is not Latin, as Unicode has it ("Hiragana"); None for Latin alone."""
    for letter in word:
        if letter.isalpha() and not (name := unicodedata.name(letter, "unknown")).startswith(("LATIN", "MODIFIER")):
            return name.split()[0].capitalize()
    return None
