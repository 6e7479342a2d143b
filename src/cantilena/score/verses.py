"""Which words each note of the performance sings: verse N on pass N, or the one verse asked for.

Conventions
-----------
Verses are labels. Those with a number are the verses of a song, in order of that number: on pass N the N-th is sung,
and the first again when there are no more. A label may hold several numbers ("1|3"): it is sung on those passes.
Where a stretch has no words in the verse whose turn it is (a refrain printed once, a last line common to all), the
words it has are sung. A voice without words takes those that stand under its neighbour at the same time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from cantilena.score.line_notes import WrittenNote
from cantilena.score.model import Lyric
from cantilena.score.sung_notes import SungNote

_OWN_STRETCH: Final = 3
"""From so many words of another verse on, a gap right after a word is no melisma but a stretch with common words."""
_MANY_VERSES: Final = 3
_PICKUP: Final = 2
"""Up to so many notes before a phrase belong to another verse alone, and rest in this one."""
_NUMBERS = re.compile(r"\d{1,3}")


def verse_labels(lyrics: Iterable[Lyric]) -> tuple[str, ...]:
    """All labels, by number first, then as they come."""
    labels = dict.fromkeys(lyric.verse for lyric in lyrics)
    return tuple(sorted(labels, key=lambda label: _numbers(label)[:1] or [1_000_000]))


def _numbers(label: str) -> list[int]:
    return [int(number) for number in _NUMBERS.findall(label)]


def verse_of_turn(labels: Sequence[str], turn: int) -> str:
    """The label that is sung on a pass, counted from 1.

    >>> [verse_of_turn(("1", "2"), turn) for turn in (1, 2, 3)], verse_of_turn(("1|3", "2"), 3)
    (['1', '2', '1'], '1|3')
    """
    numbered = [label for label in labels if _numbers(label)] or list(labels)
    if not numbered:
        return "1"
    if any(len(_numbers(label)) > 1 for label in numbered):
        for label in numbered:
            if turn in _numbers(label):
                return label
    return numbered[(turn - 1) % len(numbered)]


def find_verse(labels: Sequence[str], asked: str) -> str | None:
    """The label that a user means: itself, or one of the numbers that it holds.

    >>> find_verse(("1|3", "2"), "3"), find_verse(("Chorus",), "chorus"), find_verse(("1",), "2")
    ('1|3', 'Chorus', None)
    """
    wanted = " ".join(asked.casefold().split())
    exact = (label for label in labels if label.casefold() == wanted)
    holding = (label for label in labels if wanted.isdecimal() and wanted in _NUMBERS.findall(label))
    return next(exact, None) or next(holding, None)


def choose_lyrics(notes: Sequence[SungNote], labels: Sequence[str], verse: str | None) -> list[tuple[str, str, str]]:
    """Give each note the lyric it sings, if any.

    Parameters
    ----------
    notes : sequence of SungNote
        In order; their ``lyrics`` are set, and ``dropped`` where a note belongs to another verse alone.
    labels : sequence of str
        All verses of the line, as :func:`verse_labels` gives them.
    verse : str or None
        The verse asked for; None: verse N on pass N.

    Returns
    -------
    list of (code, message, measure)
        What is worth telling.
    """
    told: list[tuple[str, str, str]] = []
    wanted: dict[int, str] = {}
    for note in notes:
        turn = note.visit.turn
        if turn not in wanted:
            wanted[turn] = verse if verse is not None else verse_of_turn(labels, turn)
        lyric = _with_label(note.written.lyrics, wanted[turn])
        if lyric is not None:
            note.lyrics.append(lyric)
    if len(labels) > 1 or verse is not None:
        for begin, end in _gaps(notes):
            told += _fill_gap(notes, begin, end, labels, asked=verse)
    return told


def _with_label(lyrics: tuple[Lyric, ...], label: str) -> Lyric | None:
    for lyric in lyrics:
        if lyric.verse == label:
            return lyric
    return None


def _gaps(notes: Sequence[SungNote]) -> Iterator[tuple[int, int]]:
    """Runs of notes without words (begin, end), each within one phrase, section and ending."""
    begin: int | None = None
    for n, note in enumerate(notes):
        if begin is not None and (note.lyrics or _parted(notes, n)):
            yield begin, n
            begin = None
        if begin is None and not note.lyrics:
            begin = n
    if begin is not None:
        yield begin, len(notes)


def _parted(notes: Sequence[SungNote], n: int) -> bool:
    """Whether a rest, or the border of a section or an ending, lies before note ``n``."""
    if n == 0:
        return True
    before, after = notes[n - 1], notes[n]
    return (
        after.onset > before.offset
        or before.visit.section != after.visit.section
        or before.visit.in_ending != after.visit.in_ending
    )


def _fill_gap(
    notes: Sequence[SungNote], begin: int, end: int, labels: Sequence[str], *, asked: str | None
) -> list[tuple[str, str, str]]:
    run = notes[begin:end]
    found = {lyric.verse for note in run for lyric in note.written.lyrics}
    present = [label for label in labels if label in found] if found else []
    if not present:
        return []
    lyrical = sum(1 for note in run if note.written.lyrics)
    measure = run[0].measure
    # of three verses and more, words printed under one alone are rather common to all than its own
    common = len(labels) >= _MANY_VERSES and all(len(note.written.lyrics) <= 1 for note in run)
    if not _parted(notes, begin):
        if lyrical < (_OWN_STRETCH - 1 if common else _OWN_STRETCH) or _goes_on(notes[begin - 1]):
            return []
    elif not common and len(run) <= _PICKUP and end < len(notes) and notes[end].lyrics and not _parted(notes, end):
        for note in run:
            note.dropped = True
        message = "A note before a phrase has words in another verse only, and is not sung in this one."
        return [("note_not_sung", message, measure)]
    label = present[(run[0].visit.turn - 1) % len(present)]
    for note in run:
        lyric = _with_label(note.written.lyrics, label)
        if lyric is not None:
            note.lyrics.append(lyric)
        elif common:
            note.lyrics.extend(note.written.lyrics)
    if asked is None:
        return []
    message = f"Verse {asked} has no words of its own here: those of verse {label} are sung."
    return [("verse_shared", message, measure)]


def _goes_on(note: SungNote) -> bool:
    """Whether the word of a note is drawn on over the next ones."""
    if not note.lyrics:
        return True
    last = note.lyrics[-1]
    return bool(last.extend) or (bool(last.syllables) and last.syllables[-1][1] in ("begin", "middle"))


def share_lyrics(
    notes: Sequence[SungNote],
    neighbour: Mapping[int, Sequence[WrittenNote]],
    choose: Callable[[tuple[Lyric, ...], int], Lyric | None],
    *,
    wordless: bool,
) -> str | None:
    """Give wordless stretches of a line the words that stand under its neighbour at the same time.

    Parameters
    ----------
    notes : sequence of SungNote
        In order.
    neighbour : mapping of int to sequence of WrittenNote
        The neighbour's notes by index of their measure.
    choose : callable (lyrics, turn) -> Lyric or None
        The verse to take.
    wordless : bool
        The line has no words at all; otherwise a short gap is its own melisma.

    Returns
    -------
    str or None
        The measure where words were first taken over; None when none were.
    """
    first: str | None = None
    for begin, end in list(_gaps(notes)):
        run = notes[begin:end]
        found = list(_words_beside(run, neighbour, choose))
        melisma = not (wordless or _parted(notes, begin)) and (len(found) < _OWN_STRETCH or _goes_on(notes[begin - 1]))
        if melisma:
            continue
        for note, lyric in found:
            note.lyrics.append(lyric)
            first = first or note.measure
    return first


def _words_beside(
    run: Sequence[SungNote],
    neighbour: Mapping[int, Sequence[WrittenNote]],
    choose: Callable[[tuple[Lyric, ...], int], Lyric | None],
) -> Iterator[tuple[SungNote, Lyric]]:
    """Each word of the neighbour that falls on a note of the run, and that note."""
    onsets = [note.onset for note in run]
    for visit in dict.fromkeys(note.visit for note in run):
        for other in neighbour.get(visit.measure, ()):
            lyric = choose(other.lyrics, visit.turn) if other.lyrics else None
            if lyric is None:
                continue
            at = visit.onset + other.onset
            n = bisect_right(onsets, at) - 1
            if n < 0 or run[n].offset <= at:
                continue
            while n > 0 and run[n].written.tie_stop and run[n - 1].written.tie_start:  # held: its begin sings it
                n -= 1
            yield run[n], lyric
