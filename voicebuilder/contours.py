"""Sung lines that nobody sang: random notes over real words, and how their pitch moves, layer by layer.

There is no singing to learn from, so what the pitch stage is trained on is made here by rule, from what is published on
sung pitch: where a transition lies and how long it takes, that it begins the other way and overshoots, when vibrato
begins and how wide it is. Only microprosody is measured, on the corpus.

**Conventions**: pitch in semitones, times in seconds, one value per frame of 11.6 ms, taken at its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebuilder.corpus import F0_STEP_SECONDS, Phone, Utterance
from voicebuilder.durations import draw_line
from voicebuilder.spectra import FRAME_SECONDS
from voicebuilder.symbols import BREATH, IDS, SILENCE, is_vowel

PADDING_FRAMES: Final = 8
"""Silence that a host puts at either end of a phrase."""

EDGE_SHARE: Final = 0.18
"""Share of a note, at either end, that a transition may use: the middle three fifths hold their pitch."""
GLIDE_SECONDS: Final = 0.075
GLIDE_PER_SEMITONE: Final = 0.006  # beyond four semitones
GLIDE_CENTRE: Final = -0.012  # against the onset: mostly under the consonant
LEGATO_SECONDS: Final = 0.11
OVERSHOOT: Final = (0.09, 0.35)  # share of a step; semitones at most
OVERSHOOT_SECONDS: Final = 0.12
PREPARATION: Final = (0.06, 0.25)  # before a rising step; a falling one has half
PREPARATION_SECONDS: Final = 0.06
SCOOP: Final = 0.5
SCOOP_SECONDS: Final = (0.06, 0.05)  # before and after the first onset
FALL: Final = 0.3
FALL_SECONDS: Final = 0.08

VIBRATO_LEAST_NOTE: Final = 0.6
VIBRATO_ONSET: Final = (0.3, 0.5, 1.4)  # seconds at least, share of the note, seconds at most
VIBRATO_DEPTH: Final = (0.18, 0.32)  # of the shortest note that has any, and of notes from two seconds on
VIBRATO_FADE: Final = (0.3, 0.1)
VIBRATO_RATE: Final = 5.5
VIBRATO_RATE_RISE: Final = 0.12  # towards the end of the note

MICRO_SHARE: Final = 0.3
"""Of the microprosody of speech, singers keep a part; with more of it, voiced consonants leave their note."""
MICRO_MOST: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SungLine:
    """Phones and notes of a line, as a host gives them to the pitch stage, and the layers of its pitch.

    Attributes
    ----------
    voice : str
        Of the corpus.
    tokens, ph_dur : NDArray[np.int64] [shape=(n_tokens,)]
    midi : NDArray[np.float32] [shape=(n_notes,)]
    rest : NDArray[np.bool_] [shape=(n_notes,)]
        Rests have the pitch of the nearest note.
    note_dur : NDArray[np.int64] [shape=(n_notes,)]
    layers : NDArray[np.float32] [shape=(n_frames, N_LAYERS)]
        See :data:`LAYERS`.
    """

    voice: str
    tokens: NDArray[np.int64]
    ph_dur: NDArray[np.int64]
    midi: NDArray[np.float32]
    rest: NDArray[np.bool_]
    note_dur: NDArray[np.int64]
    layers: NDArray[np.float32]


LAYERS: Final = ("before", "after", "overshoot", "preparation", "edge", "depth", "rate")
"""Shares of the step to the note before and to the note after, the same of ornaments; semitones of a phrase's beginning
and end; half extent of the vibrato in semitones, and its rate in Hz."""


def draw_song_line(rng: np.random.Generator, voice: str, phrases: Sequence[Sequence[Phone]]) -> SungLine:
    """Sing spoken phrases, one after another with rests between, to random rhythms and notes."""
    tokens: list[int] = []
    ph_dur: list[int] = []
    notes: list[tuple[int, float, bool, bool]] = []  # frames, midi, rest, legato
    midi = float(rng.integers(43, 73))
    for k, phones in enumerate(phrases):
        line = draw_line(rng, voice, phones)
        sizes = np.cumsum(line.word_div)[:-1]
        groups = list(zip(np.split(line.tokens, sizes), np.split(line.lengths, sizes), strict=True))
        n_heads = 2 if line.tokens[line.word_div[0]] == IDS[BREATH] else 1
        head = np.concatenate([lengths for _, lengths in groups[:n_heads]])
        if k == 0:
            head[0] = PADDING_FRAMES
        midi = float(np.clip(midi + rng.integers(-4, 5), 40, 78))
        tokens += [int(t) for group, _ in groups[:n_heads] for t in group]
        ph_dur += _whole(head)
        notes.append((sum(_whole(head)), midi, True, False))
        for group, lengths in groups[n_heads:]:
            tokens += group.tolist()
            ph_dur += _whole(lengths)
            for i, frames in enumerate(_split(rng, sum(_whole(lengths)))):
                notes.append((frames, midi, False, i > 0))
                midi = float(np.clip(midi + _interval(rng), 38, 80))
    note_dur, pitch, rest, legato = (np.array(x) for x in zip(*notes, strict=True))
    for i in np.flatnonzero(rest)[1:]:  # a rest has the pitch of a neighbour: mostly of the note before it
        pitch[i] = pitch[i - 1] if rng.random() < 0.7 else pitch[i]
    note_dur = np.append(note_dur, PADDING_FRAMES)
    pitch = np.append(pitch, pitch[-1]).astype(np.float32)
    rest, legato = np.append(rest, True), np.append(legato, False)
    return SungLine(
        voice=voice,
        tokens=np.array([*tokens, IDS[SILENCE]]),
        ph_dur=np.array([*ph_dur, PADDING_FRAMES]),
        midi=pitch,
        rest=rest,
        note_dur=note_dur,
        layers=pitch_layers(pitch, rest, note_dur, legato),
    )


def _whole(lengths: NDArray[np.float32]) -> list[int]:
    """Lengths as whole frames, rounded up in all and by their running sum in between."""
    edges = np.rint(np.concatenate([[0.0], np.cumsum(lengths.astype(float))]))
    edges[-1] = np.ceil(lengths.sum() - 1e-3)
    return np.diff(edges).astype(int).tolist()


def _split(rng: np.random.Generator, frames: int) -> list[int]:
    """Notes of one syllable: mostly one, sometimes a few slurred ones."""
    n = int(rng.choice([1, 2, 3], p=[0.85, 0.1, 0.05]))
    if frames < 14 * n:
        return [frames]
    return np.diff(np.arange(n + 1) * frames // n).tolist()


def _interval(rng: np.random.Generator) -> int:
    size = int(rng.choice([0, 1, 2, 3, 4, 5, 7, 9, 12], p=[0.15, 0.15, 0.3, 0.12, 0.1, 0.08, 0.06, 0.02, 0.02]))
    return size * int(rng.choice([-1, 1]))


def pitch_layers(
    midi: NDArray[np.float32], rest: NDArray[np.bool_], note_dur: NDArray[np.int64], legato: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The layers of a line's pitch, [shape=(n_frames, len(LAYERS))].

    Parameters
    ----------
    midi, rest, note_dur : arrays [shape=(n_notes,)]
        As in :class:`SungLine`.
    legato : NDArray[np.bool_] [shape=(n_notes,)]
        Whether a note goes on with the vowel of the note before.
    """
    edges = np.concatenate([[0], np.cumsum(note_dur)]) * FRAME_SECONDS
    times = np.arange(int(note_dur.sum())) * FRAME_SECONDS
    index = np.repeat(np.arange(len(midi)), note_dur)
    lengths = np.diff(edges)
    layers = {name: np.zeros(len(times)) for name in LAYERS}
    layers["rate"] += VIBRATO_RATE
    for i in range(1, len(midi)):
        onset, step = edges[i], abs(float(midi[i] - midi[i - 1]))
        if step < 0.1 or rest[i]:
            continue
        begin, end = _glide(step, onset, lengths[i - 1] + (10.0 if rest[i - 1] else 0.0), lengths[i], legato[i])
        rise = _rise(times, begin, end)
        early, late = index == i - 1, index == i
        layers["after"] += np.where(early, rise, 0.0)
        layers["before"] += np.where(late, 1.0 - rise, 0.0)
        if not rest[i - 1]:
            share = min(PREPARATION[0] * (1.0 if midi[i] > midi[i - 1] else 0.5), PREPARATION[1] / step)
            first = max(begin - PREPARATION_SECONDS, onset - 1.2 * EDGE_SHARE * lengths[i - 1])
            layers["preparation"] -= share * np.where(early, _bump(times, first, begin), 0.0)
        span = min(OVERSHOOT_SECONDS, 0.5 * EDGE_SHARE * lengths[i])
        share = min(OVERSHOOT[0], OVERSHOOT[1] / step) * min(1.0, span / 0.06)
        layers["overshoot"] -= share * np.where(late, _bump(times, end, end + span), 0.0)
    for i in np.flatnonzero(~rest):
        onset, offset = edges[i], edges[i + 1]
        if rest[i - 1]:
            late = min(SCOOP_SECONDS[1], EDGE_SHARE * lengths[i])
            near = (times >= edges[i - 1]) & (times < offset)
            layers["edge"] -= SCOOP * np.where(near, 1.0 - _rise(times, onset - SCOOP_SECONDS[0], onset + late), 0.0)
        if rest[i + 1]:
            early = min(FALL_SECONDS, EDGE_SHARE * lengths[i])
            near = (times >= onset) & (times < offset + PADDING_FRAMES * FRAME_SECONDS)
            layers["edge"] -= FALL * np.where(near, _rise(times, offset - early, offset), 0.0)
        depth, rate = _vibrato(times, onset, offset)
        layers["depth"] += np.where(index == i, depth, 0.0)
        layers["rate"] += np.where(index == i, rate - VIBRATO_RATE, 0.0)
    return np.stack([layers[name] for name in LAYERS], 1).astype(np.float32)


def _glide(step: float, onset: float, before: float, after: float, legato: bool) -> tuple[float, float]:
    """Where a transition begins and ends."""
    length = (LEGATO_SECONDS if legato else GLIDE_SECONDS) + GLIDE_PER_SEMITONE * max(step - 4.0, 0.0)
    centre = onset + (0.0 if legato else GLIDE_CENTRE)
    begin = max(centre - 0.5 * length, onset - EDGE_SHARE * before)
    end = min(centre + 0.5 * length, onset + 0.5 * EDGE_SHARE * after)
    return begin, max(end, begin + FRAME_SECONDS)


def _vibrato(
    times: NDArray[np.float64], onset: float, offset: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half extent and rate of the vibrato of one note."""
    length = offset - onset
    if length < VIBRATO_LEAST_NOTE:
        return np.zeros_like(times), np.full_like(times, VIBRATO_RATE)
    least, share, most = VIBRATO_ONSET
    begin = onset + min(max(share * length, least), most)
    widest = np.interp(length, [VIBRATO_LEAST_NOTE, 2.0], VIBRATO_DEPTH)
    fade = np.minimum((times - begin) / VIBRATO_FADE[0], (offset - times) / VIBRATO_FADE[1]).clip(0.0, 1.0)
    return widest * fade, VIBRATO_RATE * (1.0 + VIBRATO_RATE_RISE * _rise(times, offset - 0.6, offset))


def _rise(times: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
    """0 before ``begin``, 1 after ``end``, half a cosine between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((times - begin) / max(end - begin, 1e-6), 0.0, 1.0))


def _bump(times: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
    """Up to 1 and back between two moments, 0 elsewhere."""
    return np.sin(np.pi * np.clip((times - begin) / max(end - begin, 1e-6), 0.0, 1.0)) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLine:
    """A line of the corpus with the small movements of its pitch that its phones cause.

    Attributes
    ----------
    voice : str
    tokens, ph_dur : NDArray[np.int64] [shape=(n_tokens,)]
    micro : NDArray[np.float32] [shape=(n_frames,)]
        Semitones away from the line's melody.
    weight : NDArray[np.float32] [shape=(n_frames,)]
        1 where it is known.
    """

    voice: str
    tokens: NDArray[np.int64]
    ph_dur: NDArray[np.int64]
    micro: NDArray[np.float32]
    weight: NDArray[np.float32]


def measure_microprosody(utterance: Utterance) -> SpokenLine:
    """Take the melody of speech away: what is left beside a curve through the middles of its vowels."""
    at = np.arange(len(utterance.f0)) * F0_STEP_SECONDS
    voiced = utterance.f0 > 0
    pitch = 12.0 * np.log2(np.where(voiced, utterance.f0, 440.0) / 440.0)
    knots = []
    for phone in utterance.phones:
        if is_vowel(phone.symbol):
            quarter = 0.25 * (phone.end - phone.start)
            inside = voiced & (at >= phone.start + quarter) & (at <= phone.end - quarter)
            if inside.any():
                knots.append((0.5 * (phone.start + phone.end), float(np.median(pitch[inside]))))
    edges = np.rint(np.array([p.start for p in utterance.phones] + [utterance.phones[-1].end]) / FRAME_SECONDS)
    ph_dur = np.diff(edges).astype(np.int64)
    times = (np.arange(int(ph_dur.sum())) + 0.5) * FRAME_SECONDS
    known = np.flatnonzero(voiced)
    micro, weight = np.zeros(len(times)), np.zeros(len(times))
    if len(knots) > 1:
        centres, medians = zip(*knots, strict=True)
        curve = np.interp(times, at[known], pitch[known]) - np.interp(times, centres, medians)
        sure = np.interp(times, at, voiced.astype(float)) > 0.99
        weight = (sure & (times > centres[0]) & (times < centres[-1]) & (np.abs(curve) < 3.0)).astype(float)
        micro = np.clip(MICRO_SHARE * curve, -MICRO_MOST, MICRO_MOST)
    return SpokenLine(
        voice=utterance.voice,
        tokens=np.array([IDS[p.symbol] for p in utterance.phones]),
        ph_dur=ph_dur,
        micro=micro.astype(np.float32),
        weight=weight.astype(np.float32),
    )
