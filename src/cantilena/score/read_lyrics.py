"""Lyric elements to :class:`~cantilena.score.model.Lyric`, as written: nothing is cleaned or joined here."""

from __future__ import annotations

from typing import Final, get_args

from lxml import etree

from cantilena.score.melody import Syllabic
from cantilena.score.model import Lyric

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SYLLABICS: Final[dict[str, Syllabic]] = {syllabic: syllabic for syllabic in get_args(Syllabic)}


def read_lyric(element: etree._Element) -> Lyric | None:
    """One ``<lyric>``; None when it holds nothing to sing, an extend line alone for instance.

    Conventions
    -----------
    ``<text>`` and ``<syllabic>`` repeat after an ``<elision>``; each text takes the syllabic before it. Texts with no
    elision between them belong to one syllable.
    """
    syllables: list[tuple[str, Syllabic | None]] = []
    syllabic: Syllabic | None = None
    text: str | None = None
    language: str | None = None
    extend = False
    for child in element:
        tag = child.tag
        if tag == "text":
            text = (text or "") + (child.text or "")
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
            extend = child.get("type") != "stop"
        elif tag in ("humming", "laughing"):
            return Lyric(_verse(element), (), False, tag, None)
    if text is not None:
        syllables.append((text, syllabic))
    if not syllables:
        return None
    return Lyric(_verse(element), tuple(syllables), extend, "text", language)


def _verse(element: etree._Element) -> str:
    label = element.get("number") or element.get("name") or "1"
    return " ".join(label.split())[:40] or "1"
