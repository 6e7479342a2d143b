"""Which letters of a word write which of its phonemes.

Conventions
-----------
A graphone pairs one letter with none, one or two phonemes, or two letters with one; its cost is the negative natural
logarithm of its probability. A spelling and a pronunciation are aligned by the cheapest chain of graphones that
writes both; pairs that were never seen, and phonemes that no letter writes, are allowed at a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cantilena.language.dictionary import DATA

Graphone = tuple[str, tuple[str, ...]]
"""Letters and the phonemes they write."""

# Dearer than any pair that was learnt, cheap enough that a word with one odd letter keeps the rest in order.
UNSEEN = {(1, 1): 14.0, (1, 0): 13.0, (0, 1): 15.0}
SHAPES = ((1, 1), (1, 0), (2, 1), (1, 2), (0, 1))  # letters, phonemes


def load_graphones(name: str) -> dict[Graphone, float]:
    """Costs from a file of the package: one ``letters cost ph ph`` a line."""
    costs: dict[Graphone, float] = {}
    for line in (DATA / name).read_text(encoding="ascii").splitlines():
        letters, cost, *phonemes = line.split()
        costs[letters, tuple(phonemes)] = float(cost)
    return costs


def align(letters: str, phonemes: Sequence[str], costs: Mapping[Graphone, float]) -> tuple[Graphone, ...]:
    """The cheapest chain of graphones that writes ``letters`` and reads ``phonemes``."""
    end = (len(letters), len(phonemes))
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for i in range(end[0] + 1):
        for j in range(end[1] + 1):
            if (i, j) not in best:
                continue
            for to_i, to_j, cost in _steps(i, j, letters, phonemes, costs):
                total = best[i, j][0] + cost
                if (to_i, to_j) not in best or total < best[to_i, to_j][0]:
                    best[to_i, to_j] = (total, (i, j))
    chain: list[Graphone] = []
    at = end
    while at != (0, 0):
        before = best[at][1]
        chain.append((letters[before[0] : at[0]], tuple(phonemes[before[1] : at[1]])))
        at = before
    return tuple(reversed(chain))


def _steps(
    i: int, j: int, letters: str, phonemes: Sequence[str], costs: Mapping[Graphone, float]
) -> Iterator[tuple[int, int, float]]:
    for width, sounds in SHAPES:
        if i + width <= len(letters) and j + sounds <= len(phonemes):
            graphone = (letters[i : i + width], tuple(phonemes[j : j + sounds]))
            cost = costs.get(graphone, UNSEEN.get((width, sounds)))
            if cost is not None:
                yield i + width, j + sounds, cost


def letter_positions(chain: Sequence[Graphone]) -> tuple[int, ...]:
    """For each phoneme of a chain the index of the first letter that writes it."""
    positions: list[int] = []
    letter = 0
    for letters, phonemes in chain:
        positions.extend([letter] * len(phonemes))
        letter += len(letters)
    return tuple(positions)
