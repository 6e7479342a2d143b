"""Tell an English text from one in another language, by the share of its words that English has.

Conventions
-----------
Words are counted once however often they are sung. In 60 English verses of published songs at least 0.83 of the
words were known and at least 0.16 were among the commonest below; in 77 verses in other languages at most 0.61 and
0.06 (0.67 in one half Hawaiian, half English). ``benchmarks/pronunciation.py`` tells which are sung and which refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

LEAST_KNOWN = 0.75
"""Share of known words below which a text is taken for foreign."""
ENOUGH_COMMON = 0.15
"""Share of the commonest words from which on a text is English whatever the rest: dialect, names, Latin refrains."""
FEWEST_UNKNOWN = 4
"""A motto or a cry in another language is left to the letter-to-sound rules."""
FEWEST_WITHOUT_COMMON = 3
"""The same where not one of the commonest English words is near."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON = _words(
    "the and of my thy with that this from for your you they them their his our we she it is are were be been have "
    "hath has had not but when where who whom what which how there then than shall will would should can could may "
    "might must thou thee thine ye us its these those by at into upon through let now like love out up down never "
    "ever every all more i'll i'm don't to"
)
# English dictionaries list these too, yet in a lyric they stand for another language.
FOREIGN = _words(
    "und der das dem den des ist nicht ich du sie wir ihr mein dein sein ein eine einen auf zu zum zur von mit "
    "dich mich sich durch nach wie aus uns noch nur bei vor meine deine gut le les une et est que qui je tu vous "
    "nous mon ma mes ton tes ses sur pour avec sans dans au aux ce cette elle de moi toi ta sa c'est il lo gli di "
    "del della nel che mi ti si ci te se con piu el al los las y en un por para su yo soy como os um uma na em "
    "nao och det som pa jag han den av w z sie jest ja ke ka ua nobis tuum tua deus domine sed cum una l'on"
)


def foreign_words(words: Sequence[str], is_known: Callable[[str], bool]) -> tuple[int, ...]:
    """Indices of the words that English lacks when they are too many; empty for an English text.

    Parameters
    ----------
    words : sequence of str
        Cleaned, in the order of the song.
    is_known : callable
        Whether a word is in the dictionary or a regular form of one that is.
    """
    judged = {word: word not in FOREIGN and is_known(word) for word in dict.fromkeys(words)}
    n_unknown = sum(not known for known in judged.values())
    n_common = sum(word in COMMON for word in judged)
    is_english = (
        n_unknown < (FEWEST_UNKNOWN if n_common else FEWEST_WITHOUT_COMMON)
        or len(judged) - n_unknown >= LEAST_KNOWN * len(judged)
        or n_common >= ENOUGH_COMMON * len(judged)
    )
    return () if is_english else tuple(index for index, word in enumerate(words) if not judged[word])
