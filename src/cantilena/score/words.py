"""Syllables under notes, joined to words; broken markings are mended and told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cantilena.score.lyric_text import CleanSyllable
from cantilena.score.melody import Syllable, Word
from cantilena.score.notices import Notices

_LONGEST: Final = 40
"""Syllables of a word; a longer one was never ended."""


class PlacedSyllable(NamedTuple):
    """A cleaned syllable, the note it stands under, and what its word will need to know."""

    note: int
    syllable: CleanSyllable
    measure: str
    language: str | None
    hyphen_under_next: bool = False
    """A hyphen stands alone under the note after it."""


def join_words(placed: Sequence[PlacedSyllable], *, part: str, notices: Notices) -> dict[int, tuple[Syllable, ...]]:
    """Words of a line, syllable by syllable.

    Parameters
    ----------
    placed : sequence of PlacedSyllable
        In the order in which they are sung.
    part : str
        Printed name of the line.
    notices : Notices
        Receives what was mended.

    Returns
    -------
    dict of int to tuple of Syllable
        What each note sings, by the number of the note.
    """
    words: list[list[PlacedSyllable]] = []
    is_open = False
    for syllable in placed:
        syllabic = syllable.syllable.syllabic
        hyphenated = bool(words) and _joined_by_hyphen(words[-1][-1], syllable)
        continues = (syllabic in ("middle", "end") or hyphenated) and not (words and len(words[-1]) >= _LONGEST)
        if is_open and not continues:
            _notice(notices, part, words[-1][0], "A word that is never ended is closed before the next one.")
        if continues and not (is_open or hyphenated):
            _notice(notices, part, syllable, "A syllable that continues no word is read as the begin of one.")
        if continues and (is_open or hyphenated):
            words[-1].append(syllable)
        else:
            words.append([syllable])
        is_open = syllabic in ("begin", "middle")
    if is_open:
        _notice(notices, part, words[-1][0], "A word that is never ended is closed before the next one.")
    sung: dict[int, tuple[Syllable, ...]] = {}
    for syllables in words:
        word = Word(
            text="".join(one.syllable.text for one in syllables),
            syllables=tuple(one.syllable.text for one in syllables),
            part=part,
            measure=syllables[0].measure,
            language=syllables[0].language,
        )
        for index, one in enumerate(syllables):
            syllable_of_note = Syllable(word=word, index=index, original=one.syllable.original)
            sung[one.note] = (*sung.get(one.note, ()), syllable_of_note)
    return sung


def _joined_by_hyphen(before: PlacedSyllable, after: PlacedSyllable) -> bool:
    """Whether a hyphen typed into the text joins two syllables that their markings part."""
    if before.syllable.syllabic not in ("single", "end"):
        return False
    if after.syllable.syllabic == "single":
        return after.syllable.hyphen_before or before.syllable.hyphen_after
    return after.syllable.syllabic in ("middle", "end") and (before.hyphen_under_next or before.syllable.hyphen_after)


def _notice(notices: Notices, part: str, at: PlacedSyllable, message: str) -> None:
    notices.add("syllabic_repaired", message, part=part, measure=at.measure)
