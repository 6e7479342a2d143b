"""Lyric elements to :class:`~cantilena.score.model.Lyric`, as written: nothing is cleaned or joined here."""

from __future__ import annotations

from typing import Final, get_args

from lxml import etree

from cantilena.score.melody import Syllabic
from cantilena.score.model import Extend, Lyric

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SYLLABICS: Final[dict[str, Syllabic]] = {syllabic: syllabic for syllabic in get_args(Syllabic)}
_EXTENDS: Final[dict[str, Extend]] = {"start": "start", "continue": "continue", "stop": "stop"}


def read_lyric(element: etree._Element) -> Lyric:
    """One ``<lyric>``; without syllables when it holds nothing to sing, the end of a line for instance.

    Conventions
    -----------
    ``<text>`` and ``<syllabic>`` repeat after an ``<elision>``; each text takes the syllabic before it. Texts with no
    elision between them belong to one syllable.
    """
    syllables: list[tuple[str, Syllabic | None]] = []
    syllabic: Syllabic | None = None
    text: str | None = None
    language: str | None = None
    extend: Extend = ""
    for child in element:
        tag = child.tag
        if tag == "text":
            text = (child.text or "") if text is None else text + (child.text or "")
            if child.keys():  # asking for a name with a namespace takes longer than all the rest
                language = language or child.get(_XML_LANG)
        elif tag == "syllabic":
            if text is not None:  # the next syllable of the note begins, whether or not an elision says so
                syllables.append((text, syllabic))
                text = None
            syllabic = _SYLLABICS.get((child.text or "").strip())
        elif tag == "elision":
            if text is not None:
                syllables.append((text, syllabic))
                text = syllabic = None
        elif tag == "extend":
            extend = _EXTENDS.get(child.get("type", ""), "line")
        elif tag == "humming":
            return Lyric(_verse(element), (), "", "humming", None)
        elif tag == "laughing":
            return Lyric(_verse(element), (), "", "laughing", None)
    if text is not None:
        syllables.append((text, syllabic))
    return Lyric(_verse(element), tuple(syllables), extend, "text", language)


def _verse(element: etree._Element) -> str:
    number = element.get("number")
    if number is not None and len(number) == 1 and number != " ":
        return number
    label = number or element.get("name") or "1"
    return " ".join(label.split())[:40] or "1"
