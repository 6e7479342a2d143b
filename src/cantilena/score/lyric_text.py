"""Lyric text as engraved to lyric text as sung: verse numbers, marks and odd spaces go, words part, elisions open.

Conventions
-----------
What is cleaned is for looking words up; the text as written is kept beside it for display.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from cantilena.score.melody import Syllabic
from cantilena.score.model import Lyric

MAX_SYLLABLE: Final = 200
"""Characters under one note; the longest word of a language fits several times."""

HUMMING: Final = "mm"

_ELISION = re.compile("[\u203f\u2040\ue550-\ue552\u0361]")  # ties under and over, and the SMuFL lyric elisions
_VERSE_NUMBER = re.compile(r"^[(\[]?\d{1,2}[.):\]]?(?:\s*[-\u2013,&+]\s*\d{1,2}[.):\]]?)*(?<=[.):\]])[.\s]*")
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc\u2032\u00b4`\uff07]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_HYPHENS = re.compile("[\u2010\u2011-]")


class CleanSyllable(NamedTuple):
    """A syllable ready to be joined.

    Attributes
    ----------
    text : str
        Letters and inner apostrophes only as far as spelling needs them; never empty.
    syllabic : Syllabic
        Its place in its word.
    original : str
        As written.
    hyphen_before, hyphen_after : bool
        Hyphens typed into the text, which say where the word goes on when the syllabic does not.
    """

    text: str
    syllabic: Syllabic
    original: str
    hyphen_before: bool = False
    hyphen_after: bool = False


def clean_text(text: str) -> str:
    r"""A piece of lyric without anything but its words; empty when nothing is to be sung.

    >>> clean_text("1.\u00a0Und"), clean_text("«Ave,"), clean_text("o\u2019er"), clean_text("____")
    ('Und', 'Ave', "o'er", '')
    """
    return " ".join(word for word, _ in _words_of(text))


@lru_cache(maxsize=4096)
def _words_of(text: str) -> tuple[tuple[str, str], ...]:
    """The words of a text: cleaned, inner hyphens kept, and as written."""
    said = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    said = _VERSE_NUMBER.sub("", " ".join(said.split()))
    words: list[tuple[str, str]] = []
    for token in _ELISION.sub(" ", said).split(" "):
        spelled = "".join(c if _is_spelling(c) else " " for c in _APOSTROPHES.sub("'", token))
        words.extend((word, token) for word in map(_strip_marks, spelled.split()) if word)
    if len(words) == 1:
        return ((words[0][0], text.strip()),)
    return tuple(words)


def _is_spelling(character: str) -> bool:
    # letters, the marks on them and digits; the long-vowel sign of kana is a letter to Unicode
    return character == "'" or unicodedata.category(character)[0] in "LMN" or _HYPHENS.match(character) is not None


def _strip_marks(word: str) -> str:
    """A word without hyphens and quotation marks around it; an apostrophe that stands for a letter stays."""
    word = word.strip("-\u2010\u2011")
    if len(word) > 1 and word[0] == word[-1] == "'":
        word = word.strip("'")
    return word if any(c.isalnum() for c in word) else ""


def is_hyphen(text: str) -> bool:
    """Whether a text is one hyphen; a dash is none."""
    return _HYPHENS.fullmatch(text) is not None


def clean_lyric(lyric: Lyric) -> tuple[CleanSyllable, ...]:
    """The syllables of one lyric, in order; empty when it is blank.

    Several texts, an elision sign inside a text and a space inside a text all give several syllables on one note. A
    hyphen inside a text parts two syllables of one word.
    """
    if lyric.kind == "humming":
        return (CleanSyllable(HUMMING, "single", HUMMING),)
    found: list[CleanSyllable] = []
    for position, (text, syllabic) in enumerate(lyric.syllables):
        found.extend(_clean_piece(text, _own_syllabic(lyric, position, syllabic)))
    return tuple(found)


def _own_syllabic(lyric: Lyric, position: int, syllabic: Syllabic | None) -> Syllabic:
    """The syllabic of one of several texts; only the first is given when an elision shares it."""
    count = len(lyric.syllables)
    if count == 1:
        return syllabic or "single"
    shared = all(other is None for _, other in lyric.syllables[1:])
    if not shared:
        return syllabic or "single"
    return _split_syllabic(lyric.syllables[0][1] or "single", position, count)


def _split_syllabic(syllabic: Syllabic, position: int, count: int) -> Syllabic:
    """The syllabic of one of ``count`` words on a note: the first ends a word, the last begins one."""
    if position == 0 and syllabic in ("middle", "end"):
        return "end"
    if position == count - 1 and syllabic in ("begin", "middle"):
        return "begin"
    return "single"


def _clean_piece(text: str, syllabic: Syllabic) -> list[CleanSyllable]:
    words = _words_of(text)
    found: list[CleanSyllable] = []
    for position, (word, original) in enumerate(words):
        own = _split_syllabic(syllabic, position, len(words)) if len(words) > 1 else syllabic
        found.extend(_part_at_hyphens(word, original, own))
    return found


def _part_at_hyphens(word: str, original: str, syllabic: Syllabic) -> list[CleanSyllable]:
    parts = [part for part in _HYPHENS.split(word) if part.strip("'")]
    if len(parts) == 1:
        bare = original.strip(" ,.;:!?\u00a0")
        return [CleanSyllable(parts[0], syllabic, original, is_hyphen(bare[:1]), is_hyphen(bare[-1:]))]
    first: Syllabic = "middle" if syllabic in ("middle", "end") else "begin"
    last: Syllabic = "middle" if syllabic in ("begin", "middle") else "end"
    inner: list[Syllabic] = [first, *["middle"] * (len(parts) - 2), last]  # type: ignore[list-item]
    return [CleanSyllable(part, own, part) for part, own in zip(parts, inner, strict=True)]
