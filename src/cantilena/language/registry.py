"""What every language offers, and where each one is found.

A second language is one new module with a class that offers the members of :class:`Language`, and one line here. A
language that is not here may still be sung from a voicebank's own dictionary
(:mod:`cantilena.language.from_dictionary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from cantilena.errors import OptionError

_MODULES = {"en": "cantilena.language.english"}


class Language(Protocol):
    """Words and phonemes of one language.

    Attributes
    ----------
    code : str
        Two letters, as in ``xml:lang``.
    inventory : frozenset of str
        Every phoneme, lower case, without stress or language prefix; empty for a language whose phonemes are a
        voicebank's own symbols.
    vowels : frozenset of str
        Those of the inventory that can be held on a note.
    """

    @property
    def code(self) -> str: ...
    @property
    def inventory(self) -> frozenset[str]: ...
    @property
    def vowels(self) -> frozenset[str]: ...

    def pronounce(
        self, word: str, *, next_word: str | None = None, syllables: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """The phonemes of a word.

        Parameters
        ----------
        word : str
            As written, its syllables joined; case and accents may be anything.
        next_word : str or None
            The word sung after it without a rest, for words that change before vowels.
        syllables : sequence of str or None
            The word as the score divides it, when known: chooses between forms with more and fewer vowels
            ("bless-ed" and "blessed").

        Raises
        ------
        LyricError
            ``lyric_not_pronounceable``: nothing in the word can be read. The place is left for the caller to add.
        """
        ...

    def place_syllables(self, phonemes: Sequence[str], syllables: Sequence[str]) -> tuple[int | None, ...]:
        """Where each written syllable opens: the index into ``phonemes`` of the vowel that falls on its beat.

        None: the syllable has no vowel of its own, and the vowel before goes on. Indices rise, and the first
        syllable always has one unless there are no phonemes: a word without a vowel ("mm") opens on its first.
        """
        ...

    def is_guess(self, word: str) -> bool:
        """Whether nothing but the letters of a word tells how it sounds."""
        ...

    def foreign_words(self, words: Sequence[str]) -> tuple[int, ...]:
        """Indices of the words that show that a text is in another language, empty when it is in this one.

        Judges the text as a whole: a few foreign words in a text of this language are none.
        """
        ...


def is_built_in(code: str) -> bool:
    """Whether words of a language are read here, whatever the voicebank."""
    return code in _MODULES


@cache
def load_language(code: str) -> Language:
    """The language with a two-letter code.

    Raises
    ------
    OptionError
        ``language_unknown``, naming the languages there are.
    """
    if code not in _MODULES:
        known = ", ".join(sorted(_MODULES))
        raise OptionError(
            "language_unknown",
            f"Words in the language {code!r} cannot be sung; the languages there are: {known}.",
            hint=f"Choose --language {' or '.join(sorted(_MODULES))}.",
        )
    return cast(Language, import_module(_MODULES[code]).load())
