"""One part of a score, measure by measure; what belongs to the measures of all parts goes to a common sheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from lxml import etree

from cantilena.errors import ScoreError
from cantilena.score.model import NO_MARKS, DynamicMark, FermataMark, Navigation, Note, TempoMark
from cantilena.score.notices import Notices
from cantilena.score.read_directions import DirectionReader
from cantilena.score.read_notes import NO_BEATS, BeatsCache, Divisions, NoteReader
from cantilena.score.values import read_whole

_MAX_DENOMINATOR: Final = 10**15
"""Of a beat; divisions that have nothing to do with one another would make exact time arbitrarily slow."""


@dataclass(slots=True)
class MeasureSheet:
    """What all parts together say of the measures, by index.

    Attributes
    ----------
    numbers : list of str
        As printed.
    lengths, nominal : list of Fraction
        Beats that the longest part fills, and beats by the time signature.
    weights : list of int
        How many notes and marks there are.
    navigation : list of Navigation
    fermatas : list of FermataMark
        In the order of the parts.
    beats : dict
        What parts know of positions already.
    """

    numbers: list[str] = field(default_factory=list)
    lengths: list[Fraction] = field(default_factory=list)
    nominal: list[Fraction] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    navigation: list[Navigation] = field(default_factory=list)
    fermatas: list[FermataMark] = field(default_factory=list)
    beats: BeatsCache = field(default_factory=dict)

    def open(self, index: int, number: str, nominal: Fraction) -> None:
        """Make room for a measure that no part before had."""
        if index == len(self.numbers):
            self.numbers.append(number)
            self.lengths.append(NO_BEATS)
            self.nominal.append(nominal)
            self.weights.append(0)
            self.navigation.append(Navigation())

    def close(self, index: int, length: Fraction, nominal: Fraction, weight: int) -> None:
        """Tell how long a part's measure is, and how much it holds; the longest part counts."""
        self.weights[index] += weight
        self.nominal[index] = nominal
        longest = self.lengths[index]
        if longest is NO_BEATS or (length is not longest and length > longest):  # comparing fractions takes its time
            self.lengths[index] = length


class PartReader:
    """Reads the measures of one part, in order."""

    def __init__(self, name: str, sheet: MeasureSheet, notices: Notices) -> None:
        self._sheet = sheet
        self._notes = NoteReader(name, notices, sheet.beats)
        self._directions = DirectionReader(self._notes, sheet.navigation)
        self.spans: list[Fraction] = []
        """Beats that the part fills in each measure."""
        self.metres: list[tuple[int, Fraction]] = [(0, self._notes.nominal)]
        """Indices of measures, and beats of a measure from there on."""

    @property
    def tempi(self) -> list[TempoMark]:
        return self._directions.tempi

    @property
    def dynamics(self) -> list[DynamicMark]:
        return self._directions.dynamics

    def read_part(self, element: etree._Element) -> tuple[tuple[Note, ...], ...]:
        """The notes of all measures."""
        measures = tuple(
            self._read_measure(measure, index)
            for index, measure in enumerate(child for child in element if child.tag == "measure")
        )
        self._notes.close_lines()
        return measures

    def _read_measure(self, element: etree._Element, index: int) -> tuple[Note, ...]:
        notes, sheet = self._notes, self._sheet
        number = " ".join(element.get("number", str(index + 1)).split())[:20]
        notes.measure = number
        sheet.open(index, number, notes.nominal)
        found: list[Note] = []
        position: Divisions = 0
        furthest: Divisions = 0
        before: Divisions | None = None
        for child in element:
            tag = child.tag
            if tag == "note":
                note, advance = notes.read(child, position, before)
                if note is None:
                    continue
                found.append(note)
                if note.marks is not NO_MARKS and note.marks.fermata and note.duration:
                    sheet.fermatas.append(FermataMark(index, note.onset, note.duration))
                if not note.chord:
                    before = position
                    position += advance
                    if position > furthest:
                        furthest = position
            elif tag == "direction":
                self._directions.read_direction(child, index, position)
            elif tag == "backup":
                position = max(0, position - self._advance(child))
            elif tag == "forward":
                position += self._advance(child)
                furthest = max(furthest, position)
            elif tag == "attributes":
                factor = self._read_attributes(child, index)
                if factor != 1:
                    position, furthest = position * factor, furthest * factor
                    before = before * factor if before is not None else None
                    check_denominator(position)
            elif tag == "barline":
                self._directions.read_barline(child, index)
            elif tag == "sound":
                self._directions.read_sound(child, index, position)
        length = notes.beats(furthest)
        self.spans.append(length)
        sheet.close(index, length, notes.nominal, len(element))
        return tuple(found)

    def _advance(self, element: etree._Element) -> Divisions:
        for child in element:
            if child.tag == "duration" and child.text and child.text.strip():
                return max(0, self._notes.length(child.text))
        return 0

    # --- attributes ---------------------------------------------------------------------------------------------

    def _read_attributes(self, element: etree._Element, index: int) -> Fraction | int:
        """Take over what changes; gives the factor by which positions in divisions change."""
        factor: Fraction | int = 1
        for child in element:
            tag = child.tag
            if tag == "divisions":
                factor = self._notes.set_divisions(child.text or "")
            elif tag == "time":
                self._read_time(child, index)
            elif tag == "transpose":
                self._read_transpose(child)
            elif tag == "measure-style" and any(style.tag == "measure-repeat" for style in child):
                self._notes.notice("simile_not_sung", "A sign that repeats the measure before it is not followed.")
        return factor

    def _read_time(self, element: etree._Element, index: int) -> None:
        beats: list[int] = []
        nominal = Fraction(0)
        for child in element:
            if child.tag == "beats":
                beats = [read_whole(text, 0) for text in (child.text or "").split("+")]
            elif child.tag == "beat-type":
                unit = read_whole(child.text, 0)
                if not 0 < unit <= 1024 or not beats or min(beats) <= 0 or max(beats) > 1024:
                    self._notes.notice("time_signature_ignored", "A time signature that makes no sense is ignored.")
                    return
                nominal += Fraction(4 * sum(beats), unit)
        if nominal:
            self._notes.nominal = nominal
            self.metres.append((index, nominal))

    def _read_transpose(self, element: etree._Element) -> None:
        semitones = 0.0
        for name, worth in (("chromatic", 1), ("octave-change", 12)):
            text = element.findtext(name)
            if text and text.strip():
                semitones += worth * float(self._notes.number(text, "transposition"))
        staff = element.get("number")
        self._notes.set_transposition(semitones, read_whole(staff, 1) if staff else None)


def count_streams(measures: tuple[tuple[Note, ...], ...]) -> dict[tuple[int, str], tuple[int, int]]:
    """Notes and lyric notes of each (staff, voice); a lyric on something that is not sung counts as well."""
    streams: dict[tuple[int, str], list[int]] = {}
    for measure in measures:
        for note in measure:
            key = (note.staff, note.voice)
            counts = streams.get(key)
            if counts is None:
                counts = streams[key] = [0, 0]
            if note.kind == "note" and not note.chord and not note.hidden:
                counts[0] += 1
            if note.lyrics:
                counts[1] += 1
    return {key: (notes, lyric_notes) for key, (notes, lyric_notes) in streams.items()}


def check_denominator(beats: Fraction | int) -> None:
    """Refuse exact times that have become too fine to reckon with."""
    if beats.denominator > _MAX_DENOMINATOR:
        raise ScoreError(
            "score_too_complex",
            "The divisions of the score change so often that its beats have no common measure.",
            hint="No notation program writes such a score; export it once more.",
        )
