"""Tempo marks of the written score to the tempo map of the performance.

Conventions
-----------
A repeat brings back the tempo that stood at the place it leads to. *Rit.* and *accel.* are modest: the pace
changes evenly up to the next tempo mark if it comes within ``FAR`` measures, else to the end of the next measure, where
the old tempo is back. A fermata adds half its note, at least half a beat and at most two, evenly over the note.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from cantilena.score.model import FermataMark, Measure, TempoKind, TempoMark, Visit
from cantilena.score.tempo import TempoMap, TempoPiece
from cantilena.score.tempo_words import DEFAULT_BPM

FAR: Final = 4
_SLOWEST, _FASTEST = 20.0, 400.0
"""Between these bpm stays what words alone make of a tempo."""


class _Event(NamedTuple):
    beat: Fraction
    kind: TempoKind
    value: float
    visit: int


class _Stretch(NamedTuple):
    """From ``onset`` to ``offset`` the tempo goes from one bpm to another."""

    onset: Fraction
    offset: Fraction
    begin: float
    end: float


def perform_tempo(
    marks: Sequence[TempoMark], fermatas: Sequence[FermataMark], measures: Sequence[Measure], visits: Sequence[Visit]
) -> TempoMap:
    """The tempo map of a performance.

    Parameters
    ----------
    marks : sequence of TempoMark
        In the order of the written score; a curve after the tempo that stands at the same place.
    fermatas : sequence of FermataMark
        Of all parts; where two overlap, the one given first counts.
    measures, visits
        The written measures, and the order in which they are performed.
    """
    if not visits:
        return TempoMap.constant(DEFAULT_BPM)
    end = visits[-1].onset + measures[visits[-1].measure].length
    stretches = _stretches(_events(marks, measures, visits), _opening_bpm(marks), measures, visits, end)
    return TempoMap.from_pieces(_pieces(stretches, _holds(fermatas, measures, visits)))


def _opening_bpm(marks: Sequence[TempoMark]) -> float:
    """The tempo before the first mark: that of a mark within the first two measures, as after a pickup."""
    first = next((mark for mark in marks if mark.kind == "set"), None)
    return first.value if first is not None and first.measure <= 1 else DEFAULT_BPM


def _events(marks: Sequence[TempoMark], measures: Sequence[Measure], visits: Sequence[Visit]) -> list[_Event]:
    by_measure: dict[int, list[TempoMark]] = {}
    for mark in marks:
        by_measure.setdefault(mark.measure, []).append(mark)
    standing = _standing_tempi(marks, len(measures))
    events: list[_Event] = []
    previous = -1
    for n, visit in enumerate(visits):
        if visit.measure != previous + 1:
            events.append(_Event(visit.onset, "set", standing[visit.measure], n))
        for mark in by_measure.get(visit.measure, ()):
            onset = visit.onset + min(mark.onset, measures[visit.measure].length)
            events.append(_Event(onset, mark.kind, mark.value, n))
        previous = visit.measure
    return events


def _standing_tempi(marks: Sequence[TempoMark], n_measures: int) -> list[float]:
    """Base tempo in force at the start of each measure of the written score."""
    opening = base = _opening_bpm(marks)
    first: float | None = None
    standing: list[float] = []
    waiting = list(reversed(marks))
    for measure in range(n_measures):
        standing.append(base)
        while waiting and waiting[-1].measure == measure:
            mark = waiting.pop()
            base, first = _after(mark.kind, mark.value, base, first, opening)
    return standing


def _after(
    kind: TempoKind, value: float, base: float, first: float | None, opening: float
) -> tuple[float, float | None]:
    """Base tempo and first tempo of the song after a mark."""
    if kind == "set":
        return value, first or value
    if kind == "factor":
        return min(max(base * value, min(base, _SLOWEST)), max(base, _FASTEST)), first
    if kind == "first":
        return first or opening, first
    return base, first


def _stretches(
    events: list[_Event], opening: float, measures: Sequence[Measure], visits: Sequence[Visit], end: Fraction
) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    base, first = opening, None
    at, bpm = Fraction(0), opening
    for n, event in enumerate(events):
        if event.beat > at:
            stretches.append(_Stretch(at, event.beat, bpm, bpm))
            at = event.beat
        if event.kind != "ramp":
            base, first = _after(event.kind, event.value, base, first, opening)
            bpm = base
            continue
        following = events[n + 1] if n + 1 < len(events) else None
        offset, lasts = _ramp_end(event, following, measures, visits, end)
        if offset <= at:
            continue
        goal = _goal(event, bpm, following if lasts else None)
        stretches.append(_Stretch(at, offset, bpm, goal))
        at = offset
        bpm = goal if lasts and following is not None and following.kind == "ramp" else base
    if end > at:
        stretches.append(_Stretch(at, end, bpm, bpm))
    if not stretches:
        stretches.append(_Stretch(Fraction(0), Fraction(1), bpm, bpm))
    return stretches


def _goal(event: _Event, bpm: float, following: _Event | None) -> float:
    """The tempo that a *rit.* or *accel.* leads to: a written one on its side, but never further than it means."""
    goal = min(max(bpm * event.value, min(bpm, _SLOWEST)), max(bpm, _FASTEST))
    slower = event.value < 1
    if following is None or following.kind != "set" or (following.value < bpm) != slower:
        return goal
    return max(goal, following.value) if slower else min(goal, following.value)


def _ramp_end(
    event: _Event, following: _Event | None, measures: Sequence[Measure], visits: Sequence[Visit], end: Fraction
) -> tuple[Fraction, bool]:
    """Beat up to which a *rit.* lasts, and whether the next mark ends it."""
    if following is not None and following.visit - event.visit <= FAR:
        return following.beat, True
    if following is None and len(visits) - event.visit <= FAR:
        return end, True
    last = visits[min(event.visit + 1, len(visits) - 1)]
    offset = last.onset + measures[last.measure].length
    return (offset if following is None else min(offset, following.beat)), False


# --- fermatas ---------------------------------------------------------------------------------------------------


class _Hold(NamedTuple):
    onset: float
    offset: float
    factor: float


def _holds(fermatas: Sequence[FermataMark], measures: Sequence[Measure], visits: Sequence[Visit]) -> list[_Hold]:
    """Held stretches of the performance, in order, none overlapping another."""
    by_measure: dict[int, list[FermataMark]] = {}
    for fermata in fermatas:
        held = by_measure.setdefault(fermata.measure, [])
        n = bisect_left(held, fermata)
        before_ends = n == 0 or held[n - 1].onset + held[n - 1].duration <= fermata.onset
        if before_ends and (n == len(held) or fermata.onset + fermata.duration <= held[n].onset):
            held.insert(n, fermata)
    holds: list[_Hold] = []
    for visit in visits:
        for fermata in by_measure.get(visit.measure, ()):
            extra = min(max(fermata.duration / 2, Fraction(1, 2)), Fraction(2))
            onset = float(visit.onset + fermata.onset)
            holds.append(_Hold(onset, onset + float(fermata.duration), 1.0 + float(extra / fermata.duration)))
    return holds


def _pieces(stretches: list[_Stretch], holds: list[_Hold]) -> list[TempoPiece]:
    """Pieces of constant hold; the last one goes on for ever."""
    edges = sorted({edge for hold in holds for edge in (hold.onset, hold.offset)})
    onsets = [hold.onset for hold in holds]
    pieces: list[TempoPiece] = []
    for stretch in stretches:
        onset, offset = float(stretch.onset), float(stretch.offset)
        if offset <= onset:
            continue
        inside = edges[bisect_right(edges, onset) : bisect_left(edges, offset)]
        cuts = [onset, *inside, offset]
        begin, slope = 60.0 / stretch.begin, (60.0 / stretch.end - 60.0 / stretch.begin) / (offset - onset)
        for left, right in pairwise(cuts):
            n = bisect_right(onsets, left) - 1
            factor = holds[n].factor if n >= 0 and left < holds[n].offset else 1.0
            pieces.append(
                TempoPiece(left, factor * (begin + slope * (left - onset)), factor * (begin + slope * (right - onset)))
            )
    last = stretches[-1]
    pieces.append(TempoPiece(float(last.offset), 60.0 / last.end, 60.0 / last.end))
    return pieces
