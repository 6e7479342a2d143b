"""Letter-to-sound rules for words that no dictionary has: a statistical model of graphone sequences.

Conventions
-----------
The model counts which graphone follows which others (:mod:`cantilena.language.graphones`), up to four back. A word's
pronunciation is what the likeliest chain of graphones that writes the word reads, found by a beam search. Counts are
smoothed by interpolated Kneser-Ney discounting when they are used; the file holds plain counts, one context a line,
sorted, and is searched in its own bytes like the dictionary. The code of a graphone is two letters, its position in
the list of graphones.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cantilena.language.dictionary import DATA, first_line, word_at
from cantilena.language.graphones import Graphone

START, END = "<<", ">>"
NO_CONTEXT = "."
DISCOUNTS = "#"
_BEAM = 12
_LONGEST = 40  # letters; what is longer is no word


def graphone_codes(graphones: Iterable[Graphone]) -> dict[Graphone, str]:
    """Two letters for each graphone, by its position."""
    return {graphone: chr(97 + index // 26) + chr(97 + index % 26) for index, graphone in enumerate(graphones)}


@dataclass(frozen=True, slots=True)
class _Followers:
    """Which graphones follow one context, and how much probability is kept back for the others."""

    counts: Mapping[str, int]
    total: int
    discount: float

    def likelihood(self, code: str, otherwise: float) -> float:
        kept_back = self.discount * len(self.counts) / self.total
        return max(self.counts.get(code, 0) - self.discount, 0.0) / self.total + kept_back * otherwise


class LetterToSound:
    """Reads words by their letters.

    Parameters
    ----------
    graphones : iterable of Graphone
        In the order of the list that the counts were coded with.
    counts : bytes
        Content of a file of counts.
    """

    def __init__(self, graphones: Iterable[Graphone], counts: bytes) -> None:
        self._counts = counts
        self._followers: dict[str, _Followers | None] = {}
        codes = graphone_codes(graphones)
        self._unseen = 1.0 / (len(codes) + 1)
        self._by_letters: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for (letters, phonemes), code in codes.items():
            self._by_letters[letters].append((code, phonemes))
        self._discounts = tuple(float(field) for field in self._line_of(DISCOUNTS).split())

    @classmethod
    def from_package(cls, graphones: Iterable[Graphone], name: str) -> LetterToSound:
        """The model in one of the files that the package ships."""
        return cls(graphones, (DATA / name).read_bytes())

    def read(self, letters: str) -> tuple[str, ...] | None:
        """The phonemes of a word, or None when it has a letter that the language does not know, or too many.

        Parameters
        ----------
        letters : str
            Lower case, nothing but letters.
        """
        if not 0 < len(letters) <= _LONGEST:
            return None
        # For each number of letters read: the end of the chain -> its best score and its phonemes.
        reached: list[dict[str, tuple[float, tuple[str, ...]]]] = [{} for _ in range(len(letters) + 1)]
        reached[0][START] = (0.0, ())
        for position in range(len(letters)):
            best = sorted(reached[position].items(), key=lambda item: item[1][0], reverse=True)[:_BEAM]
            for chain, (score, phonemes) in best:
                contexts = self._contexts_of(chain)
                for width in (1, 2):
                    onward = reached[min(position + width, len(letters))]
                    for code, sounds in self._by_letters.get(letters[position : position + width], ()):
                        if position + width > len(letters):
                            continue
                        total = score + math.log(self._likelihood(code, contexts))
                        key = (chain + code)[-2 * (len(self._discounts) - 1) :]
                        if key not in onward or total > onward[key][0]:
                            onward[key] = (total, phonemes + sounds)
        endings = [
            (score + math.log(self._likelihood(END, self._contexts_of(chain))), phonemes)
            for chain, (score, phonemes) in reached[-1].items()
        ]
        return max(endings)[1] if endings else None

    def _likelihood(self, code: str, contexts: Iterable[_Followers]) -> float:
        likelihood = self._unseen
        for followers in contexts:
            likelihood = followers.likelihood(code, likelihood)
        return likelihood

    def _contexts_of(self, chain: str) -> list[_Followers]:
        """What is known of the contexts that end a chain, from the shortest to the longest."""
        found = []
        for order in range(min(len(chain) // 2 + 1, len(self._discounts))):
            followers = self._followers_of(chain[len(chain) - 2 * order :] or NO_CONTEXT, order)
            if followers is None:
                break
            found.append(followers)
        return found

    def _followers_of(self, context: str, order: int) -> _Followers | None:
        if context not in self._followers:
            coded = re.findall(r"(\D\D)(\d*)", self._line_of(context))
            counts = {code: int(count or 1) for code, count in coded}
            self._followers[context] = (
                _Followers(counts=counts, total=sum(counts.values()), discount=self._discounts[order])
                if counts
                else None
            )
        return self._followers[context]

    def _line_of(self, context: str) -> str:
        """What the file says of a context; empty when it is not there."""
        key = context.encode("ascii")
        start = first_line(self._counts, key)
        if start == len(self._counts) or word_at(self._counts, start) != key:
            return ""
        end = self._counts.index(b"\n", start)
        return self._counts[start + len(key) + 1 : end].decode("ascii")


def is_held_out(word: str) -> bool:
    """Whether a word of the dictionary is kept out of the training, so that it can be asked for as an unknown one."""
    return zlib.crc32(word.encode()) % 20 == 0
