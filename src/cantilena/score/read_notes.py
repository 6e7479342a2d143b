"""Note elements to :class:`~cantilena.score.model.Note`; the hot loop of the reader.

Conventions
-----------
Positions are in divisions, exact: an int nearly always, a Fraction where a file has decimals or changes its divisions
in the middle of a measure. Beats are made of them once for each distinct value.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, get_args

from lxml import etree

from cantilena.errors import Place
from cantilena.score.melody import Articulation
from cantilena.score.model import NO_MARKS, Grace, Lyric, Note, NoteKind, NoteMarks
from cantilena.score.notices import Notices
from cantilena.score.read_lyrics import read_lyric
from cantilena.score.values import bad_number, read_number, read_whole

Divisions = int | Fraction
"""A length or a position in divisions of a quarter note."""

BeatsCache = dict[int, dict[Divisions, Fraction]]
"""Beats by divisions of a quarter note, and by length or position; parts share one, so that equal means identical."""

NO_BEATS: Final = Fraction(0)
_SEMITONES: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_USUAL_ALTER: Final = 2
_USUAL_PITCHES: Final[dict[tuple[str | None, str | None, str | None], float]] = {
    (step, alter, str(octave)): float(12 * (octave + 1) + semitones + int(alter or 0))
    for step, semitones in _SEMITONES.items()
    for alter in (None, "-2", "-1", "0", "1", "2")
    for octave in range(9)
}
"""Pitches as nearly all scores write them, by step, alter and octave."""
_MAX_DIVISIONS: Final = 1_000_000
_MOST_LYRICS: Final = 32
_ARTICULATIONS: Final[dict[str, Articulation]] = {name: name for name in get_args(Articulation)}
_NOT_READ: Final = frozenset({"type", "stem", "beam", "accidental", "dot", "time-modification", "instrument"})
_STAVES: Final[dict[str | None, int]] = {"1": 1, "2": 2, "3": 3}
_ORNAMENTS: Final = frozenset(
    {
        "trill-mark", "turn", "delayed-turn", "inverted-turn", "delayed-inverted-turn", "vertical-turn", "shake",
        "schleifer", "mordent", "inverted-mordent", "tremolo", "haydn",
    }
)  # fmt: skip
_TYPES: Final = {
    "maxima": Fraction(32), "long": Fraction(16), "breve": Fraction(8), "whole": Fraction(4), "half": Fraction(2),
    "quarter": Fraction(1), "eighth": Fraction(1, 2), "16th": Fraction(1, 4), "32nd": Fraction(1, 8),
    "64th": Fraction(1, 16), "128th": Fraction(1, 32), "256th": Fraction(1, 64), "512th": Fraction(1, 128),
    "1024th": Fraction(1, 256),
}  # fmt: skip


class NoteReader:
    """Reads the notes of one part; knows the part's divisions and transposition at the place being read."""

    def __init__(self, part: str, notices: Notices, beats: BeatsCache) -> None:
        self.part = part
        self.measure = ""
        self.divisions = 1
        self._divisions_given = False
        self.nominal = Fraction(4)
        """Beats of a whole measure by the time signature."""
        self._notices = notices
        self._open_lines: dict[str, str] = {}
        self._transpositions: dict[int, float] = {}
        self._beats_by_divisions = beats
        self._beats = beats.setdefault(self.divisions, {})
        self._lengths: dict[str | None, int] = {}
        """Durations that need no more thought."""

    # --- what attributes set ------------------------------------------------------------------------------------

    def set_divisions(self, text: str) -> Fraction:
        """Take over ``<divisions>``; gives the factor by which positions in divisions change."""
        self._divisions_given = True
        number = self.number(text, "number of divisions")
        if number > _MAX_DIVISIONS:
            raise bad_number("number of divisions", text, self.place)
        if number <= 0 or number != int(number):
            self.notice("divisions_ignored", "A number of divisions that makes no sense is taken as 1.")
            number = 1
        factor = Fraction(int(number), self.divisions)
        if factor != 1:
            self.divisions = int(number)
            self._beats = self._beats_by_divisions.setdefault(self.divisions, {})
        return factor

    def _note_missing_divisions(self) -> None:
        self._divisions_given = True
        message = "The score does not say what a duration means: a quarter note is taken as 1."
        self.notice("divisions_missing", message)

    def set_transposition(self, semitones: float, staff: int | None) -> None:
        """Semitones from written to sounding, for one staff or (None) all of them."""
        if staff is None:
            self._transpositions.clear()
        self._transpositions[staff or 0] = semitones

    # --- lengths ------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        return Place(part=self.part, measure=self.measure)

    def notice(self, code: str, message: str) -> None:
        """Note something about the measure being read."""
        self._notices.add(code, message, part=self.part, measure=self.measure)

    def beats(self, position: Divisions) -> Fraction:
        """Beats of a position or length in divisions."""
        beats = self._beats.get(position)
        if beats is None:
            beats = self._beats[position] = Fraction(position, self.divisions)
        return beats

    def length(self, text: str) -> Divisions:
        """Divisions of the text of a ``<duration>``, which may be negative."""
        known = self._lengths.get(text)
        if known is not None:
            return known
        length = self.number(text, "duration")
        if isinstance(length, int) and length > 0:
            self._lengths[text] = length
        return length

    def number(self, text: str, what: str) -> int | Fraction:
        """A number of the score, or ``score_bad_number``."""
        number = read_number(text)
        if number is None:
            raise bad_number(what, text, self.place)
        return number

    def _length_by_type(self, element: etree._Element) -> Divisions | None:
        """Divisions of a note by its ``<type>``, dots and tuplet, for want of a duration."""
        beats = _TYPES.get((element.findtext("type") or "").strip())
        if beats is None:
            return self.nominal * self.divisions if element.find("rest") is not None else None
        dots = len(element.findall("dot"))
        beats = beats * (2 - Fraction(1, 2**dots)) if dots <= 4 else beats
        actual = read_whole(element.findtext("time-modification/actual-notes"), 1)
        normal = read_whole(element.findtext("time-modification/normal-notes"), 1)
        if 0 < actual < 100 and 0 < normal < 100:
            beats = beats * normal / actual
        return beats * self.divisions

    # --- notes --------------------------------------------------------------------------------------------------

    def read(
        self, element: etree._Element, position: Divisions, chord_position: Divisions | None
    ) -> tuple[Note | None, Divisions]:
        """One ``<note>``.

        Parameters
        ----------
        element : lxml element
        position : Divisions
            Where it stands unless it belongs to a chord.
        chord_position : Divisions or None
            Where the note before it stands; None at the start of a measure.

        Returns
        -------
        note : Note or None
            None when it has to be dropped.
        advance : Divisions
            How far the position moves on: 0 for chord members and grace notes.
        """
        if not self._divisions_given:
            self._note_missing_divisions()
        kind: NoteKind = "unpitched"
        midi = 0.0
        duration_text: str | None = None
        voice = "1"
        staff = 1
        chord = tie_start = tie_stop = cue = hidden = False
        grace: Grace | None = None
        marks = NO_MARKS
        lyrics: tuple[Lyric, ...] = ()
        # a slice is walked a fifth faster than the element itself; the stubs know none
        for child in element[:]:  # type: ignore[index]
            tag = child.tag
            if tag == "pitch":
                kind = "note"
                midi = self._pitch(child)
            elif tag == "duration":
                duration_text = child.text
            elif tag == "voice":
                voice = child.text or "1"
            elif tag in _NOT_READ:  # here, because these are the most frequent after the three above
                continue
            elif tag == "staff":
                staff = _STAVES.get(child.text) or read_whole(child.text, 1)
            elif tag == "rest":
                kind = "rest"
            elif tag == "chord":
                chord = True
            elif tag == "lyric":
                lyrics = self._with_lyric(lyrics, child)
            elif tag == "notations":
                marks, ties = self._marks(child)
                if ties:
                    tie_start, tie_stop = tie_start or "start" in ties, tie_stop or "stop" in ties
            elif tag == "tie":
                if child.get("type") == "start":
                    tie_start = True
                else:
                    tie_stop = True
            elif tag == "grace":
                grace = Grace(child.get("slash") == "yes", child.get("steal-time-previous") is not None)
            elif tag == "cue":
                cue = True
            elif tag == "notehead":
                hidden = child.text == "none"
        if chord:
            if chord_position is None:
                chord = False
                self.notice("chord_flag_ignored", "A measure begins with a chord member: it is read as a note.")
            else:
                position = chord_position
        length: Divisions | None = self._lengths.get(duration_text) if grace is None else 0
        if length is None:
            length = self._new_length(element, duration_text)
            if length is None:
                return None, 0
        if self._transpositions:
            midi += self._transpositions.get(staff, self._transpositions.get(0, 0.0))
        onset, duration = self._beats.get(position), self._beats.get(length)
        note = Note(
            self.beats(position) if onset is None else onset, self.beats(length) if duration is None else duration,
            midi, kind, voice, staff, chord, grace, tie_start, tie_stop, cue, hidden, marks, lyrics,
        )  # fmt: skip
        return note, 0 if chord else length

    def _new_length(self, element: etree._Element, text: str | None) -> Divisions | None:
        """Divisions of a note whose duration has not been met before; None: it has to be dropped."""
        if text is None or not text.strip():
            by_type = self._length_by_type(element)
            if by_type is None:
                self.notice("note_dropped", "A note without a duration is left out.")
            else:
                self.notice("duration_from_type", "The duration of a note is missing and taken from its type.")
            return by_type
        length = self.length(text)
        if length <= 0:
            self.notice("note_dropped", "A note whose duration is not above zero is left out.")
            return None
        if isinstance(length, Fraction):
            self.notice("duration_decimal", "A duration with a decimal point is read as a fraction.")
        return length

    def _pitch(self, element: etree._Element) -> float:
        step = alter = octave = None
        for child in element:
            tag = child.tag
            if tag == "step":
                step = child.text
            elif tag == "octave":
                octave = child.text
            elif tag == "alter":
                alter = child.text
        midi = _USUAL_PITCHES.get((step, alter, octave))
        return self._unusual_pitch(step, alter, octave) if midi is None else midi

    def _unusual_pitch(self, step: str | None, alter: str | None, octave: str | None) -> float:
        semitones = _SEMITONES.get((step or "").strip())
        if semitones is None:
            raise bad_number("step of a pitch", step or "", self.place)
        altered: int | Fraction = 0
        if alter:
            altered = self.number(alter, "alteration of a pitch")
        if not -_USUAL_ALTER <= altered <= _USUAL_ALTER:
            self.notice("pitch_unusual", f"A pitch is altered by {float(altered):g} semitones, and sung so.")
        octaves = self.number(octave or "", "octave of a pitch")
        if octaves != int(octaves):
            raise bad_number("octave of a pitch", octave or "", self.place)
        return float(12 * (octaves + 1) + semitones + altered)

    def _with_lyric(self, lyrics: tuple[Lyric, ...], element: etree._Element) -> tuple[Lyric, ...]:
        lyric = read_lyric(element)
        if lyric.extend and lyric.extend != "line":
            self._follow_line(lyric)
        if not lyric.syllables and lyric.kind == "text":
            return lyrics
        if not lyrics:
            return (lyric,)
        for other in lyrics:
            if other.verse == lyric.verse:
                self.notice("lyric_repeated", f"A note has two lyrics of verse {lyric.verse}: the first is read.")
                return lyrics
        if len(lyrics) == _MOST_LYRICS:
            self.notice("lyric_not_sung", f"Only the first {_MOST_LYRICS} lyrics of a note are read.")
            return lyrics
        return (*lyrics, lyric)

    def _follow_line(self, lyric: Lyric) -> None:
        """Remember a line that is drawn from a syllable until it stops."""
        if lyric.extend == "start":
            self._open_lines[lyric.verse] = self.measure
        elif lyric.extend == "stop":
            self._open_lines.pop(lyric.verse, None)

    def close_lines(self) -> None:
        """Tell of lines that are still open at the end of the part."""
        for measure in self._open_lines.values():
            self.measure = measure
            self.notice(
                "extend_unclosed", "A line after a syllable never ends: the syllable lasts to the end of its phrase."
            )

    def _marks(self, notations: etree._Element) -> tuple[NoteMarks, str]:
        """What stands at a note, and the types of its drawn ties."""
        articulations: set[Articulation] = set()
        starts: list[str] = []
        stops: list[str] = []
        unsung: list[str] = []
        ties = ""
        breath = fermata = False
        for child in notations:
            tag = child.tag
            if tag == "slur":
                kind = child.get("type")
                if kind == "start":
                    starts.append(child.get("number", "1"))
                elif kind == "stop":
                    stops.append(child.get("number", "1"))
            elif tag == "tied":
                ties += child.get("type", "")
            elif tag == "articulations":
                for mark in child:
                    name = str(mark.tag)
                    if name in _ARTICULATIONS:
                        articulations.add(_ARTICULATIONS[name])
                    elif name in ("breath-mark", "caesura"):
                        breath = True
            elif tag == "fermata":
                fermata = True
            elif tag == "ornaments":
                unsung += [str(mark.tag) for mark in child if mark.tag in _ORNAMENTS]
            elif tag in ("glissando", "slide"):
                if child.get("type") == "start":
                    unsung.append(str(tag))
            elif tag == "dynamics" and any(str(mark.tag).startswith(("sf", "fz", "rf")) for mark in child):
                articulations.add("accent")
        if not (articulations or starts or stops or breath or fermata or unsung):
            return NO_MARKS, ties
        marks = NoteMarks(frozenset(articulations), tuple(starts), tuple(stops), breath, fermata, tuple(unsung))
        return marks, ties
