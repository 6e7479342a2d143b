"""Sung phrases kept on disk, so that only what changed is sung again.

Conventions
-----------
A phrase is kept under a hash of everything that its sound depends on. That nothing is forgotten is by construction:
:func:`in_itself` strips phrase and singer of what must not matter, the steps after ``align`` get nothing else to see,
and all they can see is hashed (the voicebank by its own hash, the program by those of its modules).
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cantilena.audio.waveform import Waveform
from cantilena.findings import Finding
from cantilena.singing.controls import NEUTRAL, SCALES, ControlCurve, Controls
from cantilena.singing.results import Phoneme, PhonemeSequence

if TYPE_CHECKING:
    from cantilena.cache import ContentStore
    from cantilena.score.melody import Syllable
    from cantilena.singing.phrase import Phrase
    from cantilena.singing.pipeline import PhraseResults, Singer
    from cantilena.voicebank import Voicebank

_KIND: Final = "phrases"
_FORMAT: Final = 1
"""Of a key and of what is kept under it: to be raised with every change of either."""
_ALIGNMENT: Final = 16  # bytes, of the samples behind their description
_MODULES: Final = ("singing", "voicebank", "audio/waveform.py", "units.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPhrase:
    """What is kept of a sung phrase.

    Attributes
    ----------
    waveform : Waveform
        On the phrase's own clock.
    findings : tuple of Finding
        What the steps after ``align`` noticed.
    """

    waveform: Waveform
    findings: tuple[Finding, ...]


def in_itself(results: PhraseResults, singer: Singer, controls: Controls) -> tuple[PhraseResults, Singer]:
    """An aligned phrase and its singer without all that lies outside: place in song and score, ids, other words.

    Parameters
    ----------
    results : PhraseResults
        After ``align``.
    singer : Singer
        Of the song.
    controls : Controls
        What is turned while the phrase sounds, on its own clock.
    """
    if results.sequence is None:
        raise ValueError("the phrase is not aligned yet")
    ranks = {note: rank for rank, note in enumerate(dict.fromkeys(note.id for note in results.phrase.notes))}
    alone = replace(
        results,
        phrase=_phrase_in_itself(results.phrase, ranks),
        onset=0.0,
        sequence=_sequence_in_itself(results.sequence, ranks),
        findings=(),
    )
    options = replace(singer.options, language="", pronunciations={}, transpose=0, tempo=1.0, controls=NEUTRAL)
    return alone, replace(singer, options=options, controls=controls)


def _phrase_in_itself(phrase: Phrase, ranks: dict[int, int]) -> Phrase:
    notes = tuple(
        replace(note, id=ranks[note.id], measure="", syllables=tuple(map(_syllable_in_itself, note.syllables)))
        for note in phrase.notes
    )
    return replace(phrase, index=0, notes=notes, breath_before=0.0, carried_vowel=None, part="")


def _syllable_in_itself(syllable: Syllable) -> Syllable:
    return replace(syllable, original="", word=replace(syllable.word, part="", measure="", language=None))


def _sequence_in_itself(sequence: PhonemeSequence, ranks: dict[int, int]) -> PhonemeSequence:
    def renamed(phoneme: Phoneme) -> Phoneme:
        return phoneme if phoneme.note is None else replace(phoneme, note=ranks[phoneme.note])

    groups = tuple(replace(group, phonemes=tuple(map(renamed, group.phonemes))) for group in sequence.groups)
    return replace(sequence, groups=groups)


def settled(controls: Controls) -> Controls:
    """The controls of a phrase in their one form: to the microsecond and millionth, constants as such, neutral ones
    left out.
    """
    curves = {name: _settled_curve(curve) for name, curve in sorted(controls.curves.items())}
    speakers = {name: _settled_curve(curve) for name, curve in sorted(controls.speakers.items())}
    return Controls(
        curves={name: curve for name, curve in curves.items() if curve.values != (SCALES[name].neutral,)},
        speakers={name: curve for name, curve in speakers.items() if curve.values != (0.0,)},
    )


def _settled_curve(curve: ControlCurve) -> ControlCurve:
    values = tuple(round(value, 6) for value in curve.values)
    if len(set(values)) == 1:
        return ControlCurve(times=(0.0,), values=values[:1])
    times: list[float] = []
    for time in curve.times:
        times.append(max(round(time, 6), round(times[-1] + 1e-6, 6)) if times else round(time, 6))
    return ControlCurve(times=tuple(times), values=values)


def phrase_key(alone: PhraseResults, singer: Singer) -> str:
    """The hash under which a phrase is kept; both arguments as :func:`in_itself` gives them.

    Dataclasses of text and numbers write themselves down completely, each number with all its digits: what they write
    is what is hashed.
    """
    content = (_FORMAT, _program(), _singing_voicebank(singer.voicebank), alone, singer.options, tuple(singer.controls))
    return hashlib.blake2b(repr(content).encode(), digest_size=20).hexdigest()


def _singing_voicebank(voicebank: Voicebank) -> tuple[object, ...]:
    """Whose models sing, and how they are run: sums depend on threads and device."""
    models = [model for stage in voicebank.stages for model in stage.models.values()]
    times = [model.file.stat().st_mtime_ns for model in (*models, voicebank.vocoder.model)]
    return voicebank.content_key, times, replace(voicebank.engine, store=None)


@cache
def _program() -> tuple[str, ...]:
    """What computes: this program to the byte, whatever its version says, and what else decides sums: the libraries,
    the kind of processor.
    """
    package = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=16)
    for name in _MODULES:
        place = package / name
        for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest(), np.__version__, *_onnxruntime(), platform.machine(), _processor()


def _onnxruntime() -> tuple[str, ...]:
    """Which onnxruntime is installed, by any of its names; importing it takes longer than a song whose phrases are
    all kept.
    """
    found = find_spec("onnxruntime")
    if found is None or found.origin is None:
        return ()
    return tuple(sorted(info.name for info in Path(found.origin).parents[1].glob("onnxruntime*.dist-info")))


def _processor() -> str:
    """Name of the processor where it is told at no cost: a folder in a home may serve different machines."""
    try:
        with Path("/proc/cpuinfo").open(errors="replace") as stream:
            return next((line.partition(":")[2].strip() for line in stream if line.startswith("model name")), "")
    except OSError:
        return ""


def is_phrase_kept(store: ContentStore, key: str) -> bool:
    """Whether something is kept under a key, without reading it: it may still prove damaged."""
    return store.holds(_KIND, key)


def read_phrase(store: ContentStore, key: str) -> KeptPhrase | None:
    """The phrase kept under a key, if there is one."""
    content = store.read(_KIND, key)
    if content is None:
        return None
    size = int.from_bytes(content[:4], "little")
    described = json.loads(content[4:size])
    return KeptPhrase(
        waveform=Waveform(
            samples=np.frombuffer(content, dtype="<f4", offset=size),
            sample_rate=described["sample_rate"],
            offset=described["offset"],
        ),
        findings=tuple(Finding(**finding) for finding in described["findings"]),
    )


def keep_phrase(store: ContentStore, key: str, kept: KeptPhrase) -> None:
    """Keep a phrase; nothing happens where nothing can be kept."""
    findings = [{field.name: getattr(finding, field.name) for field in fields(finding)} for finding in kept.findings]
    waveform = kept.waveform
    text = json.dumps({"sample_rate": waveform.sample_rate, "offset": waveform.offset, "findings": findings}).encode()
    size = -(-(4 + len(text)) // _ALIGNMENT) * _ALIGNMENT
    header = size.to_bytes(4, "little") + text.ljust(size - 4)
    store.write(_KIND, key, (header, np.ascontiguousarray(waveform.samples, dtype="<f4").tobytes()))
