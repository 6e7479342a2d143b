"""A score to the one line that is sung: part, verse and measures chosen, repeats expanded, ties merged, words joined.

Conventions
-----------
Onsets are beats of the performance, counted from the first measure that is sung.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

from cantilena.errors import LyricError, OptionError, Place, ScoreError
from cantilena.score.line_notes import ChordNote, WrittenNote, line_notes
from cantilena.score.lyric_text import HUMMING, MAX_SYLLABLE, CleanSyllable, clean_lyric, clean_text, is_hyphen
from cantilena.score.melody import Melody, MelodyNote, Syllable
from cantilena.score.model import Lyric, Score, Visit
from cantilena.score.notices import Notices
from cantilena.score.performed_dynamics import perform_dynamics
from cantilena.score.sung_notes import SungNote, merge_ties, place_graces, slurred_notes
from cantilena.score.verses import choose_lyrics, find_verse, share_lyrics, verse_labels, verse_of_turn
from cantilena.score.voices import Line, all_lines, choose_line, words_for
from cantilena.score.words import PlacedSyllable, join_words

MAX_SUNG_NOTES: Final = 20_000
WORDLESS: Final = "ah"
"""What is sung before the first word of a song."""


def extract_melody(
    score: Score,
    *,
    part: str | None = None,
    verse: str | None = None,
    measures: tuple[str, str] | None = None,
    chord_note: ChordNote = "top",
    vocalise: str | None = None,
) -> Melody:
    """The line of a score that is sung.

    Parameters
    ----------
    score : Score
    part : str or None
        Id or printed name, upper or lower case alike; ``id/2`` and the like for the voices of a shared part. None:
        the topmost part with words.
    verse : str or None
        Label of the verse to sing on every pass; None: verse N on pass N.
    measures : (str, str) or None
        First and last measure by their printed numbers: the first such stretch of the performance. Times restart at 0.
    chord_note : {"top", "bottom"} or int
        Which note of a chord is sung; a number counts from the top, 1 being the top.
    vocalise : str or None
        A syllable to sing in place of any words.

    Returns
    -------
    Melody

    Raises
    ------
    OptionError
        ``part_unknown``, ``verse_unknown``, ``measure_unknown``, ``option_out_of_range``.
    ScoreError
        ``score_no_vocal_part``, ``score_no_lyrics``, ``score_no_sung_notes``, ``score_too_long``,
        ``pitch_out_of_range``.
    LyricError
        ``lyric_too_long``.
    """
    _check_options(chord_note, vocalise)
    line = choose_line(score, part, words_needed=vocalise is None)
    return _Extraction(score, line, chord_note).melody(verse=verse, measures=measures, vocalise=vocalise)


def _check_options(chord_note: ChordNote, vocalise: str | None) -> None:
    if chord_note not in ("top", "bottom") and not (isinstance(chord_note, int) and chord_note >= 1):
        raise OptionError(
            "option_out_of_range", f"--chord-note is {chord_note!r}, but must be top, bottom or a number from 1 on.",
            hint="1 is the top note of a chord, 2 the one below it.",
        )  # fmt: skip
    if vocalise is not None and (len(vocalise) > MAX_SYLLABLE or len(clean_text(vocalise).split()) != 1):
        raise OptionError(
            "option_out_of_range", f"--vocalise is {vocalise[:40]!r}, but must be one syllable.",
            hint="Give a syllable such as la or ah.",
        )  # fmt: skip


class _Extraction:
    """One line on its way from the page to a melody."""

    def __init__(self, score: Score, line: Line, chord_note: ChordNote) -> None:
        self._score = score
        self._line = line
        self._chord_note = chord_note
        self._notices = Notices()
        self._written = line_notes(score, line, self._notices, chord_note=chord_note)

    def melody(self, *, verse: str | None, measures: tuple[str, str] | None, vocalise: str | None) -> Melody:
        """Everything in order; see :func:`extract_melody`."""
        visits, start = self._cut(measures)
        notes = self._perform(visits)
        if not any(not note.written.grace for note in notes):
            raise self._no_notes(measures)
        if vocalise is None:
            self._choose_words(notes, verse, whole=measures is None)
        notes = merge_ties([note for note in notes if not note.dropped])
        notes = self._place_graces(notes)
        if not notes:
            raise self._no_notes(measures)
        slurred = slurred_notes(notes)
        syllables = self._words(notes) if vocalise is None else self._vocalise(notes, vocalise, slurred)
        self._check_pitches(notes)
        last = visits[-1]
        return Melody(
            part_id=self._line.id,
            part=self._line.name,
            notes=_melody_notes(notes, syllables, slurred),
            tempo_map=self._score.tempo_map.starting_at(start) if start else self._score.tempo_map,
            dynamics=perform_dynamics(self._line.part.dynamics, self._line.stream[0], self._score.measures, visits),
            duration=last.onset + self._score.measures[last.measure].length,
            findings=self._score.findings + self._notices.findings(),
        )

    # --- measures -----------------------------------------------------------------------------------------------

    def _cut(self, measures: tuple[str, str] | None) -> tuple[Sequence[Visit], Fraction]:
        """The visits to sing, their onsets counted from the first of them, and where that one stood."""
        visits = self._score.visits
        if measures is None:
            return visits, Fraction(0)
        numbers = [self._score.measures[visit.measure].number for visit in visits]
        first, last = (text.strip() for text in measures)
        for wanted in (first, last):
            if wanted not in numbers:
                raise self._measure_unknown(f"The score has no measure {wanted[:20]!r}.", numbers)
        begin = numbers.index(first)
        if last not in numbers[begin:]:
            raise self._measure_unknown(f"Measure {last} does not come after measure {first}.", numbers)
        start = visits[begin].onset
        cut = visits[begin : numbers.index(last, begin) + 1]
        return [visit._replace(onset=visit.onset - start) for visit in cut], start

    def _measure_unknown(self, message: str, numbers: Sequence[str]) -> OptionError:
        hint = f"Its measures run from {numbers[0]} to {numbers[-1]}." if numbers else "It has no measures."
        return OptionError("measure_unknown", message, hint=hint)

    def _perform(self, visits: Sequence[Visit]) -> list[SungNote]:
        """Every note of every visited measure, repeats written out; counted before that."""
        count = sum(len(self._written[visit.measure]) for visit in visits)
        if count > MAX_SUNG_NOTES:
            raise ScoreError(
                "score_too_long", f"Part {self._line.name} has {count} notes to sing, more than {MAX_SUNG_NOTES}.",
                hint="Sing it in pieces with --measures.", place=Place(part=self._line.name),
            )  # fmt: skip
        return [
            SungNote(
                visit.onset + written.onset, written.duration, written,
                self._score.measures[visit.measure].number, visit,
            )
            for visit in visits
            for written in self._written[visit.measure]
        ]  # fmt: skip

    def _no_notes(self, measures: tuple[str, str] | None) -> ScoreError:
        where = f" from measure {measures[0]} to {measures[1]}" if measures else ""
        return ScoreError(
            "score_no_sung_notes", f"Part {self._line.name} has no note that could be sung{where}.",
            hint="Name another part with --part, or other measures.", place=Place(part=self._line.name),
        )  # fmt: skip

    def _check_pitches(self, notes: Iterable[SungNote]) -> None:
        for note in notes:
            if not 0.0 <= note.written.midi <= 127.0:
                raise ScoreError(
                    "pitch_out_of_range",
                    f"A note of part {self._line.name} in measure {note.measure} has the pitch {note.written.midi:g},"
                    " outside the MIDI range of 0 to 127.",
                    hint="Correct the note, or the transposition of the part.",
                    place=Place(part=self._line.name, measure=note.measure),
                )

    # --- words --------------------------------------------------------------------------------------------------

    def _choose_words(self, notes: list[SungNote], verse: str | None, *, whole: bool) -> None:
        """Give each note its lyrics; of the whole song also tell which verses nobody hears."""
        own = verse_labels(lyric for measure in self._written for note in measure for lyric in note.lyrics)
        neighbours = self._neighbours()
        labels = own or verse_labels(
            lyric for written in neighbours for measure in written for note in measure for lyric in note.lyrics
        )
        if verse is not None:
            found = find_verse(labels, verse)
            if found is None:
                listed = ", ".join(labels)
                raise OptionError(
                    "verse_unknown",
                    f"Part {self._line.name} has no verse {verse[:40]!r}.",
                    hint=f"It has these: {listed}." if listed else "It has no words.",
                )
            verse = found
        for code, message, measure in choose_lyrics(notes, labels, verse):
            self._notice(code, message, measure)
        for written in neighbours:
            self._share(notes, written, labels, verse)
        if verse is None and whole:
            self._note_verses_left_out(notes, own)
        self._drop_laughs(notes)

    def _neighbours(self) -> list[tuple[tuple[WrittenNote, ...], ...]]:
        """The line whose words this one may share, if there is one."""
        others = words_for(self._line, all_lines(self._score))
        return [line_notes(self._score, other, Notices()) for other in others[:1]]

    def _share(
        self, notes: list[SungNote], written: Sequence[Sequence[WrittenNote]], labels: Sequence[str], verse: str | None
    ) -> None:
        def choose(lyrics: tuple[Lyric, ...], turn: int) -> Lyric | None:
            label = verse if verse is not None else verse_of_turn(labels, turn)
            by_label = {lyric.verse: lyric for lyric in lyrics}
            return by_label.get(label) or by_label[verse_of_turn(verse_labels(lyrics), turn)]

        first = share_lyrics(notes, dict(enumerate(written)), choose, wordless=not self._line.own_lyric_notes)
        if first is not None:
            self._notice(
                "lyrics_shared", "The voice has no words of its own here: it sings those of its neighbour.", first
            )

    def _note_verses_left_out(self, notes: Iterable[SungNote], labels: Sequence[str]) -> None:
        sung = {lyric.verse for note in notes for lyric in note.lyrics}
        first = {
            lyric.verse: self._score.measures[index].number
            for index in reversed(range(len(self._written)))
            for note in self._written[index]
            for lyric in note.lyrics
        }
        left_out = [label for label in labels if label not in sung]
        if left_out:
            many = len(left_out) > 1
            which = f"Verses {', '.join(left_out)} are" if many else f"Verse {left_out[0]} is"
            self._notices.add(
                "verse_not_sung",
                f"{which} not sung: no repeat leads to {'them' if many else 'it'}.",
                part=self._line.name,
                measure=first[left_out[0]],
                hint=f"Sing {'one of them' if many else 'it'} with --verse {left_out[0]}.",
            )
        if labels and labels[0].isdecimal() and int(labels[0]) > 1 and labels[0] in sung:
            message = f"There is no verse 1: the lowest, verse {labels[0]}, is sung."
            self._notice("verse_one_missing", message, first[labels[0]])

    def _drop_laughs(self, notes: Iterable[SungNote]) -> None:
        for note in notes:
            if any(lyric.kind == "laughing" for lyric in note.lyrics):
                note.dropped = True
                self._notice("laugh_not_sung", "A laugh is not sung.", note.measure)

    def _words(self, notes: Sequence[SungNote]) -> dict[int, tuple[Syllable, ...]]:
        placed: list[PlacedSyllable] = []
        for n, note in enumerate(notes):
            here = [
                PlacedSyllable(n, syllable, note.measure, lyric.language)
                for lyric in note.lyrics
                for syllable in self._clean(lyric, note.measure)
            ]
            if note.lyrics and not here:
                message = "A syllable without letters is sung as a continuation of the one before."
                self._notice("lyric_blank", message, note.measure)
                if placed and any(is_hyphen(text.strip()) for lyric in note.lyrics for text, _ in lyric.syllables):
                    placed[-1] = placed[-1]._replace(hyphen_under_next=True)
            if not here and not placed:
                message = f"The song begins without words: until the first one {WORDLESS!r} is sung."
                self._notice("lyric_missing", message, note.measure)
                here.append(PlacedSyllable(n, CleanSyllable(WORDLESS, "single", WORDLESS), note.measure, None))
            placed += here
            if any(lyric.kind == "humming" for lyric in note.lyrics):
                self._notice("humming", f"Humming is sung on {HUMMING!r}.", note.measure)
        return join_words(placed, part=self._line.name, notices=self._notices)

    def _clean(self, lyric: Lyric, measure: str) -> tuple[CleanSyllable, ...]:
        letters = sum(1 + len(text) for text, _ in lyric.syllables) - 1
        if letters > MAX_SYLLABLE:
            raise LyricError(
                "lyric_too_long",
                f"A note of part {self._line.name} in measure {measure} has {letters} letters under it,"
                f" more than {MAX_SYLLABLE}.",
                hint="Put one syllable under each note.",
                place=Place(part=self._line.name, measure=measure),
            )
        return clean_lyric(lyric)

    def _vocalise(
        self, notes: Sequence[SungNote], text: str, slurred: frozenset[int]
    ) -> dict[int, tuple[Syllable, ...]]:
        """The same syllable on every note that no slur leads to."""
        placed = [
            PlacedSyllable(n, CleanSyllable(clean_text(text), "single", text.strip()), note.measure, None)
            for n, note in enumerate(notes)
            if n == 0 or n not in slurred
        ]
        return join_words(placed, part=self._line.name, notices=self._notices)

    def _place_graces(self, notes: Sequence[SungNote]) -> list[SungNote]:
        placed, homeless = place_graces(notes)
        for note in homeless:
            self._notice("grace_not_sung", "A grace note that leads to no note is not sung.", note.measure)
        return placed

    def _notice(self, code: str, message: str, measure: str) -> None:
        self._notices.add(code, message, part=self._line.name, measure=measure)


def _melody_notes(
    notes: Sequence[SungNote], syllables: dict[int, tuple[Syllable, ...]], slurred: frozenset[int]
) -> tuple[MelodyNote, ...]:
    found: list[MelodyNote] = []
    verse = "1"
    for n, note in enumerate(notes):
        if note.lyrics:
            verse = note.lyrics[-1].verse
        marks = note.written.marks
        found.append(
            MelodyNote(
                id=n, onset=note.onset, duration=note.duration, midi=note.written.midi, syllables=syllables.get(n, ()),
                measure=note.measure, verse=verse, articulations=marks.articulations, slurred=n in slurred,
                breath_after=marks.breath_after, grace=note.written.grace is not None,
            )
        )  # fmt: skip
    return tuple(found)
