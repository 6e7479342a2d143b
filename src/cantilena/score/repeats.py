"""The order in which measures are performed: repeats, endings, da capo, dal segno, coda, fine.

Conventions
-----------
Engraving practice, not nesting: a backward repeat leads to the nearest forward repeat before it, or to the measure
after the last backward repeat, or to the start. Repeats are taken until a jump, and not again after it (*senza
repetizione*): of several endings the last is then played. A jump is taken once, when its section is played for the
last time; only after a jump do *Fine* and *To Coda* count. Everything is bounded before it is expanded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cantilena.errors import ScoreError
from cantilena.score.model import Navigation

MAX_VISITS: Final = 20_000
"""Measures of a performance; at least 60 ms each within the longest song."""


class Step(NamedTuple):
    """One measure of the performance, as in :class:`~cantilena.score.model.Visit` but for the time."""

    measure: int
    turn: int
    section: int
    in_ending: bool


class Ending(NamedTuple):
    """Measures ``start..stop`` (both included), played on some passes."""

    start: int
    stop: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Measures ``start..stop`` (both included) that are played ``passes`` times in a row before any jump."""

    start: int
    stop: int
    passes: int = 1
    endings: tuple[Ending, ...] = ()
    repeated: bool = False
    """A repeat sign leads back; endings without one change with the turns instead."""

    @property
    def highest_ending(self) -> int:
        return max((number for ending in self.endings for number in ending.numbers), default=1)

    def measures(self, chosen: int) -> list[tuple[int, bool]]:
        """Measures of one pass in order, and whether each lies in an ending; other passes' endings are left out."""
        found: list[tuple[int, bool]] = []
        at = self.start
        for ending in self.endings:
            found += [(i, False) for i in range(at, ending.start)]
            if chosen in ending.numbers:
                found += [(i, True) for i in range(ending.start, ending.stop + 1)]
            at = ending.stop + 1
        return found + [(i, False) for i in range(at, self.stop + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The performance, and what was repaired to make it finite: (code, message, measure index) each."""

    steps: tuple[Step, ...]
    remarks: tuple[tuple[str, str, int], ...]


def find_sections(navigation: Sequence[Navigation]) -> list[Section]:
    """Cut the measures at their repeat signs; the sections follow one another without a gap.

    >>> signs = [Navigation(), Navigation(backward=2), Navigation()]
    >>> [(s.start, s.stop, s.passes) for s in find_sections(signs)]
    [(0, 1, 2), (2, 2, 1)]
    """
    sections: list[Section] = []
    endings: list[Ending] = []
    start = i = 0
    while i < len(navigation):
        place = navigation[i]
        if place.forward and i > start:
            sections.append(Section(start=start, stop=i - 1, endings=tuple(endings)))
            endings = []
            start = i
        if place.ending:
            group = _endings_from(navigation, i)
            endings += group
            i = group[-1].stop
            signs = [sign.backward for sign in navigation[group[0].start : i + 1] if sign.backward is not None]
        else:
            group = []
            signs = [place.backward] if place.backward is not None else []
        if signs:
            # where endings follow one another they say how often, and a stray ``times`` does not
            times = 2 if len(group) > 1 else max(signs)
            passes = max([2, times, *(number for ending in endings for number in ending.numbers)])
            section = Section(start=start, stop=i, passes=passes, endings=tuple(endings), repeated=True)
            sections.append(section)
            endings = []
            start = i + 1
        i += 1
    if start < len(navigation):
        sections.append(Section(start=start, stop=len(navigation) - 1, endings=tuple(endings)))
    return sections


def _endings_from(navigation: Sequence[Navigation], first: int) -> list[Ending]:
    """The ending that begins here, and those that follow it without a gap."""
    endings: list[Ending] = []
    i = first
    while i < len(navigation) and navigation[i].ending and not (endings and navigation[i].forward):
        stop = _ending_stop(navigation, i, after_another=bool(endings))
        endings.append(Ending(i, stop, navigation[i].ending))
        i = stop + 1
    return endings


def _ending_stop(navigation: Sequence[Navigation], start: int, *, after_another: bool) -> int:
    """Last measure of the ending that begins here.

    One that is never closed ends at the next sign. The first one lasts to the repeat sign if its bracket is open.
    """
    open_until: int | None = None
    for i in range(start, len(navigation)):
        place = navigation[i]
        if i > start and (place.ending or place.forward):
            if open_until is not None:
                return open_until
            return start if after_another and not place.ending else i - 1
        if place.backward is not None:
            return i
        if place.ending_stops and open_until is None:
            if after_another or not place.ending_open:
                return i
            open_until = i
    if open_until is not None:
        return open_until
    return start if after_another else len(navigation) - 1


def order_of_performance(navigation: Sequence[Navigation]) -> Order:
    """Every measure in the order in which it is performed.

    Raises
    ------
    ScoreError
        ``score_too_long`` when there would be more than ``MAX_VISITS``; nothing has been expanded then.

    Examples
    --------
    >>> [step.measure for step in order_of_performance([Navigation(), Navigation(backward=2)]).steps]
    [0, 1, 0, 1]
    """
    navigation = _with_leap_to_coda(_with_jumps_at_barlines(navigation))
    sections = find_sections(navigation)
    jumps = sum(place.da_capo or place.dal_segno is not None for place in navigation)
    bound = sum(section.passes * (section.stop - section.start + 1) for section in sections) + jumps * len(navigation)
    if bound > MAX_VISITS:
        raise ScoreError(
            "score_too_long",
            f"With its repeats and jumps the score has up to {bound} measures, more than {MAX_VISITS}.",
            hint="Correct the number of repeats, or cut the score.",
        )
    return _Walk(navigation, sections).perform()


def _with_leap_to_coda(navigation: list[Navigation]) -> list[Navigation]:
    """Of two coda signs and no *To Coda* the first is where the leap begins."""
    signs = [i for i, place in enumerate(navigation) if place.coda]
    if len(signs) < 2 or any(place.to_coda for place in navigation):
        return navigation
    first = signs[0]
    return [*navigation[:first], replace(navigation[first], coda=set(), to_coda=True), *navigation[first + 1 :]]


def _with_jumps_at_barlines(navigation: Sequence[Navigation]) -> list[Navigation]:
    """A *D.C.* in words at the very start of a measure stands at the barline before it, but for the last measure."""
    settled = list(navigation)
    for i in range(1, len(settled) - 1):
        place = settled[i]
        if place.jump_at_start:
            before = settled[i - 1]
            settled[i - 1] = replace(
                before,
                da_capo=before.da_capo or place.da_capo,
                dal_segno=place.dal_segno if before.dal_segno is None else before.dal_segno,
            )
            settled[i] = replace(place, da_capo=False, dal_segno=None)
    return settled


class _Walk:
    """The performance as it goes on; one per score."""

    def __init__(self, navigation: Sequence[Navigation], sections: list[Section]) -> None:
        self._navigation = navigation
        self._sections = sections
        self._section_of = [n for n, section in enumerate(sections) for _ in range(section.start, section.stop + 1)]
        self._turns = [0] * len(sections)
        self._steps: list[Step] = []
        self._remarks: list[tuple[str, str, int]] = []
        self._taken: set[int] = set()
        self._jumped = False
        self._coda_taken = False

    def perform(self) -> Order:
        """Walk from the beginning to the end; tell of signs that led nowhere."""
        for section in self._sections:
            if self._navigation[section.start].forward and not section.repeated:
                self._remark("repeat_open", "A repeat begins here and never ends: it is sung once.", section.start)
        goal: int | None = 0 if self._sections else None
        while goal is not None:
            goal = self._play_from(goal)
        for i, place in enumerate(self._navigation):
            if (place.da_capo or place.dal_segno is not None) and i not in self._taken:
                self._remark("jump_ignored", "A jump back is never reached, or leads where a repeat leads too.", i)
        return Order(steps=tuple(self._steps), remarks=tuple(self._remarks))

    def _play_from(self, measure: int) -> int | None:
        """Play on from a measure to the next jump; the measure it leads to, or None at the end."""
        for n in range(self._section_of[measure], len(self._sections)):
            section = self._sections[n]
            begin = max(measure, section.start)
            passes = 1 if self._jumped else section.passes
            for played in range(1, passes + 1):
                self._turns[n] += 1
                last = played == passes
                goal, ended = self._play_pass(n, begin, self._chosen_ending(n, played), last=last)
                if ended:
                    return goal
                begin = section.start
        return None

    def _chosen_ending(self, n: int, played: int) -> int:
        section = self._sections[n]
        if not section.repeated:
            return min(self._turns[n], section.highest_ending)
        return section.passes if self._jumped else played

    def _play_pass(self, n: int, begin: int, chosen: int, *, last: bool) -> tuple[int | None, bool]:
        """One pass of a section; whether the playing from here has ended, and where it goes on then."""
        for measure, in_ending in self._sections[n].measures(chosen):
            if measure < begin:
                continue
            self._steps.append(Step(measure, self._turns[n], n, in_ending))
            place = self._navigation[measure]
            if self._jumped and place.fine:
                return None, True
            if self._jumped and place.to_coda and not self._coda_taken:
                coda = self._coda_after(measure)
                if coda is not None:
                    self._coda_taken = True
                    return coda, True
            if (place.da_capo or place.dal_segno is not None) and last and measure not in self._taken:
                self._taken.add(measure)
                return self._jump(measure), True
        return None, False

    def _jump(self, measure: int) -> int:
        self._jumped = True
        place = self._navigation[measure]
        goal = 0
        if place.dal_segno is not None:
            goal = self._segno(place.dal_segno, measure)
        stops = any(other.fine for other in self._navigation[goal:])
        leaves = any(other.to_coda for other in self._navigation[goal : measure + 1])
        if not stops and not leaves:
            self._remark(
                "jump_taken_once",
                "A jump back has neither fine nor coda: it is taken once, then the song goes on.",
                measure,
            )
        return goal

    def _segno(self, label: str, measure: int) -> int:
        marked = [i for i, place in enumerate(self._navigation) if place.segno]
        named = [i for i in marked if label in self._navigation[i].segno]
        earlier = [i for i in named or marked if i <= measure]
        if earlier:
            return earlier[-1]
        self._remark(
            "segno_missing", "A dal segno has no segno before it: the song starts again from the beginning.", measure
        )
        return 0

    def _coda_after(self, measure: int) -> int | None:
        codas = [i for i, place in enumerate(self._navigation) if place.coda and i > measure]
        if codas:
            return codas[0]
        self._remark("coda_missing", "A leap to the coda finds no coda after it: the song goes on.", measure)
        return None

    def _remark(self, code: str, message: str, measure: int) -> None:
        self._remarks.append((code, message, measure))
