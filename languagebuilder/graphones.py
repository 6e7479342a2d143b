"""Learn how letters spell sounds: pairs of letter groups and phoneme groups with their probabilities, by EM.

Conventions
-----------
A graphone pairs one letter with none, one or two phonemes, or two letters with one. A spelling and a pronunciation
are aligned by the likeliest chain of graphones that writes both (``cantilena.language.graphones.align``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from cantilena.language.graphones import Graphone

Word = tuple[str, tuple[str, ...]]
Chart = dict[tuple[int, int], float]

SHAPES = ((1, 1), (1, 0), (2, 1), (1, 2))  # letters, phonemes
# Before the first pass a letter is likelier to stand for one sound than for none or two.
PRIOR = {(1, 1): 1.0, (1, 0): 0.3, (2, 1): 0.05, (1, 2): 0.02}
RARE = 1e-7


def graphone_steps(word: Word) -> list[tuple[int, int, int, int, Graphone]]:
    """Every graphone that fits into a word: letters and phonemes before it, letters and phonemes after it, itself."""
    letters, phonemes = word
    return [
        (i, j, i + width, j + sounds, (letters[i : i + width], phonemes[j : j + sounds]))
        for i in range(len(letters))
        for j in range(len(phonemes) + 1)
        for width, sounds in SHAPES
        if i + width <= len(letters) and j + sounds <= len(phonemes)
    ]


def expected_counts(word: Word, weight: Mapping[Graphone, float], counts: dict[Graphone, float]) -> None:
    """Add to ``counts`` how often each graphone is expected in the alignments of a word (forward-backward)."""
    fitting = [(*step, weight[step[4]]) for step in graphone_steps(word) if step[4] in weight]
    end = (len(word[0]), len(word[1]))
    forward: Chart = defaultdict(float, {(0, 0): 1.0})
    for i, j, to_i, to_j, _, likelihood in fitting:
        forward[to_i, to_j] += forward[i, j] * likelihood
    if not forward[end]:
        return
    backward: Chart = defaultdict(float, {end: 1.0})
    # Steps come in order of (i, j), and a step that takes no phoneme still moves on by a letter.
    for i, j, to_i, to_j, _, likelihood in reversed(fitting):
        backward[i, j] += backward[to_i, to_j] * likelihood
    for i, j, to_i, to_j, graphone, likelihood in fitting:
        counts[graphone] += forward[i, j] * likelihood * backward[to_i, to_j] / forward[end]


def learn_graphones(words: Sequence[Word], *, passes: int = 8) -> dict[Graphone, float]:
    """Probabilities of the graphones after ``passes`` of EM, the vanishing ones dropped."""
    weight: dict[Graphone, float] = {}
    for word in words:
        for i, j, to_i, to_j, graphone in graphone_steps(word):
            weight.setdefault(graphone, PRIOR[to_i - i, to_j - j])
    for _ in range(passes):
        counts: dict[Graphone, float] = defaultdict(float)
        for word in words:
            expected_counts(word, weight, counts)
        total = math.fsum(counts.values())
        weight = {graphone: count / total for graphone, count in counts.items() if count / total > RARE}
    return weight
