"""A whole song: from a score and wishes to a plan, and from a plan to phrases of sound.

Everything that can go wrong with a score, its words or the voicebank's abilities goes wrong in :func:`plan_song`,
before anything is rendered; :func:`sing_phrases` then only sings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Final, Literal

from cantilena.errors import CantilenaError, OptionError
from cantilena.findings import Finding
from cantilena.language import check_words
from cantilena.score import extract_melody
from cantilena.singing.control_effects import control_findings
from cantilena.singing.options import SingOptions
from cantilena.singing.performance import perform
from cantilena.singing.pipeline import (
    PreparedPhrase,
    Singer,
    SungPhrase,
    lead_in_seconds,
    prepare_phrase,
    sing_prepared,
)
from cantilena.singing.words import REST_LYRICS, find_language, require_symbols
from cantilena.units import midi_to_name

if TYPE_CHECKING:
    from cantilena.cache import ContentStore
    from cantilena.language import Language
    from cantilena.score import Score
    from cantilena.score.melody import Melody, Word
    from cantilena.singing.phrase import Performance
    from cantilena.tracing import SongTrace
    from cantilena.voicebank import Voicebank

_PHRASES_AHEAD: Final = 32
"""Aligning that many takes a twentieth of a second."""

ChordNote = Literal["top", "bottom"] | int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """Which line of a score is sung.

    Attributes
    ----------
    part : str or None
        Name or id; None: the topmost part with words.
    verse : str or None
        One lyric line for all passes; None: verse N on pass N.
    measures : tuple of str or None
        First and last measure as printed.
    chord_note : {"top", "bottom"} or int
        Which note of a chord; a number counts from the top.
    vocalise : str or None
        A syllable to sing a part without words on.
    """

    part: str | None = None
    verse: str | None = None
    measures: tuple[str, str] | None = None
    chord_note: ChordNote = "top"
    vocalise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPlan:
    """A song that can be sung as asked.

    Attributes
    ----------
    performance : Performance
        What is sung and when.
    singer : Singer
        Who sings it and how; ``options.speaker`` is chosen.
    findings : tuple of Finding
        What the singer of the plan should know.
    """

    performance: Performance
    singer: Singer
    findings: tuple[Finding, ...]


def plan_song(score: Score, *, line: LineOptions, voicebank: Voicebank, options: SingOptions) -> SongPlan:
    """Decide everything that can be decided before singing.

    Raises
    ------
    ScoreError, LyricError, OptionError, VoicebankError
        When the song cannot be sung like this.
    """
    language = find_language(voicebank, options.language)
    require_symbols(options.pronunciations, voicebank, language)
    melody = extract_melody(
        score,
        part=line.part,
        verse=line.verse,
        measures=line.measures,
        chord_note=line.chord_note,
        vocalise=line.vocalise,
    )
    _require_words(melody, language, options)
    performance = perform(melody, transpose=options.transpose, tempo=options.tempo)
    speaker = _cast(voicebank, options.speaker, performance)
    return SongPlan(
        performance=performance,
        singer=Singer(
            voicebank=voicebank,
            language=language,
            options=replace(options, speaker=speaker),
            controls=options.controls.shifted(-lead_in_seconds(voicebank)),
        ),
        findings=(
            *voicebank.findings,
            *performance.findings,
            *_outside_range(performance, voicebank, speaker),
            *control_findings(voicebank, options.controls),
        ),
    )


def sing_phrases(plan: SongPlan, trace: SongTrace, store: ContentStore | None = None) -> Iterator[SungPhrase]:
    """Sing phrase by phrase, in order; each is sung when it is asked for, unless the store has it.

    Some phrases ahead are looked up, so that the models are being opened, beside what is done here, before the first
    phrase that is not in the store is reached.
    """
    prepared: deque[PreparedPhrase] = deque()
    to_come = iter(plan.performance.phrases)
    opening: Thread | None = None
    while True:
        for phrase in islice(to_come, _PHRASES_AHEAD - len(prepared)):
            prepared.append(prepare_phrase(phrase, plan.singer, trace, store))
            if opening is None and not prepared[-1].is_kept:
                opening = _open_beside(plan.singer.voicebank)
        if not prepared:
            return
        yield sing_prepared(prepared.popleft(), trace, store)


def _open_beside(voicebank: Voicebank) -> Thread:
    """Open models in a thread of their own; what goes wrong there is raised when a phrase needs them."""

    def open_models() -> None:
        with suppress(CantilenaError):
            voicebank.open_all()

    opening = Thread(target=copy_context().run, args=(open_models,), name="open-models")
    opening.start()
    return opening


def _require_words(melody: Melody, language: Language, options: SingOptions) -> None:
    """Raise the first word that cannot be pronounced, with the others attached."""
    errors = check_words(_words(melody), language, options.pronunciations)
    if errors:
        first, *others = errors
        first.others = tuple(others)
        raise first


def _words(melody: Melody) -> tuple[Word, ...]:
    """Every word of the melody once for each time it is sung; lyrics that ask for a breath are none."""
    words: list[Word] = []
    for note in melody.notes:
        words += [syllable.word for syllable in note.syllables if syllable.index == 0]
    return tuple(word for word in words if word.text not in REST_LYRICS)


def _cast(voicebank: Voicebank, asked: str | None, performance: Performance) -> str | None:
    """The speaker asked for, else the first one whose range the line leaves least."""
    if asked is not None:
        speaker = voicebank.find_speaker(asked)
        if speaker is None:
            known = ", ".join(voicebank.speakers) or "no speakers to choose from"
            raise OptionError(
                "speaker_unknown",
                f"The voicebank {voicebank.id} has no speaker {asked!r}.",
                hint=f"It has {known}.",
            )
        return speaker
    if not voicebank.speakers:
        return None
    notes = [note for phrase in performance.phrases for note in phrase.notes]

    def strain(speaker: str) -> float:
        span = voicebank.ranges.get(speaker)
        if span is None:
            return 0.0
        low, high = span
        return sum((note.offset - note.onset) * max(low - note.midi, note.midi - high, 0.0) for note in notes)

    return min(voicebank.speakers, key=strain)


def _outside_range(performance: Performance, voicebank: Voicebank, speaker: str | None) -> tuple[Finding, ...]:
    """One warning when notes lie outside the speaker's range, naming the first of them."""
    span = voicebank.ranges.get(speaker or "")
    if span is None:
        return ()
    low, high = span
    outside = [note for phrase in performance.phrases for note in phrase.notes if not low <= note.midi <= high]
    if not outside:
        return ()
    extremes = sorted({min(n.midi for n in outside), max(n.midi for n in outside)})
    return (
        Finding(
            code="note_outside_range",
            message=f"{len(outside)} notes ({' and '.join(map(midi_to_name, extremes))}) lie outside the range of "
            f"{speaker} ({midi_to_name(low)} to {midi_to_name(high)}) and may sound strained.",
            part=performance.part,
            measure=outside[0].measure,
            hint="Transpose with --transpose, or choose another --speaker.",
        ),
    )
