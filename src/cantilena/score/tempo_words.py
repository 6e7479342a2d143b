"""What tempo words mean: a usual tempo for *Andante*, a modest curve for *rit.*, a factor for *più mosso*.

Conventions
-----------
Tempi are quarter notes a minute. The table gives ordinary practice, not a rule; a number in the score always wins.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from cantilena.score.model import TempoKind

DEFAULT_BPM: Final = 100.0
"""Where the score says nothing at all."""

_LONGEST = 48
"""A longer text is a remark for the reader, not a tempo."""


class TempoWord(NamedTuple):
    """As in :class:`~cantilena.score.model.TempoMark`."""

    kind: TempoKind
    value: float


def _words(*stems: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(stems) + r")(?!\w)")


_NOT = _words("non", "sans", "senza", "ohne", "without", "no")
_SLOWER = _words(
    "rit", "rit[ae]rd", "ritardando", "riten", "ritenuto", "ritenendo", "rall", "rallent", "rallentando", "slentando",
    "allarg", "allargando", "calando", "morendo", "smorz", "smorzando", "c[ée]dez", "en cédant", "ralentir", "ralenti",
    "en ralentissant", "retenir", "retenu", "retenez", "en retenant", "élargir", "élargissez", r"zurückhalt\w*",
    r"verbreiter\w*", "zögernd", r"nachlass\w*", r"slacken\w*", r"broaden\w*", "slowing", "slow down",
)  # fmt: skip
_FASTER = _words(
    "accel", "accelerando", "string", "stringendo", r"aff?rett\w*", "animando", "animez", "pressez", "en pressant",
    "serrez", "drängend", "treibend", "eilend", "beschleunig\\w*", "hurrying", "quickening",
)  # fmt: skip
_LESS = _words(
    "meno mosso", "meno", "più lento", "plus lent", "moins vite", "un peu plus lent", "langsamer", "slower",
    "più largo", "ruhiger", "breiter",
)  # fmt: skip
_MORE = _words(
    "più mosso", "più animato", "più vivo", "più allegro", "plus vite", "plus animé", "plus vif", "schneller",
    "bewegter", "lebhafter", "faster", "quicker", "un poco più", "moins lent",
)  # fmt: skip
_FIRST = _words(
    "tempo primo", "tempo i", "tempo 1", "1er mouv", "1er mouvement", r"erstes zeitma(?:ß|ss)", "come prima",
    "wie anfangs", "primo tempo", "tempo 1o", "tempo iº", "tempo i°",
)  # fmt: skip
_BACK = _words(
    "a tempo",
    "in tempo",
    "au temps",
    "en mesure",
    r"im zeitma(?:ß|ss)",
    "im tempo",
    "au mouv",
    "au mouvement",
    "au mouvt",
)
_BARE_TEMPO = re.compile(r"\(?tempo\.?\)?$")
_POCO = _words("poco", "un poco", "pochissimo", "un pochettino", "un peu", "etwas", "slightly", "poch")
_MOLTO = _words("molto", "assai", "très", "sehr", "very", "tres")
_NOT_TOO = _words("non troppo", "non tanto", "pas trop", r"nicht zu\w*", "not too", "quasi", "poco", "un peu", "etwas")

_TERMS: Final = tuple(
    (_words(stems), bpm)
    for stems, bpm in (
        ("prestissimo", 200), ("presto", 176), ("vivacissimo", 170), ("vivace|vivo", 152), ("allegretto", 112),
        ("allegro|allegramente", 132), ("andantino", 84), ("andante", 76), ("moderato|moderately|moderate", 100),
        ("adagietto", 70), ("adagio", 64), ("larghetto", 60), ("largo", 48), ("lentamente|lento", 54), ("grave", 44),
        ("maestoso", 84), ("marcia|march|marziale", 112), ("valse|valzer|waltz|walzer", 150), ("lent|lentement", 54),
        ("mod[ée]r[ée]|modérément", 92), ("vif|vivement", 144), ("animé", 126), ("vite", 144), ("allant", 84),
        ("langsam", 54), ("m[äa](?:ß|ss)ig", 92), ("gehend", 76), ("bewegt", 112), ("lebhaft", 132), ("munter", 120),
        ("rasch", 144), ("schnell|geschwind", 152), ("feierlich|erhaben", 60), ("ruhig|getragen", 63), ("bequem", 80),
        ("slow|slowly", 56), ("lively|brisk|briskly", 132), ("fast|quick|quickly", 144), ("gently", 80),
        ("animato", 120),
    )
)  # fmt: skip


@lru_cache(maxsize=1024)
def interpret_tempo_words(text: str) -> TempoWord | None:
    """What a direction in words asks of the tempo, if anything.

    >>> interpret_tempo_words("Allegro ma non troppo")
    TempoWord(kind='set', value=122.0)
    >>> interpret_tempo_words("poco rit.").kind, interpret_tempo_words("a tempo").kind, interpret_tempo_words("dolce")
    ('ramp', 'back', None)
    """
    if len(text) > _LONGEST:
        return None
    said = " ".join(text.lower().split())
    if _SLOWER.search(said):
        return None if _NOT.search(said) else TempoWord("ramp", _scaled(said, 0.87, 0.76, 0.64))
    if _FASTER.search(said):
        return None if _NOT.search(said) else TempoWord("ramp", _scaled(said, 1.12, 1.25, 1.4))
    if _FIRST.search(said):
        return TempoWord("first", 0.0)
    if _BACK.search(said) or _BARE_TEMPO.match(said):
        return TempoWord("back", 0.0)
    if _LESS.search(said):
        return TempoWord("factor", _scaled(said, 0.92, 0.86, 0.78))
    if _MORE.search(said):
        return TempoWord("factor", _scaled(said, 1.08, 1.16, 1.28))
    for pattern, bpm in _TERMS:
        if pattern.search(said):
            return TempoWord("set", _shaded(said, float(bpm)))
    return None


def _scaled(said: str, little: float, usual: float, much: float) -> float:
    if _POCO.search(said):
        return little
    return much if _MOLTO.search(said) else usual


def _shaded(said: str, bpm: float) -> float:
    """*Molto* takes a tempo further from the middle, *non troppo* nearer to it."""
    middle = 92.0
    if _NOT_TOO.search(said):
        return float(round(bpm + (middle - bpm) * 0.25))
    if _MOLTO.search(said):
        return float(round(bpm * (1.1 if bpm > middle else 0.9)))
    return bpm
