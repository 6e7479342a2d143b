"""Count which graphones follow which, for ``cantilena.language.letters``.

Conventions
-----------
Orders run from 1 (no context) to ``ORDER``. Below the highest order a count is the number of different graphones
that stand before the sequence (Kneser-Ney), except at the start of a word, where nothing can. Contexts that were
hardly seen are left out: the shorter context then speaks for them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cantilena.language.graphones import Graphone
from cantilena.language.letters import DISCOUNTS, END, NO_CONTEXT, START, graphone_codes

ORDER = 5
LEAST_SEEN = (1, 1, 3, 4, 6)  # for each order, how often a context must have been seen
FEWEST_KEPT_BACK = 0.1  # where nothing was seen only once the unseen still needs a share
Sequences = Counter[tuple[str, ...]]


def count_sequences(chains: Iterable[Sequence[str]]) -> list[Sequences]:
    """Kneser-Ney counts of the sequences of each order."""
    plain: list[Sequences] = [Counter() for _ in range(ORDER)]
    for chain in chains:
        whole = (START, *chain, END)
        for order in range(1, ORDER + 1):
            plain[order - 1].update(whole[i : i + order] for i in range(len(whole) - order + 1))
    counts: list[Sequences] = []
    for order in range(ORDER - 1):
        continued: Sequences = Counter(longer[1:] for longer in plain[order + 1])
        continued.update({sequence: count for sequence, count in plain[order].items() if sequence[0] == START})
        counts.append(continued)
    counts.append(plain[-1])
    del counts[0][START,]
    return counts


def discount(counts: Sequences) -> float:
    """How much each count gives up to the unseen: Ney's estimate from those seen once and twice."""
    frequencies = Counter(counts.values())
    once, twice = frequencies[1], frequencies[2]
    return once / (once + 2 * twice) if once else FEWEST_KEPT_BACK


def count_lines(words: Iterable[Sequence[Graphone]], costs: Mapping[Graphone, float]) -> list[str]:
    """The lines of the file of counts for words given as chains of graphones."""
    codes = graphone_codes(costs)
    counts = count_sequences([codes[graphone] for graphone in chain] for chain in words)
    lines = [f"{DISCOUNTS} {' '.join(f'{discount(order):.3f}' for order in counts)}\n"]
    for order, least in zip(counts, LEAST_SEEN, strict=True):
        followers: dict[str, dict[str, int]] = defaultdict(dict)
        for sequence, count in order.items():
            followers["".join(sequence[:-1]) or NO_CONTEXT][sequence[-1]] = count
        for context, seen in followers.items():
            if sum(seen.values()) >= least:
                coded = "".join(f"{code}{count if count > 1 else ''}" for code, count in sorted(seen.items()))
                lines.append(f"{context} {coded}\n")
    return sorted(lines)
