"""Sung lengths out of spoken ones: what the duration stage is trained on.

A group is what the host calls a word: it starts at a vowel's onset (or at the glide before it, between consonant and
vowel) and runs to the next one; a rest opens a group too. Each consonant keeps what it has of its own in the corpus,
half way to what singers are known to do; the vowel takes the rest, and a group sums exactly to its length.

**Conventions**: lengths in seconds; those of a drawn line in frames of 11.6 ms.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebuilder.corpus import Phone, Utterance
from voicebuilder.spectra import FRAME_SECONDS
from voicebuilder.symbols import BREATH, IDS, PHONES, SILENCE, TYPES, is_vowel

SUNG_PRIOR: Final[Mapping[str, float]] = {
    "p": 0.076, "t": 0.076, "k": 0.078, "b": 0.058, "d": 0.056, "g": 0.060,
    "s": 0.105, "sh": 0.105, "f": 0.090, "th": 0.090, "hh": 0.072, "ch": 0.105, "jh": 0.088,
    "z": 0.080, "zh": 0.080, "v": 0.068, "dh": 0.058,
    "m": 0.080, "n": 0.076, "ng": 0.090, "l": 0.084, "r": 0.082, "w": 0.086, "y": 0.075,
}  # fmt: skip
"""Length of sung consonants, from published label sets of singers, adapted to English; all but hisses are longer than
those sets have them, as words were misheard."""

SPEECH_TO_SONG: Final[Mapping[str, float]] = {
    "stop": 0.82, "fricative": 0.82, "affricate": 0.82, "aspirate": 0.82, "nasal": 0.88, "liquid": 0.92,
    "semivowel": 0.85,
}  # fmt: skip
FLOOR: Final[Mapping[str, float]] = {
    "stop": 0.020, "fricative": 0.035, "affricate": 0.035, "aspirate": 0.025, "nasal": 0.025, "liquid": 0.025,
    "semivowel": 0.025,
}  # fmt: skip
"""No crowding makes a consonant shorter than this, as long as there is a choice."""
GIVES_WAY: Final[Mapping[str, float]] = {
    "stop": 1.0, "nasal": 0.7, "liquid": 0.7, "semivowel": 0.7, "aspirate": 0.7, "affricate": 0.4, "fricative": 0.4,
}  # fmt: skip
"""How readily a consonant is shortened where it is crowded: closures first, hisses last."""
LONGEST_SHARE: Final = 0.4
"""Consonants of a group take at most this share of it, unless they are many."""
SHORT_SHARES: Final = (0.28, 0.42, 0.52, 0.58)
"""The same of a short group with one, two, three, more consonants: few keep out of the note's middle, where a voice is
heard to be in tune; many could not be understood there."""
SHORT_SECONDS: Final = (0.4, 0.7)
"""Groups up to the first are short, from the second on they are not."""
LONGEST_SHARE_OF_REST: Final = 0.72
"""The same of a group that a rest opens: nothing but silence has to give way."""
ON_THE_BEAT: Final = 0.75
"""A glide that takes the beat from its vowel is this much shorter, so that the vowel is not late."""
BEFORE_BEAT: Final = 0.9
"""A sonorant directly before a beat is this much shorter: it is as loud as a vowel, and would be heard as the beat."""
AFTER_REST: Final[Mapping[str, float]] = {
    "stop": 0.042, "fricative": 0.085, "affricate": 0.075, "aspirate": 0.050, "nasal": 0.055, "liquid": 0.060,
    "semivowel": 0.060,
}  # fmt: skip
"""A consonant that ends a silence is at most this long: it is heard from its beginning, and a stop has no closure there
that could be told from the silence."""
PHRASE_END: Final = 1.25
"""Consonants that end a phrase are this much longer: nothing comes after them that would make them heard."""


def consonant_lengths(utterances: Iterable[Utterance]) -> dict[str, float]:
    """Sung length of each consonant: half way between its scaled median in the corpus and the prior.

    Returns
    -------
    dict of str to float
        Seconds, for every consonant of the inventory.
    """
    spoken: dict[str, list[float]] = {}
    for utterance in utterances:
        for phone in utterance.phones:
            spoken.setdefault(phone.symbol, []).append(phone.end - phone.start)
    lengths = {}
    for phone in PHONES:
        if is_vowel(phone):
            continue
        prior = SUNG_PRIOR[phone]
        seen = spoken.get(phone, [])
        median = float(np.median(seen)) * SPEECH_TO_SONG[TYPES[phone]] if len(seen) >= 5 else prior
        lengths[phone] = round(0.5 * (prior + median), 4)
    return lengths


def sung_length(symbol: str, spoken: float, group: float) -> float:
    """Length of a consonant as it would be sung in a group of a length, before it is crowded.

    Half way (in log) between its own spoken length, scaled to singing, and the prior; up to a half
    longer in long notes.
    """
    own = float(np.clip(spoken * SPEECH_TO_SONG[TYPES[symbol]], 0.3 * SUNG_PRIOR[symbol], 3.0 * SUNG_PRIOR[symbol]))
    slow = float(np.clip((max(group, 0.05) / 0.35) ** 0.25, 0.78, 1.5))
    return float(np.sqrt(own * SUNG_PRIOR[symbol])) * slow


def crowd(symbols: Sequence[str], lengths: NDArray[np.float64], room: float) -> NDArray[np.float64]:
    """Shorten consonants until they fit a room: closures, then sonorants, then hisses, each down to its floor.

    Examples
    --------
    >>> crowd(["s", "t"], np.array([0.1, 0.07]), 0.11).round(3).tolist()
    [0.079, 0.031]
    """
    kept = lengths.copy()
    floor = np.minimum([FLOOR[TYPES[s]] for s in symbols], kept)
    gives = np.array([GIVES_WAY[TYPES[s]] for s in symbols])
    for _ in range(8):
        excess, spare = kept.sum() - room, gives * (kept - floor)
        if excess <= 1e-6 or spare.sum() <= 1e-6:
            break
        kept -= np.minimum(excess * spare / spare.sum(), kept - floor)
    return kept * min(1.0, room / max(kept.sum(), 1e-9))


def consonants_room(n_consonants: int, seconds: float) -> float:
    """Seconds that the consonants of a group with a vowel may take.

    Examples
    --------
    >>> round(consonants_room(1, 0.3), 3), round(consonants_room(3, 1.0), 3)
    (0.078, 0.42)
    """
    short = SHORT_SHARES[min(max(n_consonants, 1), len(SHORT_SHARES)) - 1]
    low, high = SHORT_SECONDS
    return seconds * (
        short + max(LONGEST_SHARE - short, 0.0) * float(np.clip((seconds - low) / (high - low), 0.0, 1.0))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedLine:
    """One phrase with sung lengths, as the duration stage sees it: everything in frames."""

    voice: str
    tokens: NDArray[np.int64]  # [shape=(n_tokens,)]
    word_div: NDArray[np.int64]  # [shape=(n_groups,)] tokens of each group
    word_dur: NDArray[np.int64]  # [shape=(n_groups,)] frames of each group
    lengths: NDArray[np.float32]  # [shape=(n_tokens,)] frames; groups sum to ``word_dur``


def spoken_phrases(utterance: Utterance) -> list[tuple[Phone, ...]]:
    """Runs of phones between two silences that have a vowel."""
    runs: list[list[Phone]] = [[]]
    for phone in utterance.phones:
        if phone.symbol == SILENCE:
            runs.append([])
        else:
            runs[-1].append(phone)
    return [tuple(run) for run in runs if any(is_vowel(p.symbol) for p in run)]


def excerpt(rng: np.random.Generator, phones: Sequence[Phone], most: int) -> Sequence[Phone]:
    """Draw so many neighbours of a phrase, among them a vowel, or all where it has fewer."""
    first = int(rng.integers(0, max(len(phones) - most, 0) + 1))
    part = phones[first : first + most]
    return part if any(is_vowel(p.symbol) for p in part) else phones


def group_starts(symbols: Sequence[str]) -> list[int]:
    """Where groups start: at vowels, and at the glide between a consonant and a vowel.

    Examples
    --------
    >>> group_starts(["t", "r", "iy", "z", "ah"])
    [1, 4]
    """
    starts = []
    for i, symbol in enumerate(symbols):
        if is_vowel(symbol):
            glide = i >= 2 and TYPES[symbols[i - 1]] in ("semivowel", "liquid") and not is_vowel(symbols[i - 2])
            starts.append(i - 1 if glide else i)
    return starts


def draw_line(rng: np.random.Generator, voice: str, phones: Sequence[Phone]) -> TimedLine:
    """Sing a spoken phrase to a random rhythm.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the tempo, the rhythm, and what stands before the phrase.
    voice : str
        Of the corpus.
    phones : sequence of Phone
        Without silences, with a vowel.
    """
    starts = group_starts([p.symbol for p in phones])
    if len(starts) > 2 and rng.random() < 0.2:  # two syllables on one note
        del starts[int(rng.integers(1, len(starts)))]
    tempo = np.exp(rng.uniform(np.log(0.16), np.log(0.9)))
    tokens: list[int] = []
    div, dur, lengths = [], [], []

    def add(group: Sequence[Phone], opener: str | None, seconds: float, *, final: bool) -> None:
        frames = max(int(seconds / FRAME_SECONDS), len(group) + (opener is not None))
        sung = _sing_group(group, frames * FRAME_SECONDS, opener=opener, final=final) / FRAME_SECONDS
        tokens.extend([IDS[opener]] if opener else [])
        tokens.extend(IDS[p.symbol] for p in group)
        div.append(len(group) + (opener is not None))
        dur.append(frames)
        lengths.append(sung)

    if rng.random() < 0.4:  # a breath, after what is left of the silence
        add((), SILENCE, 0.15, final=False)
        add(phones[: starts[0]], BREATH, 0.35, final=False)
    else:
        add(phones[: starts[0]], SILENCE, 0.5 if rng.random() < 0.7 else rng.uniform(0.15, 1.5), final=False)
    for begin, end in pairwise([*starts, len(phones)]):
        beats = tempo * float(rng.choice([0.5, 1.0, 1.0, 1.0, 1.5, 2.0, 4.0])) * rng.uniform(0.9, 1.1)
        add(phones[begin:end], None, min(max(beats, 0.1), 4.0), final=end == len(phones))
    return TimedLine(
        voice=voice,
        tokens=np.array(tokens),
        word_div=np.array(div),
        word_dur=np.array(dur),
        lengths=np.concatenate(lengths).astype(np.float32),
    )


def _sing_group(phones: Sequence[Phone], seconds: float, *, opener: str | None, final: bool) -> NDArray[np.float64]:
    """Lengths of an opener (a rest) and of the phones after it; their sum is ``seconds``."""
    vowel = np.array([is_vowel(p.symbol) for p in phones], bool)
    sung = np.array([0.0 if v else sung_length(p.symbol, p.end - p.start, seconds)
                     for p, v in zip(phones, vowel, strict=True)])  # fmt: skip
    consonants = [p.symbol for p, v in zip(phones, vowel, strict=True) if not v]
    if opener:
        sung = np.minimum(sung, [AFTER_REST[TYPES[symbol]] for symbol in consonants])
        room = LONGEST_SHARE_OF_REST * seconds
    else:
        sung[: int(vowel.argmax())] *= ON_THE_BEAT
        room = consonants_room(len(consonants), seconds)
    if final:
        sung[~vowel] *= PHRASE_END
    elif len(phones) and TYPES[phones[-1].symbol] in ("nasal", "liquid", "semivowel"):
        sung[-1] *= BEFORE_BEAT
    if consonants:
        sung[~vowel] = crowd(consonants, sung[~vowel], room)
    left = seconds - sung.sum()
    if opener:
        return np.concatenate([[left], sung])
    spoken = np.array([p.end - p.start for p in phones])[vowel]
    sung[vowel] = left * spoken / spoken.sum()
    return sung
