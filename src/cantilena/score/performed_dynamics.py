"""Dynamic signs of the written score to the loudness of the performance.

Conventions
-----------
Levels are dB relative to mezzo-forte. A hairpin leads to the sign at its end, or ``STEP`` up or down when there is
none; a word (*cresc.*) does so until the next sign, for ``FAR`` measures at most. A repeat brings back the level that
stood at the place it leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import Final, NamedTuple

from cantilena.score.melody import DynamicPoint
from cantilena.score.model import DynamicMark, Measure, Visit

STEP: Final = 3.5
FAR: Final = 4
_LOUDEST, _SOFTEST = 9.0, -19.0
"""Between these levels stays what hairpins without a goal lead to."""
_AFTER = Fraction(1, 2)
"""Beats after which *fp* is piano."""
_NEAR = Fraction(1)
"""A sign so many beats after the end of a hairpin is its goal."""


_LOOK_AHEAD: Final = 32
"""Signs to look through for the end of a hairpin; what lies further on is not its end."""


class _Event(NamedTuple):
    beat: Fraction
    far: Fraction
    """Where a word such as *cresc.* has spent its force."""
    mark: DynamicMark


def perform_dynamics(
    marks: Sequence[DynamicMark], staff: int, measures: Sequence[Measure], visits: Sequence[Visit]
) -> tuple[DynamicPoint, ...]:
    """Loudness over a performance; empty when the part has no signs.

    Parameters
    ----------
    marks : sequence of DynamicMark
        Of the part, in order; those of the line's own staff count, and all of them where that staff has none.
    staff : int
        Of the line.
    measures, visits
        As of the score.
    """
    own = [mark for mark in marks if mark.staff in (None, staff)] or list(marks)
    if not own or not visits:
        return ()
    events = _events(own, measures, visits)
    end = visits[-1].onset + measures[visits[-1].measure].length
    points: list[DynamicPoint] = []
    level = 0.0
    for n, event in enumerate(events):
        if event.mark.kind == "level":
            level = _set_level(points, event)
        elif event.mark.kind != "stop" and not (points and points[-1].onset > event.beat):  # of two at once the first
            level = _draw_hairpin(points, events, n, level, end)
    return tuple(points)


def _set_level(points: list[DynamicPoint], event: _Event) -> float:
    mark = event.mark
    while points and points[-1].onset > event.beat:  # the second half of fp, overtaken
        points.pop()
    if not (points and points[-1].level == mark.level and points[-1].onset == event.beat):
        points.append(DynamicPoint(onset=event.beat, level=mark.level))
    if mark.after is None:
        return mark.level
    points.append(DynamicPoint(onset=event.beat + _AFTER, level=mark.after, ramp=True))
    return mark.after


def _draw_hairpin(points: list[DynamicPoint], events: list[_Event], n: int, level: float, end: Fraction) -> float:
    """Ramp from here to the goal; gives the level reached."""
    begin, mark = events[n].beat, events[n].mark
    rising = mark.kind == "crescendo"
    closing = next(
        (
            event
            for event in islice(events, n + 1, n + 1 + _LOOK_AHEAD)
            if (mark.drawn or event.mark.kind != "stop") and event.beat > begin
        ),
        None,
    )
    offset = closing.beat if closing is not None else end
    if not mark.drawn:
        offset = min(offset, events[n].far)
    if offset <= begin:
        return level
    reached = min(max(level + (STEP if rising else -STEP), min(level, _SOFTEST)), max(level, _LOUDEST))
    for event in islice(events, n + 1, n + 1 + _LOOK_AHEAD):
        if event.mark.kind == "level" and event.beat > begin:
            if event.beat <= offset + _NEAR and (event.mark.level > level) == rising:
                reached = event.mark.level
            break
    points.append(DynamicPoint(onset=begin, level=level))
    points.append(DynamicPoint(onset=offset, level=reached, ramp=True))
    return reached


def _events(marks: Sequence[DynamicMark], measures: Sequence[Measure], visits: Sequence[Visit]) -> list[_Event]:
    by_measure: dict[int, list[DynamicMark]] = {}
    standing: list[DynamicMark | None] = [None] * len(measures)
    for mark in marks:
        by_measure.setdefault(mark.measure, []).append(mark)
        if mark.kind == "level" and mark.measure + 1 < len(measures):
            standing[mark.measure + 1] = mark
    for n in range(1, len(standing)):
        standing[n] = standing[n] or standing[n - 1]
    events: list[_Event] = []
    previous = -1
    for n, visit in enumerate(visits):
        if visit.measure != previous + 1:
            stood = standing[visit.measure]
            level = 0.0 if stood is None else stood.level if stood.after is None else stood.after
            mark = DynamicMark(visit.measure, Fraction(0), None, "level", level)
            events.append(_Event(visit.onset, visit.onset, mark))
        here = by_measure.get(visit.measure)
        if here:
            last = visits[min(n + FAR - 1, len(visits) - 1)]
            far = last.onset + measures[last.measure].length
            length = measures[visit.measure].length
            found = [_Event(visit.onset + min(mark.onset, length), far, mark) for mark in here]
            events += sorted(found, key=lambda event: (event.beat, event.mark.kind != "level"))
        previous = visit.measure
    return events
