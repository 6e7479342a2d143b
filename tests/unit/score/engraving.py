"""Short ways to write MusicXML in a test; a quarter note is 24 divisions."""

from __future__ import annotations

from fractions import Fraction

from cantilena.score import Melody, Score, extract_melody, read_score

DIVISIONS = 24


def lyric(text: str, syllabic: str = "single", verse: str = "1", more: str = "") -> str:
    return f'<lyric number="{verse}"><syllabic>{syllabic}</syllabic><text>{text}</text>{more}</lyric>'


def note(
    pitch: str = "C4", beats: float | Fraction = 1, words: str = "", *, voice: str = "1", staff: int | None = None,
    chord: bool = False, tie: str = "", grace: str | None = None, notations: str = "", first: str = "",
) -> str:  # fmt: skip
    """One note; ``words`` is a syllable, or ready-made ``<lyric>`` elements; ``tie`` any of "start stop"."""
    step, alter, octave = pitch[0], pitch[1:-1].count("#") - pitch[1:-1].count("b"), pitch[-1]
    if words and not words.startswith("<"):
        words = lyric(words)
    return (
        "<note>"
        + first
        + (f"<grace{grace}/>" if grace is not None else "")
        + ("<chord/>" if chord else "")
        + f"<pitch><step>{step}</step>{f'<alter>{alter}</alter>' if alter else ''}<octave>{octave}</octave></pitch>"
        + ("" if grace is not None else f"<duration>{divisions(beats)}</duration>")
        + "".join(f'<tie type="{kind}"/>' for kind in tie.split())
        + f"<voice>{voice}</voice>"
        + (f"<staff>{staff}</staff>" if staff else "")
        + (f"<notations>{notations}</notations>" if notations else "")
        + words
        + "</note>"
    )


def rest(beats: float | Fraction = 1, words: str = "", *, voice: str = "1", staff: int | None = None) -> str:
    where = f"<voice>{voice}</voice>" + (f"<staff>{staff}</staff>" if staff else "")
    return f"<note><rest/><duration>{divisions(beats)}</duration>{where}{words and lyric(words)}</note>"


def backup(beats: float) -> str:
    return f"<backup><duration>{divisions(beats)}</duration></backup>"


def divisions(beats: float | Fraction) -> int:
    exact = Fraction(beats).limit_denominator(DIVISIONS) * DIVISIONS
    assert exact.denominator == 1
    return int(exact)


def words(text: str, sound: str = "") -> str:
    return (
        f"<direction><direction-type><words>{text}</words></direction-type>{sound and f'<sound {sound}/>'}</direction>"
    )


def direction(kind: str, more: str = "") -> str:
    return f"<direction><direction-type>{kind}</direction-type>{more}</direction>"


FORWARD = '<barline location="left"><repeat direction="forward"/></barline>'
BACKWARD = '<barline location="right"><repeat direction="backward"/></barline>'


def ending(number: str, kind: str, repeat: bool = False) -> str:
    sign = '<repeat direction="backward"/>' if repeat else ""
    return f'<barline><ending number="{number}" type="{kind}"/>{sign}</barline>'


def part(*measures: str, id: str = "P1", attributes: str = "", numbers: list[str] | None = None) -> str:
    """One part; the first measure gets divisions and whatever else ``attributes`` says."""
    first = f"<attributes><divisions>{DIVISIONS}</divisions>{attributes}</attributes>"
    written = "".join(
        f'<measure number="{numbers[i] if numbers else i + 1}">{first if i == 0 else ""}{content}</measure>'
        for i, content in enumerate(measures)
    )
    return f'<part id="{id}">{written}</part>'


def document(*parts: str, names: list[str] | None = None, head: str = "") -> bytes:
    """A whole score; parts are P1, P2, ... and named Voice unless told otherwise."""
    listed = "".join(
        f'<score-part id="P{i + 1}"><part-name>{names[i] if names else "Voice"}</part-name></score-part>'
        for i in range(len(parts))
    )
    text = f'<score-partwise version="4.0">{head}<part-list>{listed}</part-list>{"".join(parts)}</score-partwise>'
    return text.encode()


def read(*parts: str, **options: object) -> Score:
    return read_score(document(*parts, **options), name="test.musicxml")  # type: ignore[arg-type]


def sing(*measures: str, attributes: str = "", **options: object) -> Melody:
    """The melody of a score with one part."""
    return extract_melody(read(part(*measures, attributes=attributes)), **options)  # type: ignore[arg-type]


def sung(melody: Melody) -> list[str]:
    """What each note sings: its syllables, or "~" where a vowel goes on."""
    return [" ".join(syllable.original for syllable in one.syllables) or "~" for one in melody.notes]


def said(melody: Melody) -> list[str]:
    """The words, in order."""
    return [s.word.text for one in melody.notes for s in one.syllables if s.index == 0]


def pitches(melody: Melody) -> list[float]:
    return [one.midi for one in melody.notes]


def times(melody: Melody) -> list[tuple[float, float]]:
    return [(float(one.onset), float(one.duration)) for one in melody.notes]


def codes(found: Melody | Score) -> list[str]:
    return [finding.code for finding in found.findings]
