"""The reader beside music21, over every score of the reference data.

Two readers that were written apart agree on the notes, the lyrics, the length of each measure and the order of
performance, but for the differences listed here, each with its reason. A listed difference has to be there: when one
of them goes away, its line has to go too.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from cantilena.score import read_score

music21 = pytest.importorskip("music21", reason="music21 is not installed (requirements/test.txt)")

SCORES = Path(__file__).resolve().parents[3] / "shared" / "scores"
COLLECTIONS = ("ja", "lieder", "music21", "osmd", "suite")
FILES = sorted(
    path.relative_to(SCORES).as_posix()
    for collection in COLLECTIONS
    for path in (SCORES / collection).glob("*")
    if path.suffix in (".musicxml", ".mxl")
)

every_score = pytest.mark.parametrize("file", FILES)


@dataclass(frozen=True)
class Differs:
    """Why the readers differ, and what only one of them has, as the tests write it (measures from 0)."""

    why: str
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


ON_A_REST = "music21 drops a lyric that stands on a rest; ours keeps it and warns."
TWICE = "Notes with two lyrics of one verse, as the file was exported: ours reads the first and warns."
BY_NUMBER = "Ours tells verses apart by number, or by name where there is none, and reads one lyric of each on a note."
FULL_REST = "A whole-measure rest is as long as its duration says; music21 makes it as long as the time signature."
UNANSWERED = "A forward repeat is never answered by a backward one: nothing is repeated. music21 refuses to expand it."

NOTES_DIFFER = {
    "suite/02e-Rests-NoType.musicxml": Differs(
        "A note that names no staff is put on both staves by music21, and so counted twice.",
        theirs=("P1 m1 at 0: 52 for 4",),
    ),
}

LYRICS_DIFFER = {
    "ja/echigo-jishi.musicxml": Differs(ON_A_REST, ours=("P1 m35 at 0: verse 1 single ツ",)),
    "lieder/brahms-2-marias-kirchgang.mxl": Differs(ON_A_REST, ours=("P1 m6 at 0: verse 1 single 3.",)),
    "lieder/viardot-4-hai-luli.mxl": Differs(
        TWICE,
        theirs=(
            *(f"P1 m{measure} at 1: verse 1 begin lu" for measure in (35, 36, 39, 40, 55, 56, 59, 60)),
            *(f"P1 m{measure} at 3/2: verse 1 end li!" for measure in (19, 56)),
        ),
    ),
    "lieder/viardot-6-les-filles-de-cadix-vwv-1135.mxl": Differs(
        ON_A_REST,
        ours=("P1 m2 at 0: verse 1 single 1erCOUPLET.", "P1 m2 at 0: verse 2 single 2eCOUPLET."),
    ),
    "suite/31a-Directions.musicxml": Differs(ON_A_REST, ours=("P1 m13 at 3: verse 1 single subp",)),
    "suite/61g-Lyrics-NameNumber.musicxml": Differs(
        BY_NUMBER,
        ours=("P1 m0 at 4: verse Verse begin VerseE",),
        theirs=(
            "P1 m0 at 0: verse 1 begin AnotherChorus1A",
            "P1 m0 at 0: verse 1 begin Chorus1A",
            "P1 m0 at 4: verse 1 begin VerseE",
        ),
    ),
    "suite/ly-61g-Lyrics-NameNumber.musicxml": Differs(
        BY_NUMBER,
        ours=("P1 m0 at 4: verse Verse single VerseE",),
        theirs=(
            "P1 m0 at 0: verse 1 single AnotherChorus1A",
            "P1 m0 at 0: verse 1 single Chorus1A",
            "P1 m0 at 4: verse 1 single VerseE",
        ),
    ),
}

LENGTHS_DIFFER = {
    "lieder/arne-celias-complaint.mxl": Differs(FULL_REST, ours=("m6: 2", "m36: 2"), theirs=("m6: 3", "m36: 3")),
    "lieder/chopin-1-zyczenie.mxl": Differs(FULL_REST, ours=("m0: 1",), theirs=("m0: 3",)),
    "lieder/donaudy-10-spirate-pur-spirate.mxl": Differs(FULL_REST, ours=("m0: 1",), theirs=("m0: 3",)),
    "lieder/liliuokalani-aloha-oe.mxl": Differs(FULL_REST, ours=("m4: 3", "m13: 7/2"), theirs=("m4: 4", "m13: 4")),
    "music21/aloha-oe.mxl": Differs(FULL_REST, ours=("m22: 3",), theirs=("m22: 4",)),
}

ORDER_DIFFERS = {
    "lieder/chopin-1-zyczenie.mxl": Differs(
        "The bracket 1. 2. is open and lasts to the repeat sign: the third pass is the prelude alone. music21 refuses "
        "to expand it.",
        ours=("0-29 1-29 1-8",),
        theirs=("refused",),
    ),
    "lieder/reichardt-1-erinnrung-zum-bach.mxl": Differs(
        UNANSWERED,
        ours=("0-11",),
        theirs=("refused",),
    ),
    "lieder/schubert-20-des-baches-wiegenlied.mxl": Differs(
        "The endings stand in the piano part alone and hold for all parts: the fifth pass takes the fifth ending.",
        ours=("0-22 5-22 5-22 5-22 5-21 23-25",),
        theirs=("0-22 5-22 5-22 5-22 5-25",),
    ),
    "suite/45c-RepeatMultipleTimes.musicxml": Differs(
        "Two backward repeats after one forward one: the second leads to the measure after the first, as engravers "
        "mean it; music21 nests them.",
        ours=("0-2 1-2 1-2 1-2 1-6 3-6 3-7",),
        theirs=("0-2 1-2 1-2 1-2 1-6 0-2 1-2 1-2 1-2 1-6 0-2 1-2 1-2 1-2 1-7",),
    ),
    "suite/45g-Repeats-NotEnded.musicxml": Differs(
        UNANSWERED,
        ours=("0-1",),
        theirs=("refused",),
    ),
}


@dataclass(frozen=True)
class Reading:
    """What one reader found; notes and lyrics as lines of text with how often each occurs."""

    notes: Counter[str]
    lyrics: Counter[str]
    lengths: Counter[str]  # beats of each measure
    order: str  # the performance as ranges of measures


def note_line(place: str, onset: Fraction, midi: float, duration: Fraction, *, grace: bool) -> str:
    """One note; a grace note takes no time of its own."""
    return f"{place}: grace note {midi:g}" if grace else f"{place} at {onset}: {midi:g} for {duration}"


def lyric_line(place: str, onset: Fraction, verse: object, syllables: list[tuple[str, str | None]]) -> str | None:
    """One lyric, spaces and signs of elision set aside; None when nothing is left, an extend line for instance."""
    text = "".join(text or "" for text, _ in syllables).translate(dict.fromkeys(map(ord, " \n\xa0\u3000_\u203f\ue551")))
    return f"{place} at {onset}: verse {verse} {syllables[0][1] or 'single'} {text}" if text else None


def as_ranges(order: list[int]) -> str:
    """Measures as ranges: 0 1 2 1 2 4 is 0-2 1-2 4."""
    breaks = [i for i, (one, next_one) in enumerate(pairwise(order), start=1) if next_one != one + 1]
    runs = [(order[start], order[stop - 1]) for start, stop in pairwise([0, *breaks, len(order)])]
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


@cache
def ours(file: str) -> Reading:
    score = read_score(SCORES / file)
    notes: list[str] = []
    lyrics: list[str | None] = []
    for part_number, part in enumerate(score.parts, start=1):
        for index, measure in enumerate(part.measures):
            place = f"P{part_number} m{index}"
            for note in measure:
                if note.kind == "note":
                    notes.append(note_line(place, note.onset, note.midi, note.duration, grace=note.grace is not None))
                lyrics += [
                    lyric_line(place, note.onset, lyric.verse, list(lyric.syllables))
                    for lyric in note.lyrics
                    if lyric.syllables
                ]
    return Reading(
        notes=Counter(notes),
        lyrics=Counter(filter(None, lyrics)),
        lengths=Counter(f"m{index}: {measure.length}" for index, measure in enumerate(score.measures)),
        order=as_ranges([visit.measure for visit in score.visits]),
    )


@cache
def theirs(file: str) -> Reading:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = music21.converter.parse(SCORES / file, forceSource=True)
        notes: list[str] = []
        lyrics: list[str | None] = []
        lengths: dict[int, Fraction] = {}
        for part_name, part in named_parts(score):
            for index, measure in enumerate(part.toSoundingPitch().getElementsByClass("Measure")):
                lengths[index] = max(lengths.get(index, Fraction(0)), exact(measure.highestTime))
                for sounding in measure.recurse().notes:
                    if "ChordSymbol" in sounding.classes:  # a name above the staff, no sound
                        continue
                    place, onset = f"{part_name} m{index}", exact(sounding.getOffsetInHierarchy(measure))
                    duration, grace = exact(sounding.duration.quarterLength), sounding.duration.isGrace
                    notes += [note_line(place, onset, pitch.ps, duration, grace=grace) for pitch in sounding.pitches]
                    for lyric in sounding.lyrics:
                        syllables = [(syllable.text, syllable.syllabic) for syllable in lyric.components or [lyric]]
                        lyrics.append(lyric_line(place, onset, lyric.number, syllables))
        order = their_order(score.parts[0])
    return Reading(
        notes=Counter(notes),
        lyrics=Counter(filter(None, lyrics)),
        lengths=Counter(f"m{index}: {length}" for index, length in lengths.items()),
        order=order,
    )


def exact(value: float | Fraction) -> Fraction:
    return Fraction(value).limit_denominator(20160)


def named_parts(score):
    """Parts as P1, P2 and so on, from the top; music21 makes a part of each staff, under one id with a suffix."""
    number, before = 0, None
    for part in score.parts:
        base, staff, _ = str(part.id).partition("-Staff")
        if not staff or base != before:
            number += 1
        before = base if staff else None
        yield f"P{number}", part


def their_order(part) -> str:
    """The performance by music21, of the top part: it expands each part by the signs of that part alone."""
    for index, measure in enumerate(part.getElementsByClass("Measure")):
        measure.groups.append(str(index))  # survives copying, which measure numbers do not always
        for element in list(measure.elements):
            if not isinstance(element, (music21.bar.Barline, music21.repeat.RepeatMark)):
                measure.remove(element)  # copying it would take most of the time
    try:
        expanded = part.expandRepeats().getElementsByClass("Measure")
    except music21.repeat.ExpanderException:
        return "refused"
    return as_ranges([next(int(group) for group in measure.groups if group.isdecimal()) for measure in expanded])


def compare(mine: Counter[str], other: Counter[str], listed: Differs | None) -> None:
    """Both have the same but for exactly what is listed."""
    expected = listed or Differs("")
    assert sorted((mine - other).elements()) == sorted(expected.ours), "only ours has these"
    assert sorted((other - mine).elements()) == sorted(expected.theirs), "only music21 has these"
    assert listed is None or listed.ours or listed.theirs, "an empty difference is none"


def test_there_are_scores_to_compare(shared):
    assert len(FILES) == 88
    listed = {*NOTES_DIFFER, *LYRICS_DIFFER, *LENGTHS_DIFFER, *ORDER_DIFFERS}
    assert listed <= set(FILES), "a difference is listed for a file that is not there"


@every_score
def test_the_same_notes(file):
    compare(ours(file).notes, theirs(file).notes, NOTES_DIFFER.get(file))


@every_score
def test_the_same_lyrics(file):
    compare(ours(file).lyrics, theirs(file).lyrics, LYRICS_DIFFER.get(file))


@every_score
def test_measures_of_the_same_length(file):
    compare(ours(file).lengths, theirs(file).lengths, LENGTHS_DIFFER.get(file))


@every_score
def test_the_same_order_of_performance(file):
    compare(Counter([ours(file).order]), Counter([theirs(file).order]), ORDER_DIFFERS.get(file))
