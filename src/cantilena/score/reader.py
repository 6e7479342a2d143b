"""The XML of a score to :class:`~cantilena.score.model.Score`, in one pass over its elements."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

from lxml import etree

from cantilena.errors import NOWHERE, Place, ScoreError
from cantilena.score.container import ScoreXml
from cantilena.score.model import FermataMark, Measure, Navigation, Note, Part, Score, TempoMark, Visit
from cantilena.score.notices import Notices
from cantilena.score.performed_tempo import perform_tempo
from cantilena.score.read_directions import DirectionReader
from cantilena.score.read_notes import Divisions, NoteReader
from cantilena.score.repeats import order_of_performance
from cantilena.score.values import child_text, read_number, read_whole

MAX_PARTS: Final = 64
MAX_SECONDS: Final = 20 * 60
MAX_PERFORMED: Final = 500_000
"""Notes and marks of all parts over the whole performance."""
_MAX_DENOMINATOR: Final = 10**15
"""Of a beat; divisions that have nothing to do with one another would make exact time arbitrarily slow."""


def read_document(document: ScoreXml, notices: Notices) -> Score:
    """Read all parts, then lay out the performance.

    Raises
    ------
    ScoreError
        ``score_too_many_parts``, ``score_bad_number``, ``score_too_long``.
    """
    return _ScoreReader(document, notices).read()


_Span = tuple[Fraction, Fraction]
"""Beats that a part fills in a measure, and beats of that measure by the part's time signature."""


class _ScoreReader:
    """Reads one document; collects what belongs to the measures of all parts."""

    def __init__(self, document: ScoreXml, notices: Notices) -> None:
        self._root = document.root
        self._name = document.name
        self._notices = notices
        self._numbers: list[str] = []
        self._lengths: list[Fraction] = []
        self._weights: list[int] = []
        self._spans: list[list[_Span]] = []
        self._nominal: list[Fraction] = []
        self._navigation: list[Navigation] = []
        self._tempi: list[list[TempoMark]] = []
        self._fermatas: list[FermataMark] = []

    def read(self) -> Score:
        elements = [child for child in self._root if child.tag == "part"]
        if len(elements) > MAX_PARTS:
            raise ScoreError(
                "score_too_many_parts",
                f"{self._name} has {len(elements)} parts, more than {MAX_PARTS}.",
                hint="Leave out the parts that are not sung.",
            )
        names = self._part_names()
        parts = self._in_step([self._read_part(element, names) for element in elements])
        self._note_unequal_lengths(elements, parts)
        measures = tuple(
            Measure(number=number, length=length or nominal)
            for number, length, nominal in zip(self._numbers, self._lengths, self._nominal, strict=True)
        )
        return self._perform(tuple(parts), measures)

    # --- what stands before the parts ---------------------------------------------------------------------------

    def _part_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for entry in self._root.iterfind("part-list/score-part"):
            part_id = entry.get("id", "")
            names[part_id] = _one_line(entry.findtext("part-name")) or _one_line(entry.findtext("part-abbreviation"))
        return names

    def _title(self) -> str | None:
        for path in ("work/work-title", "movement-title"):
            title = _one_line(self._root.findtext(path))
            if title:
                return title
        return None

    def _composer(self) -> str | None:
        creators = list(self._root.iterfind("identification/creator"))
        named = [creator for creator in creators if creator.get("type") in (None, "composer")]
        return next((text for creator in named if (text := _one_line(creator.text))), None)

    # --- parts --------------------------------------------------------------------------------------------------

    def _read_part(self, element: etree._Element, names: dict[str, str]) -> Part:
        part_id = element.get("id", "")
        name = names.get(part_id)
        if name is None:
            self._notices.add(
                "part_unlisted", f"Part {part_id} is not in the part list: it is named by its id.", part=part_id
            )
        part_id = part_id or "P?"
        reader = _PartReader(name or part_id, self)
        measures = tuple(
            reader.read_measure(measure, index)
            for index, measure in enumerate(child for child in element if child.tag == "measure")
        )
        reader.finish()
        self._spans.append(reader.spans)
        self._tempi.append(reader.directions.tempi)
        return Part(
            id=part_id, name=name or part_id, measures=measures, streams=_count_streams(measures),
            dynamics=tuple(reader.directions.dynamics),
        )  # fmt: skip

    def _in_step(self, parts: list[Part]) -> list[Part]:
        """Parts with time signatures of their own, such as 4/4 against 12/8, with what stretches them."""
        return [
            replace(part, stretches=stretches) if (stretches := self._stretches(part.name, spans)) else part
            for part, spans in zip(parts, self._spans, strict=True)
        ]

    def _stretches(self, part: str, spans: list[_Span]) -> dict[int, Fraction]:
        stretches: dict[int, Fraction] = {}
        for i, (length, nominal) in enumerate(spans):
            common = self._lengths[i]
            if length == nominal < common and any(
                other[i] == (common, common) for other in self._spans if i < len(other)
            ):
                stretches[i] = common / length
                self._notices.add(
                    "measure_stretched",
                    "The part has a time signature of its own: the measure is stretched.",
                    part=part,
                    measure=self._numbers[i],
                )
        return stretches

    def _note_unequal_lengths(self, elements: list[etree._Element], parts: list[Part]) -> None:
        for part in parts:
            if len(part.measures) < len(self._numbers):
                self._notices.add(
                    "part_shorter",
                    f"The part has {len(part.measures)} of {len(self._numbers)} measures and rests after them.",
                    part=part.name,
                )

    # --- the performance ----------------------------------------------------------------------------------------

    def _perform(self, parts: tuple[Part, ...], measures: tuple[Measure, ...]) -> Score:
        order = order_of_performance(self._navigation)
        for code, message, index in order.remarks:
            self._notices.add(code, message, measure=self._numbers[index])
        performed = sum(self._weights[step.measure] for step in order.steps)
        if performed > MAX_PERFORMED:
            raise ScoreError(
                "score_too_long",
                f"With its repeats {self._name} has {performed} notes and marks, more than {MAX_PERFORMED}.",
                hint="Correct the number of repeats, or leave out parts that are not sung.",
            )
        visits: list[Visit] = []
        onset = Fraction(0)
        for step in order.steps:
            visits.append(Visit(*step, onset))
            onset += measures[step.measure].length
            check_denominator(onset, self._name)
        marks = _in_order(self._tempi)
        tempo_map = perform_tempo(marks, self._fermatas, measures, visits)
        seconds = tempo_map.beats_to_seconds(onset)
        if not seconds <= MAX_SECONDS:  # also refuses what is not a number
            raise ScoreError(
                "score_too_long",
                f"{self._name} would take {_spell(seconds)}, longer than {MAX_SECONDS // 60} minutes.",
                hint="Correct its durations, tempi and repeats, or cut the score.",
                place=NOWHERE,
            )
        return Score(
            title=self._title(), composer=self._composer(), parts=parts, measures=measures, tempo_marks=marks,
            visits=tuple(visits), duration=onset, tempo_map=tempo_map, findings=self._notices.findings(),
        )  # fmt: skip

    def open_measure(self, index: int, number: str, nominal: Fraction) -> None:
        """Make room for a measure that no part before had."""
        if index == len(self._numbers):
            self._numbers.append(number)
            self._lengths.append(Fraction(0))
            self._nominal.append(nominal)
            self._weights.append(0)
            self._navigation.append(Navigation())

    def close_measure(self, index: int, length: Fraction, nominal: Fraction, weight: int) -> None:
        """Tell how long a part's measure is, the longest part counts, and how much it holds."""
        self._weights[index] += weight
        if length > self._lengths[index]:
            self._lengths[index] = length
        self._nominal[index] = nominal

    @property
    def notices(self) -> Notices:
        return self._notices

    @property
    def navigation(self) -> list[Navigation]:
        return self._navigation

    @property
    def fermatas(self) -> list[FermataMark]:
        return self._fermatas


class _PartReader:
    """Reads the measures of one part, in order."""

    def __init__(self, name: str, score: _ScoreReader) -> None:
        self._name = name
        self._score = score
        self.spans: list[_Span] = []
        self._notes = NoteReader(name, score.notices)
        self.directions = DirectionReader(name, score.navigation, score.notices)

    def read_measure(self, element: etree._Element, index: int) -> tuple[Note, ...]:
        """The notes of one measure; everything else goes to the score's own lists."""
        notes = self._notes
        number = " ".join(element.get("number", str(index + 1)).split())[:20]
        notes.measure = number
        self._score.open_measure(index, number, notes.nominal)
        found: list[Note] = []
        position: Divisions = 0
        furthest: Divisions = 0
        before: Divisions | None = None
        for child in element:
            tag = child.tag
            if tag == "note":
                if not notes.divisions_given:
                    notes.divisions_given = True
                    notes.notice(
                        "divisions_missing",
                        "The score does not say what a duration means: a quarter note is taken as 1.",
                    )
                note, advance = notes.read(child, position, before)
                if note is None:
                    continue
                found.append(note)
                if note.marks.fermata and note.duration:
                    self._score.fermatas.append(FermataMark(index, note.onset, note.duration))
                if not note.chord:
                    before = position
                position += advance
                if position > furthest:
                    furthest = position
            elif tag == "backup":
                position = max(0, position - self._advance(child))
            elif tag == "forward":
                position += self._advance(child)
                furthest = max(furthest, position)
            elif tag == "direction":
                self.directions.read_direction(child, index, self._onset(child, position), number)
            elif tag == "attributes":
                factor = self._read_attributes(child)
                if factor != 1:
                    check_denominator(position * factor, self._name)
                    position, furthest = position * factor, furthest * factor
                    before = before * factor if before is not None else None
            elif tag == "barline":
                self.directions.read_barline(child, index)
            elif tag == "sound":
                self.directions.read_sound(child, index, notes.beats(position), number)
        length = notes.beats(furthest)
        self.spans.append((length, notes.nominal))
        self._score.close_measure(index, length, notes.nominal, len(element))
        return tuple(found)

    def finish(self) -> None:
        """Tell what is left open at the end of the part."""
        self._notes.close_lines()

    def _advance(self, element: etree._Element) -> Divisions:
        text = child_text(element, "duration")
        return max(0, self._notes.length(text)) if text and text.strip() else 0

    def _onset(self, direction: etree._Element, position: Divisions) -> Fraction:
        offset = child_text(direction, "offset")
        if offset:
            position = max(0, position + read_number(offset, what="offset of a direction", place=self._notes.place))
        return self._notes.beats(position)

    def _read_attributes(self, element: etree._Element) -> Fraction | int:
        factor: Fraction | int = 1
        for child in element:
            tag = child.tag
            if tag == "divisions":
                factor = self._notes.set_divisions(child.text or "")
            elif tag == "time":
                self._read_time(child)
            elif tag == "transpose":
                self._read_transpose(child)
        return factor

    def _read_time(self, element: etree._Element) -> None:
        beats: list[int] = []
        nominal = Fraction(0)
        for child in element:
            if child.tag == "beats":
                beats = [read_whole(text, 0) for text in (child.text or "").split("+")]
            elif child.tag == "beat-type":
                unit = read_whole(child.text, 0)
                if unit <= 0 or unit > 1024 or not beats or min(beats) <= 0 or max(beats) > 1024:
                    self._notes.notice("time_signature_ignored", "A time signature that makes no sense is ignored.")
                    return
                nominal += Fraction(4 * sum(beats), unit)
        if nominal:
            self._notes.nominal = nominal

    def _read_transpose(self, element: etree._Element) -> None:
        place = Place(part=self._name, measure=self._notes.measure)
        semitones = 0.0
        for name, worth in (("chromatic", 1), ("octave-change", 12)):
            text = element.findtext(name)
            if text and text.strip():
                semitones += worth * float(read_number(text, what="transposition", place=place))
        staff = element.get("number")
        self._notes.set_transposition(semitones, read_whole(staff, 1) if staff else None)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())[:200]


def _count_streams(measures: tuple[tuple[Note, ...], ...]) -> dict[tuple[int, str], tuple[int, int]]:
    """Notes and lyric notes of each (staff, voice); a lyric on something that is not sung counts as well."""
    notes: dict[tuple[int, str], int] = {}
    lyrics: dict[tuple[int, str], int] = {}
    for measure in measures:
        for note in measure:
            key = (note.staff, note.voice)
            sung = note.kind == "note" and not note.chord and not note.hidden
            notes[key] = notes.get(key, 0) + sung
            if note.lyrics:
                lyrics[key] = lyrics.get(key, 0) + 1
    return {key: (count, lyrics.get(key, 0)) for key, count in notes.items()}


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


def _spell(seconds: float) -> str:
    if not seconds < 1e9:
        return "for ever"
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"


def check_denominator(beats: Fraction | int, name: str) -> None:
    """Refuse exact times that have become too fine to reckon with."""
    if beats.denominator > _MAX_DENOMINATOR:
        raise ScoreError(
            "score_too_complex",
            f"The divisions of {name} change so often that its beats have no common measure.",
            hint="No notation program writes such a score; export it once more.",
        )
