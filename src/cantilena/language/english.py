"""English: words to the 39 phonemes of ARPAbet, lower case, without stress.

Conventions
-----------
A word is looked up as it stands in the table of sung words and in the dictionary, then read as an inflected,
contracted, prefixed or compound form of words that are there, and spelled out by letter-to-sound rules at last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from cantilena.errors import LyricError
from cantilena.language.dictionary import Dictionary
from cantilena.language.english_forms import compounded, contracted, inflected, prefixed
from cantilena.language.english_numbers import number_words
from cantilena.language.english_recognition import foreign_words
from cantilena.language.english_words import ARPABET_CONSONANTS, ARPABET_VOWELS, SUNG_WORDS
from cantilena.language.graphones import Graphone, load_graphones
from cantilena.language.spelling import clean_word, plain_letters
from cantilena.language.syllables import place_syllables

_VOCABLES = (
    (re.compile(r"h?m+h?m*"), ("m",)),
    (re.compile(r"n+"), ("n",)),
    (re.compile(r"s+h+|p+s+t+"), ("sh",)),
    (re.compile(r"o{2,}h*"), ("uw",)),
    (re.compile(r"oh+"), ("ow",)),
    (re.compile(r"a{2,}h*|ah+"), ("aa",)),
    (re.compile(r"e{2,}h*"), ("iy",)),
    (re.compile(r"u{2,}h*"), ("uw",)),
    (re.compile(r"la{2,}h*|lah+"), ("l", "aa")),
)  # fmt: skip
_STRESSED_ENDING = re.compile(r"[èé](d|th|st)$")


def load() -> English:
    """The language, for :func:`cantilena.language.load_language`."""
    return English()


class English:
    """See :class:`cantilena.language.registry.Language`; dictionary and rules are read when first needed."""

    code = "en"
    vowels = ARPABET_VOWELS
    inventory = ARPABET_VOWELS | ARPABET_CONSONANTS

    def __init__(self) -> None:
        self._read_words: dict[str, tuple[str, ...] | None] = {}

    @cached_property
    def _dictionary(self) -> Dictionary:
        return Dictionary.from_package("english.txt")

    @cached_property
    def _costs(self) -> dict[Graphone, float]:
        return load_graphones("english-graphones.txt")

    def pronounce(
        self, word: str, *, next_word: str | None = None, syllables: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        text = clean_word(word)
        if text == "the" and next_word is not None:
            following = self._read_text(clean_word(next_word))
            return ("dh", "iy") if following and following[0] in self.vowels else ("dh", "ah")
        phonemes = self._read_text(text)
        if not phonemes:
            raise LyricError(
                "lyric_not_pronounceable",
                f"The word {word!r} cannot be read as English.",
                hint=f'Give its sounds with --pronounce "{word}=PH PH", or correct it in the score.',
            )
        return fit_to_count(phonemes, syllables) if syllables else phonemes

    def place_syllables(self, phonemes: Sequence[str], syllables: Sequence[str]) -> tuple[int | None, ...]:
        plain = [re.sub("[^a-z]", "", plain_letters(clean_word(syllable))) for syllable in syllables]
        return place_syllables(phonemes, plain, vowels=self.vowels, costs=self._costs)

    def foreign_words(self, words: Sequence[str]) -> tuple[int, ...]:
        return foreign_words([clean_word(word) for word in words], self._is_known)

    def _is_known(self, text: str) -> bool:
        """Whether English has a word, compounds and letter-to-sound rules left out: those would read anything."""
        parts = [part for part in re.split(r"[\s-]+", plain_letters(text)) if part]
        return all(part.isdigit() or self._read_regular(part) for part in parts)

    def _read_text(self, text: str) -> tuple[str, ...]:
        """The phonemes of a cleaned word, its hyphenated parts one after the other; empty when one cannot be read."""
        parts = [word for part in re.split(r"[\s-]+", text) for word in _spell_digits(part)]
        read = [self._read_part(part) for part in parts if part]
        return tuple(phoneme for phonemes in read for phoneme in phonemes or ()) if all(read) else ()

    def _read_part(self, part: str) -> tuple[str, ...] | None:
        if part not in self._read_words:
            self._read_words[part] = self._read_anew(part)
        return self._read_words[part]

    def _read_anew(self, part: str) -> tuple[str, ...] | None:
        plain = plain_letters(part)
        phonemes = self._look_up(part) or self._look_up(plain)
        # "looove" and "ahhhhh": letters that stand for length.
        for shorter in (plain, re.sub(r"(.)\1\1+", r"\1\1", plain), re.sub(r"(.)\1\1+", r"\1", plain)):
            phonemes = phonemes or self._read_form(shorter)
        if phonemes and _STRESSED_ENDING.search(part):
            return with_full_ending(phonemes)
        return phonemes

    def _look_up(self, word: str) -> tuple[str, ...] | None:
        """A word as it stands, or without the apostrophes around it (but "goin'" is no "Goin")."""
        for pattern, phonemes in _VOCABLES:
            if pattern.fullmatch(word):
                return phonemes
        for spelling in (word, word.strip("'")):
            if found := SUNG_WORDS.get(spelling) or self._dictionary.get(spelling):
                return found
            if spelling.endswith("in'"):
                break
        return None

    def _read_form(self, word: str) -> tuple[str, ...] | None:
        return (
            self._read_regular(word)
            or prefixed(word, self._look_up_inflected)
            or compounded(word, self._look_up_inflected)
            or None
        )

    def _read_regular(self, word: str) -> tuple[str, ...] | None:
        """A word of the dictionary, or an inflected or contracted form of one."""
        found = self._look_up_inflected(word)
        if found is None and "'" in word:
            return contracted(word, self._look_up_inflected, self._costs)
        return found

    def _look_up_inflected(self, word: str) -> tuple[str, ...] | None:
        return self._look_up(word) or inflected(word, self._look_up)


def _spell_digits(part: str) -> list[str]:
    """A part with its numbers in words: "3" is three, "2nd" is left to its letters."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", part)
    return [word for piece in pieces for word in (number_words(piece) if piece.isdigit() else [piece])]


def with_full_ending(phonemes: tuple[str, ...]) -> tuple[str, ...]:
    """A past form with its "-ed" sung as a syllable, as "blessèd" asks for."""
    if len(phonemes) < 2 or phonemes[-1] not in ("t", "d") or phonemes[-2] == "ih":
        return phonemes
    return (*phonemes[:-1], "ih", "d")


def fit_to_count(phonemes: tuple[str, ...], syllables: Sequence[str]) -> tuple[str, ...]:
    """The form of a word with as many vowels as syllables are written, where English has such a form.

    One vowel too few and a written "-ed" of its own: "bless-ed". Too many: "ev-ery" without its middle vowel,
    "glo-rious" with a y for the i; what still is too many is sung on one note.
    """
    n_vowels = sum(phoneme in ARPABET_VOWELS for phoneme in phonemes)
    last = plain_letters(clean_word(syllables[-1]))
    if n_vowels == len(syllables) - 1 and last.endswith("ed"):
        return with_full_ending(phonemes)
    for vowel, glide in (("er", "r"), ("iy", "y")):
        index = 0
        while n_vowels > len(syllables) > 1 and index < len(phonemes) - 1:
            if index > 0 and phonemes[index] == vowel and phonemes[index + 1] in ARPABET_VOWELS:
                phonemes = (*phonemes[:index], glide, *phonemes[index + 1 :])
                n_vowels -= 1
            index += 1
    return phonemes
