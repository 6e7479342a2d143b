"""Learn English spelling from the pronouncing dictionary: graphones, and which of them follow which.

Conventions
-----------
Run as ``python -m languagebuilder.english``; it takes a few minutes and writes the same bytes each time. One word in
twenty is kept out of the training, so that the benchmark can ask for it.
"""

from __future__ import annotations

import math
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence

from cantilena.language.dictionary import DATA, find_package_data
from cantilena.language.english_reader import DICTIONARY
from cantilena.language.graphones import Graphone, align
from cantilena.language.letters import is_held_out
from languagebuilder.graphones import Word, learn_graphones
from languagebuilder.letters import count_lines

SAMPLE = 15_000  # words that the graphones are learnt from; more change nothing
RAREST = 20  # uses of a graphone in the whole dictionary below which it is an accident


def read_words() -> list[Word]:
    """Letters and phonemes of the dictionary's words, each with its usual pronunciation; abbreviations left out."""
    words: dict[str, tuple[str, ...]] = {}
    for line in find_package_data(*DICTIONARY).read_text(encoding="utf-8").splitlines():
        spelling, *sounds = line.partition("#")[0].lower().split()
        letters = spelling.replace("'", "")
        if re.fullmatch("[a-z]{2,}", letters) and re.search("[aeiouy]", letters):
            words.setdefault(letters, tuple(sound.rstrip("012") for sound in sounds))
    return [word for word in sorted(words.items()) if len(word[1]) <= 2 * len(word[0])]


def learn_costs(words: Sequence[Word]) -> dict[Graphone, float]:
    """Graphones and their costs, from a sample, without those that the whole dictionary hardly uses."""
    learnt = learn_graphones(random.Random(0).sample(words, min(SAMPLE, len(words))))
    costs = {graphone: -math.log(probability) for graphone, probability in learnt.items()}
    used = Counter(graphone for word in words for graphone in align(*word, costs))
    return {graphone: cost for graphone, cost in sorted(costs.items()) if used[graphone] >= RAREST}


def write(name: str, lines: Sequence[str]) -> None:
    """Write one file of the package and say how large it is."""
    path = DATA / name
    path.write_text("".join(lines), encoding="ascii", newline="\n")
    sys.stdout.write(f"{name}: {len(lines)} lines, {path.stat().st_size} bytes\n")


def main() -> None:
    """Write both files."""
    words = [word for word in read_words() if not is_held_out(word[0])]
    costs = learn_costs(words)
    write("english-graphones.txt", [f"{g[0]} {cost:.2f} {' '.join(g[1])}".rstrip() + "\n" for g, cost in costs.items()])
    chains = (align(*word, costs) for word in words)
    write("english-letters.txt", count_lines((c for c in chains if all(g in costs for g in c)), costs))


if __name__ == "__main__":
    main()
