"""The lines of a score that one singer can sing: a part, or one of the voices that share a part.

Conventions
-----------
A part is named by its id or its printed name. Where several voices share a part (two on a staff, soprano and alto above
tenor and bass), the part's own id means its topmost voice with words, and ``id/1``, ``id/2`` ... mean its voices from
the top; ``name/2`` means the same. Four voices on two staves also answer to soprano, alto, tenor and bass, and a part
named after its voices ("Soprano Alto") to those names. A part without words that is named after voices ("Tenor Bass")
belongs to a choir whose words stand under another part, as in hymnals; its voices are lines as well. A further voice
that is only now and then written by itself sings what its staff sings in the measures where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cantilena.errors import OptionError, Place, ScoreError
from cantilena.score.model import Part, Score

Stream = tuple[int, str]
"""Staff and voice."""

MAX_LINES: Final = 8
"""Voices of one part that can be named; more are not told apart on a page."""

_STRAY = 0.05
"""A part with less than this share of the words of the wordiest part has stray text, not a line to sing."""
_MAIN = 0.25
"""Share of a part's words that its main voice has at least."""
_OWN_WORDS, _OWN_NOTES = 0.1, 0.25
"""A further voice is a line of its own from this share of the main voice's words, or notes, on."""
_SATB: Final = ("Soprano", "Alto", "Tenor", "Bass")
_NAME_BREAKS = re.compile(r"\s*[/|,&+]\s*|\s+(?:and|und|et|e|y)\s+|\s+")
_VOICE_NAME = re.compile(r"(?:sopran|mezzo|alt|contralt|ten|t[eé]nor|bar[iy]|ba(?:ss|\u00df)|cant|[satb]\d?\.?$)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One voice of one part.

    Attributes
    ----------
    id, name : str
        As a user may give them.
    part : Part
    stream : (int, str)
        Staff and voice as written.
    main : bool
        The part's own line: the topmost with words.
    siblings : tuple of (int, str)
        The streams of all lines of the part, from the top.
    other_names : tuple of str
        What it answers to as well.
    """

    id: str
    name: str
    part: Part
    stream: Stream
    main: bool
    siblings: tuple[Stream, ...]
    other_names: tuple[str, ...] = ()

    @property
    def own_lyric_notes(self) -> int:
        return self.part.streams[self.stream][1]


def all_lines(score: Score) -> tuple[Line, ...]:
    """The lines of all parts, from the top; a part without words has one, its topmost voice."""
    most = max((_lyric_notes(part) for part in score.parts), default=0)
    return tuple(line for part in score.parts for line in _lines_of(part, most))


def choose_line(score: Score, part: str | None, *, words_needed: bool) -> Line:
    """The line asked for; if none is, the topmost with words, or else the topmost with notes.

    Raises
    ------
    OptionError
        ``part_unknown``.
    ScoreError
        ``score_no_vocal_part``, ``score_no_lyrics``.
    """
    lines = all_lines(score)
    if part is not None:
        line = _named(lines, part)
        if words_needed and not line.part.has_lyrics and not words_for(line, lines):
            raise _no_lyrics(f"Part {line.name} has no words.", Place(part=line.name))
        return line
    if not lines:
        raise ScoreError(
            "score_no_vocal_part", "The score has no part.", hint="Export the score once more, with its parts."
        )
    sung = default_line(lines)
    if sung is not None:
        return sung
    if words_needed:
        raise _no_lyrics("The score has no words under any note.", Place())
    return next((line for line in lines if line.part.streams.get(line.stream, (0, 0))[0]), lines[0])


def default_line(lines: Sequence[Line]) -> Line | None:
    """The topmost line with words; None when there are none."""
    most = max((_lyric_notes(line.part) for line in lines), default=0)
    return next((line for line in lines if line.main and _lyric_notes(line.part) > _STRAY * most), None)


def words_for(line: Line, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines whose words a line without enough of its own may sing, the likeliest first.

    Those of its staff, then those of the other staves of its part, the wordiest first; for a wordless part of a choir
    the part with words nearest above it, or else below.
    """
    if not line.part.has_lyrics:
        if not _is_named_after_voices(line.part.name):
            return ()
        own = next(n for n, other in enumerate(lines) if other.part is line.part)
        worded = [(n, other) for n, other in enumerate(lines) if other.main and other.part.has_lyrics]
        return tuple(other for _, other in sorted(worded, key=lambda item: (item[0] > own, abs(item[0] - own))))
    others = [
        other
        for other in lines
        if other.part is line.part and other.stream != line.stream and other.own_lyric_notes > 2 * line.own_lyric_notes
    ]
    return tuple(sorted(others, key=lambda other: (other.stream[0] != line.stream[0], -other.own_lyric_notes)))


def _is_named_after_voices(name: str) -> bool:
    words = [word for word in _NAME_BREAKS.split(name) if word]
    return bool(words) and all(map(_VOICE_NAME.match, words))


def _no_lyrics(message: str, place: Place) -> ScoreError:
    return ScoreError(
        "score_no_lyrics", message, hint="Add lyrics, or sing on a syllable with --vocalise la.", place=place
    )


def _lyric_notes(part: Part) -> int:
    return sum(lyric_notes for _, lyric_notes in part.streams.values())


def _named(lines: Sequence[Line], asked: str) -> Line:
    wanted = _folded(asked)
    for names_of in (
        lambda line: (line.id,),
        lambda line: (line.name,),
        lambda line: line.other_names,
        lambda line: (line.part.name,),
    ):
        matches = [line for line in lines if wanted in {_folded(name) for name in names_of(line)}]
        if matches:
            return next((line for line in matches if line.main and line.part.has_lyrics), matches[0])
    listed = "; ".join(f"{line.name} ({line.id})" if line.name != line.id else line.id for line in lines[:12])
    raise OptionError(
        "part_unknown",
        f"The score has no part {asked[:60]!r}.",
        hint=f"It has these: {listed}." if listed else "It has none.",
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _lines_of(part: Part, most_lyrics: int) -> list[Line]:
    streams = sorted(part.streams, key=_from_the_top)
    if not streams:
        return [_single(part, (1, "1"), ())]
    main = _main_stream(part, streams)
    if _lyric_notes(part) <= _STRAY * most_lyrics and not (most_lyrics and _is_named_after_voices(part.name)):
        return [_single(part, main, (main,))]
    notes, words = part.streams[main]
    own = [
        stream
        for stream in streams
        if stream == main
        or part.streams[stream][1] > _OWN_WORDS * words
        or part.streams[stream][0] > _OWN_NOTES * notes
    ][:MAX_LINES]
    if len(own) == 1 or main not in own:
        return [_single(part, main, (main,))]
    names = _names_of_lines(part.name, own, main)
    return [
        Line(
            id=part.id if stream == main else f"{part.id}/{n}",
            name=names[n - 1],
            part=part,
            stream=stream,
            main=stream == main,
            siblings=tuple(own),
            other_names=(f"{part.id}/{n}", f"{part.name}/{n}"),
        )
        for n, stream in enumerate(own, start=1)
    ]


def _single(part: Part, stream: Stream, siblings: tuple[Stream, ...]) -> Line:
    return Line(
        id=part.id, name=part.name, part=part, stream=stream, main=True, siblings=siblings,
        other_names=(f"{part.id}/1", f"{part.name}/1"),
    )  # fmt: skip


def _from_the_top(stream: Stream) -> tuple[int, int, str]:
    staff, voice = stream
    return staff, int(voice) if voice.isdecimal() and len(voice) < 6 else 1_000_000, voice


def _main_stream(part: Part, streams: list[Stream]) -> Stream:
    """The topmost voice with a fair share of the words, or with notes where there are no words."""
    for which in (1, 0):
        most = max(part.streams[stream][which] for stream in streams)
        if most:
            return next(stream for stream in streams if part.streams[stream][which] >= _MAIN * most)
    return streams[0]


def _names_of_lines(part_name: str, streams: list[Stream], main: Stream) -> list[str]:
    words = [word for word in _NAME_BREAKS.split(part_name) if word]
    if len(words) == len(streams) and all(map(_VOICE_NAME.match, words)):
        return words
    if len(streams) == 4 and [staff for staff, _ in streams] in ([1, 1, 2, 2], [2, 2, 3, 3]):
        return list(_SATB)
    return [part_name if stream == main else f"{part_name}/{n}" for n, stream in enumerate(streams, start=1)]
