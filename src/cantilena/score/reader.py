"""The XML of a score to :class:`~cantilena.score.model.Score`: its parts, then their performance."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Final

from lxml import etree

from cantilena.errors import ScoreError
from cantilena.score.container import ScoreXml
from cantilena.score.model import Measure, Part, Score, TempoMark, Visit
from cantilena.score.notices import Notices
from cantilena.score.performed_tempo import perform_tempo
from cantilena.score.read_part import MeasureSheet, PartReader, check_denominator, count_streams
from cantilena.score.repeats import order_of_performance

MAX_PARTS: Final = 64
MAX_SECONDS: Final = 20 * 60
MAX_PERFORMED: Final = 500_000
"""Notes and marks of all parts over the whole performance."""


def read_document(document: ScoreXml, notices: Notices) -> Score:
    """Read all parts, then lay out the performance.

    Raises
    ------
    ScoreError
        ``score_too_many_parts``, ``score_bad_number``, ``score_too_long``, ``score_too_complex``.
    """
    root = document.root
    sheet = MeasureSheet()
    parts, tempi = _read_parts(root, sheet, document.name, notices)
    measures = tuple(
        Measure(number=number, length=length or nominal)
        for number, length, nominal in zip(sheet.numbers, sheet.lengths, sheet.nominal, strict=True)
    )
    visits, duration = _lay_out(measures, sheet, document.name, notices)
    tempo_marks = _in_order(tempi)
    tempo_map = perform_tempo(tempo_marks, sheet.fermatas, measures, visits)
    _check_length(tempo_map.beats_to_seconds(duration), document.name)
    return Score(
        title=_title(root), composer=_composer(root), parts=parts, measures=measures, tempo_marks=tempo_marks,
        visits=visits, duration=duration, tempo_map=tempo_map, findings=notices.findings(),
    )  # fmt: skip


# --- parts ------------------------------------------------------------------------------------------------------


def _read_parts(
    root: etree._Element, sheet: MeasureSheet, name: str, notices: Notices
) -> tuple[tuple[Part, ...], list[list[TempoMark]]]:
    """All parts from the top, and the tempo marks of each."""
    elements = [child for child in root if child.tag == "part"]
    if len(elements) > MAX_PARTS:
        raise ScoreError(
            "score_too_many_parts",
            f"{name} has {len(elements)} parts, more than {MAX_PARTS}.",
            hint="Leave out the parts that are not sung.",
        )
    names = _part_names(root)
    parts: list[Part] = []
    readers: list[PartReader] = []
    for element in elements:
        part_id = element.get("id") or "P?"
        if part_id not in names:
            message = f"Part {part_id[:40]} is not in the part list: it is named by its id."
            notices.add("part_unlisted", message, part=part_id)
        reader = PartReader(names.get(part_id) or part_id, sheet, notices)
        measures = reader.read_part(element)
        parts.append(
            Part(
                id=part_id, name=names.get(part_id) or part_id, measures=measures, streams=count_streams(measures),
                dynamics=tuple(reader.dynamics),
            )
        )  # fmt: skip
        readers.append(reader)
    _note_short_parts(parts, len(sheet.numbers), notices)
    return tuple(_in_step(parts, readers, sheet, notices)), [reader.tempi for reader in readers]


def _part_names(root: etree._Element) -> dict[str, str]:
    return {
        entry.get("id", ""): _one_line(entry.findtext("part-name")) or _one_line(entry.findtext("part-abbreviation"))
        for entry in root.iterfind("part-list/score-part")
    }


def _note_short_parts(parts: list[Part], count: int, notices: Notices) -> None:
    for part in parts:
        if len(part.measures) < count:
            message = f"The part has {len(part.measures)} of {count} measures and rests after them."
            notices.add("part_shorter", message, part=part.name)


def _in_step(parts: list[Part], readers: list[PartReader], sheet: MeasureSheet, notices: Notices) -> list[Part]:
    """Parts with time signatures of their own, such as 4/4 against 12/8, learn what stretches them."""
    if all(reader.metres == readers[0].metres for reader in readers):
        return parts
    full = [_full_measures(reader) for reader in readers]
    in_step: list[Part] = []
    for part, own in zip(parts, full, strict=True):
        stretches: dict[int, Fraction] = {}
        for index, length in own.items():
            common = sheet.lengths[index]
            if length < common and any(other.get(index) == common for other in full):
                stretches[index] = common / length
                message = "The part has a time signature of its own: the measure is stretched."
                notices.add("measure_stretched", message, part=part.name, measure=sheet.numbers[index])
        in_step.append(replace(part, stretches=stretches))
    return in_step


def _full_measures(reader: PartReader) -> dict[int, Fraction]:
    """Beats of the measures that a part fills exactly, by their index."""
    metres = dict(reader.metres)
    nominal = Fraction(4)
    full: dict[int, Fraction] = {}
    for index, length in enumerate(reader.spans):
        nominal = metres.get(index, nominal)
        if length == nominal:
            full[index] = length
    return full


# --- the performance --------------------------------------------------------------------------------------------


def _lay_out(
    measures: tuple[Measure, ...], sheet: MeasureSheet, name: str, notices: Notices
) -> tuple[tuple[Visit, ...], Fraction]:
    """The measures in the order of performance, each with its onset, and the beats they last together."""
    order = order_of_performance(sheet.navigation)
    for code, message, index in order.remarks:
        notices.add(code, message, measure=sheet.numbers[index])
    performed = sum(sheet.weights[step.measure] for step in order.steps)
    if performed > MAX_PERFORMED:
        raise ScoreError(
            "score_too_long",
            f"With its repeats {name} has {performed} notes and marks, more than {MAX_PERFORMED}.",
            hint="Correct the number of repeats, or leave out parts that are not sung.",
        )
    unit = math.lcm(*{measure.length.denominator for measure in measures})  # whole numbers add up ten times as fast
    check_denominator(Fraction(1, unit))
    lengths = [measure.length.numerator * (unit // measure.length.denominator) for measure in measures]
    visits: list[Visit] = []
    at = 0
    for step in order.steps:
        visits.append(Visit(*step, Fraction(at, unit)))
        at += lengths[step.measure]
    return tuple(visits), Fraction(at, unit)


def _in_order(tempi: list[list[TempoMark]]) -> tuple[TempoMark, ...]:
    """The marks of all parts: a tempo and a curve for each place, numbers before words, higher parts before lower."""
    chosen: dict[tuple[int, Fraction, bool], TempoMark] = {}
    for marks in tempi:
        for mark in marks:
            place = (mark.measure, mark.onset, mark.kind == "ramp")
            other = chosen.get(place)
            if other is None or (mark.numeric and not other.numeric):
                chosen[place] = mark
    return tuple(chosen[place] for place in sorted(chosen))


def _check_length(seconds: float, name: str) -> None:
    if seconds <= MAX_SECONDS:  # false for what is not a number, too
        return
    hours = f"{seconds / 3600:.1f} hours" if seconds < 1e9 else "for ever"
    raise ScoreError(
        "score_too_long",
        f"{name} would take {f'{seconds / 60:.0f} minutes' if seconds < 7200 else hours},"
        f" longer than {MAX_SECONDS // 60} minutes.",
        hint="Correct its durations, tempi and repeats, or cut the score.",
    )


# --- what stands before the parts -------------------------------------------------------------------------------


def _title(root: etree._Element) -> str | None:
    titles = (_one_line(root.findtext(path)) for path in ("work/work-title", "movement-title"))
    return next((title for title in titles if title), None)


def _composer(root: etree._Element) -> str | None:
    named = (one for one in root.iterfind("identification/creator") if one.get("type") in (None, "composer"))
    return next((text for one in named if (text := _one_line(one.text))), None)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())[:200]
