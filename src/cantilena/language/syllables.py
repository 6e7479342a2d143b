"""Which vowel falls on the beat of each written syllable, whatever the dictionary and the score make of the word.

Conventions
-----------
Vowels are spread by the spelling: a vowel belongs to the syllable that holds the letters that write it. Vowels and
syllables keep their order, so each pairing is found by a small dynamic programme over both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cantilena.language.graphones import Graphone, align, letter_positions


def place_syllables(
    phonemes: Sequence[str],
    syllables: Sequence[str],
    *,
    vowels: frozenset[str],
    costs: Mapping[Graphone, float],
) -> tuple[int | None, ...]:
    """The index into ``phonemes`` that opens each syllable; None where the vowel before goes on.

    Parameters
    ----------
    phonemes : sequence of str
        Of the whole word.
    syllables : sequence of str
        As written, plain lower-case letters only.
    vowels : frozenset of str
        The phonemes that can open a syllable.
    costs : mapping of Graphone to float
        How the language spells its sounds.

    Returns
    -------
    tuple of int or None [shape=(n_syllables,)]
        Rising where not None. The first is None only when there are no phonemes: the word has to begin somewhere.
    """
    if not syllables or not phonemes:
        return (None,) * len(syllables)
    found = [index for index, phoneme in enumerate(phonemes) if phoneme in vowels] or [0]
    if len(found) == len(syllables):
        return tuple(found)
    letters = "".join(syllables)
    at_letter = letter_positions(align(letters, phonemes, costs))
    positions = [at_letter[index] for index in found]
    if len(found) > len(syllables):
        chosen = _choose(len(syllables), len(found), lambda s, v: _distance(positions[v], syllables, s))
        return tuple(found[vowel] for vowel in chosen)
    chosen = _choose(len(found), len(syllables), lambda v, s: _distance(positions[v], syllables, s))
    opened = dict(zip(chosen, found, strict=True))
    return tuple(opened.get(syllable) for syllable in range(len(syllables)))


def _distance(position: int, syllables: Sequence[str], index: int) -> int:
    """Letters between a position and a syllable; 0 inside it."""
    start = sum(map(len, syllables[:index]))
    end = start + len(syllables[index])
    return max(start - position, 0, position - end + 1)


def _choose(few: int, many: int, distance: Callable[[int, int], int]) -> list[int]:
    """For each of ``few`` items one of ``many``, rising, the first for the first, at the least distance in all.

    Of equally good choices the earliest: surplus vowels follow the one on the beat, surplus notes hold it.
    """
    # best[m] = least distance, and the choice itself, with the item before this one at or before m.
    best: list[tuple[int, list[int]]] = [(distance(0, 0), [0])] * many
    for item in range(1, few):
        following: list[tuple[int, list[int]]] = []
        for last in range(many):
            here = None
            if item <= last:
                total, choice = best[last - 1]
                here = (total + distance(item, last), [*choice, last])
            before = following[-1] if following else None
            following.append(
                min(
                    (option for option in (before, here) if option),
                    key=lambda option: option[0],
                    default=(few * 1000, []),
                )
            )
        best = following
    return best[-1][1]
