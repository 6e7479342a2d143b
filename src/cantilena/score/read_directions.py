"""Directions, barlines and sounds: tempo, dynamics, and the way through repeats and jumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from lxml import etree

from cantilena.score.model import DynamicKind, DynamicMark, Navigation, TempoMark
from cantilena.score.read_notes import Divisions, NoteReader
from cantilena.score.tempo_words import interpret_tempo_words
from cantilena.score.values import read_whole

MAX_BPM: Final = 480.0
_ENDING_NUMBERS: Final = 16
_MOST_TEXT: Final = 200

_LEVELS: Final = {
    "pppppp": -24.0, "ppppp": -22.0, "pppp": -19.0, "ppp": -15.0, "pp": -10.5, "p": -6.5, "mp": -3.0, "mf": 0.0,
    "f": 3.5, "ff": 6.5, "fff": 9.0, "ffff": 11.0, "fffff": 12.0, "ffffff": 13.0, "n": -24.0,
}  # fmt: skip
_LEVELS_AFTER: Final = {"fp": ("f", "p"), "pf": ("p", "f"), "sfp": ("f", "p"), "sfpp": ("f", "pp")}
_WEDGES: Final[dict[str, DynamicKind]] = {"crescendo": "crescendo", "diminuendo": "diminuendo", "stop": "stop"}
_BEAT_UNITS: Final = {
    "whole": 4.0,
    "half": 2.0,
    "quarter": 1.0,
    "eighth": 0.5,
    "16th": 0.25,
    "32nd": 0.125,
    "breve": 8.0,
}
_NUMBER = re.compile(r"\d{1,4}(?:[.,]\d{1,4})?")
_CRESCENDO = re.compile(r"(?<!\w)(?:cresc|cres|crescendo|aumentando|anschwellend)(?!\w)", re.I)
_DIMINUENDO = re.compile(r"(?<!\w)(?:dim|dimin|diminuendo|decresc|decrescendo|abnehmend)(?!\w)", re.I)
_NOT = re.compile(r"(?<!\w)(?:non|senza|sans|ohne|no)(?!\w)", re.I)
_DA_CAPO = re.compile(r"(?<!\w)(?:d\.? ?c\.?|da capo)(?!\w)", re.I)
_DAL_SEGNO = re.compile(r"(?<!\w)(?:d\.? ?s\.?|dal segno)(?!\w)", re.I)
_TO_CODA = re.compile(r"^\(?(?:to|alla|zur) coda\W*$", re.I)
_FINE = re.compile(r"^\W*fine\W*$", re.I)


class DirectionReader:
    """Reads what stands beside the notes of one part; navigation goes to the measures of all parts."""

    def __init__(self, notes: NoteReader, navigation: list[Navigation]) -> None:
        self.tempi: list[TempoMark] = []
        self.dynamics: list[DynamicMark] = []
        self._notes = notes
        self._navigation = navigation

    # --- directions ---------------------------------------------------------------------------------------------

    def read_direction(self, element: etree._Element, measure: int, position: Divisions) -> None:
        """One ``<direction>``, at a position of the measure that may be shifted by its ``<offset>``."""
        words: list[str] = []
        dynamics: list[etree._Element] = []
        metronome: float | None = None
        staff: int | None = None
        sound: etree._Element | None = None
        for child in element:
            tag = child.tag
            if tag == "direction-type":
                for kind in child:
                    name = kind.tag
                    if name == "words":
                        words.append(kind.text or "")
                    elif name in ("dynamics", "wedge"):
                        dynamics.append(kind)
                    elif name == "metronome":
                        metronome = _metronome_bpm(kind)
                    elif name == "segno":
                        self._navigation[measure].segno.add("")
                    elif name == "coda":
                        self._navigation[measure].coda.add("")
            elif tag == "staff":
                staff = read_whole(child.text, 1)
            elif tag == "sound":
                sound = child
            elif tag == "offset" and child.text:
                position = max(0, position + self._notes.number(child.text, "offset of a direction"))
        onset = self._notes.beats(position)
        for kind in dynamics:
            self._read_dynamics(kind, measure, onset, staff)
        text = " ".join(" ".join(words).split())[:_MOST_TEXT] if words else ""
        tempo = sound.get("tempo") if sound is not None else None
        if not self._read_number(tempo, metronome, text, measure, onset) and text:
            self._read_words(text, measure, onset, staff)
        if sound is not None:
            self._read_jumps(sound, measure)

    def read_sound(self, element: etree._Element, measure: int, position: Divisions) -> None:
        """One ``<sound>`` that stands by itself."""
        self._read_number(element.get("tempo"), None, "", measure, self._notes.beats(position))
        self._read_jumps(element, measure)

    def _read_number(
        self, given: str | None, metronome: float | None, text: str, measure: int, onset: Fraction
    ) -> bool:
        """A tempo in figures, if there is one that makes sense."""
        bpm = metronome
        if given is not None:
            heard = _positive(given)
            if heard is None:
                self._notes.notice("tempo_ignored", "A tempo that is not a number above zero is ignored.")
            bpm = heard or bpm
        if bpm is None:
            return False
        if bpm > MAX_BPM:
            message = f"A tempo above {MAX_BPM:g} quarter notes a minute is taken as {MAX_BPM:g}."
            self._notes.notice("tempo_clamped", message)
            bpm = MAX_BPM
        self.tempi.append(TempoMark(measure, onset, "set", bpm, text, numeric=True))
        return True

    def _read_words(self, text: str, measure: int, onset: Fraction, staff: int | None) -> None:
        tempo = interpret_tempo_words(text)
        if tempo is not None:
            self.tempi.append(TempoMark(measure, onset, tempo.kind, tempo.value, text, numeric=False))
        if len(text) <= 48 and not _NOT.search(text):
            if _CRESCENDO.search(text):
                self.dynamics.append(DynamicMark(measure, onset, staff, "crescendo"))
            elif _DIMINUENDO.search(text):
                self.dynamics.append(DynamicMark(measure, onset, staff, "diminuendo"))
        self._read_jump_words(text, measure, onset)

    def _read_jump_words(self, text: str, measure: int, onset: Fraction) -> None:
        place = self._navigation[measure]
        if _DA_CAPO.search(text):
            place.jump_at_start = not onset and not place.da_capo
            place.da_capo = True
        elif _DAL_SEGNO.search(text):
            place.jump_at_start = not onset and place.dal_segno is None
            place.dal_segno = place.dal_segno or ""
        elif _TO_CODA.match(text):
            place.to_coda = True
        elif _FINE.match(text):
            place.fine = True

    def _read_dynamics(self, element: etree._Element, measure: int, onset: Fraction, staff: int | None) -> None:
        if element.tag == "wedge":
            wedge = _WEDGES.get(element.get("type", ""))
            if wedge is not None:
                self.dynamics.append(DynamicMark(measure, onset, staff, wedge, drawn=True))
            return
        for sign in element:
            name = str(sign.tag)
            level, after = _LEVELS_AFTER.get(name, (name, None))
            if level in _LEVELS:
                then = _LEVELS[after] if after else None
                self.dynamics.append(DynamicMark(measure, onset, staff, "level", _LEVELS[level], then))

    # --- the way through the measures ---------------------------------------------------------------------------

    def _read_jumps(self, sound: etree._Element, measure: int) -> None:
        place = self._navigation[measure]
        for name, given in sound.attrib.items():
            label = str(given)
            if name == "segno":
                place.segno.add(label)
            elif name == "coda":
                place.coda.add(label)
            elif name == "dalsegno":
                place.dal_segno = label
                place.jump_at_start = False
            elif name == "dacapo" and label == "yes":
                place.da_capo = True
                place.jump_at_start = False
            elif name == "tocoda":
                place.to_coda = True
            elif name == "fine":
                place.fine = True
            elif name == "forward-repeat":
                place.forward = True

    def read_barline(self, element: etree._Element, measure: int) -> None:
        """One ``<barline>``: repeat signs, endings, segno and coda."""
        place = self._navigation[measure]
        for child in element:
            tag = child.tag
            if tag == "repeat":
                if child.get("direction") == "forward":
                    place.forward = True
                elif child.get("direction") == "backward":
                    place.backward = max(place.backward or 2, read_whole(child.get("times"), 2))
            elif tag == "ending":
                if child.get("type") == "start":
                    place.ending = _ending_numbers(child.get("number", "") or (child.text or ""))
                else:
                    place.ending_stops = True
                    place.ending_open = child.get("type") == "discontinue"
            elif tag == "segno":
                place.segno.add(element.get("segno", ""))
            elif tag == "coda":
                place.coda.add(element.get("coda", ""))


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number > 0 else None  # also refuses NaN


def _metronome_bpm(element: etree._Element) -> float | None:
    """Quarter notes a minute of a metronome mark; None for one that has no number, such as an equation of notes."""
    unit = 0.0
    dots = 0
    number: float | None = None
    for child in element:
        tag = child.tag
        if tag == "beat-unit":
            if unit:  # a second note: an equation
                return None
            unit = _BEAT_UNITS.get((child.text or "").strip(), 0.0)
        elif tag == "beat-unit-dot":
            dots += 1
        elif tag == "per-minute":
            numbers = [float(found.replace(",", ".")) for found in _NUMBER.findall(child.text or "")][:2]
            number = sum(numbers) / len(numbers) if numbers else None
    if not number or not unit or dots > 3:
        return None
    return number * unit * (2.0 - 0.5**dots)


def _ending_numbers(text: str) -> tuple[int, ...]:
    """Passes on which an ending is played: "1, 2", "1-3", "2."; (1,) where no number is given.

    >>> _ending_numbers("1, 3"), _ending_numbers("2-4"), _ending_numbers("")
    ((1, 3), (2, 3, 4), (1,))
    """
    return tuple(dict.fromkeys(_spelled_out(text)))[:_ENDING_NUMBERS] or (1,)


def _spelled_out(text: str) -> Iterator[int]:
    for first, last in re.findall(r"(\d{1,3})(?:\s*[-\u2013]\s*(\d{1,3}))?", text):
        begin, end = int(first), int(last or first)
        yield from (n for n in range(begin, min(end, begin + _ENDING_NUMBERS) + 1) if n > 0)
