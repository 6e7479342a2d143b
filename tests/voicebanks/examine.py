"""Opens a tiny voicebank as a user would, sings with it, turns every control, and measures what is heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.waveform import Waveform
from cantilena.findings import Finding
from cantilena.singing.control_effects import control_findings
from cantilena.singing.control_settings import make_controls
from cantilena.singing.controls import NEUTRAL, Controls
from cantilena.singing.options import SingOptions
from cantilena.singing.phrase import Phrase
from cantilena.singing.pipeline import sing_phrase
from cantilena.tracing import SongTrace
from cantilena.units import midi_to_hz
from cantilena.voicebank import Voicebank, find_voicebank, open_voicebank
from tests.unit.singing.singers import make_phrase, make_voice
from tests.voicebanks.bank import TinyBank
from tests.voicebanks.build import build_voicebank
from tests.voicebanks.sound import BREATH_HZ, HARMONICS

PHRASE = make_phrase("hel-", "-lo", "sky", length=0.4, onset=1.0, midi=[60, 64, 67])
SHORT = make_phrase("hel-", "-lo", length=0.4, midi=[62, 62])
TURNED: Mapping[str, float] = {
    "gender": -20, "velocity": 200, "energy": 50, "breathiness": 50, "voicing": 50, "tension": 100,
    "pitch_expression": 0, "tone_shift": 1200,
}  # fmt: skip
"""Every control, far from neutral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one voicebank.

    Attributes
    ----------
    problems : tuple of str
        Everything that is not as it should be; empty: it loads, sings, and is steered as it should.
    acts : tuple of str
        Controls that change what is heard, in the direction and, where it can be told, by the amount they should.
    told : tuple of str
        Controls that this kind of voicebank lacks, each of which was reported when it was turned.
    findings : tuple of str
        Codes of what was reported while it sang with nothing turned.
    """

    problems: tuple[str, ...]
    acts: tuple[str, ...]
    told: tuple[str, ...]
    findings: tuple[str, ...]


def examine(parent: Path, bank: TinyBank) -> Verdict:
    """Build a voicebank in an empty folder and try everything."""
    return _Examination(build_voicebank(parent, bank), bank).verdict()


def open_as_user(folder: Path) -> Voicebank:
    return open_voicebank(find_voicebank(folder, ()), threads=1)


def sing(
    voicebank: Voicebank, phrase: Phrase = PHRASE, *, controls: Controls = NEUTRAL, **options: object
) -> tuple[Waveform, tuple[Finding, ...]]:
    """A phrase on the score's clock, and what was noticed."""
    speaker = voicebank.speakers[0] if voicebank.speakers else None
    asked = SingOptions(**{"speaker": speaker, "controls": controls, **options})
    sung = sing_phrase(phrase, make_voice(voicebank, asked), SongTrace())
    return sung.waveform, sung.findings


def part_of(waveform: Waveform, begin: float, end: float) -> NDArray[np.float32]:
    first = round((begin - waveform.offset) * waveform.sample_rate)
    return waveform.samples[first : first + round((end - begin) * waveform.sample_rate)]


def middle_of(waveform: Waveform, phrase: Phrase, note: int) -> NDArray[np.float32]:
    """The half of a note in which only its vowel sounds."""
    onset, offset = phrase.notes[note].onset, phrase.notes[note].offset
    return part_of(waveform, onset + 0.25 * (offset - onset), offset - 0.25 * (offset - onset))


def loudness(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def spectrum_of(samples: NDArray[np.float32], sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and amplitudes."""
    size = 1 << 17
    return np.fft.rfftfreq(size, 1 / sample_rate), np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))


def frequency(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Of the loudest partial, in Hz."""
    hz, amplitudes = spectrum_of(samples, sample_rate)
    return float(hz[amplitudes.argmax()])


def partial_db(samples: NDArray[np.float32], sample_rate: int, hz: float) -> float:
    """Level of what sounds within 20 Hz of a frequency, in dB."""
    frequencies, amplitudes = spectrum_of(samples, sample_rate)
    near = amplitudes[np.abs(frequencies - hz) < 20]
    return float(10 * np.log10(np.sum(np.square(near))))


class _Examination:
    def __init__(self, folder: Path, bank: TinyBank) -> None:
        self._folder, self._bank = folder, bank
        self._problems: list[str] = []

    def verdict(self) -> Verdict:
        acts: list[str] = []
        told: list[str] = []
        findings: tuple[str, ...] = ()
        try:
            voicebank = open_as_user(self._folder)
            voicebank.open_all()
        except Exception as error:  # a verdict, whatever happens
            self._problems.append(f"does not load: {error}")
            return Verdict(problems=tuple(self._problems), acts=(), told=(), findings=())
        try:
            findings = self._sings(voicebank)
            acts, told = self._turns(voicebank)
        except Exception as error:
            self._problems.append(f"{type(error).__name__}: {error}")
        return Verdict(
            problems=tuple(self._problems), acts=tuple(acts), told=tuple(told), findings=findings
        )  # fmt: skip

    def _expect(self, problem: str, *, holds: bool) -> bool:
        if not holds:
            self._problems.append(problem)
        return holds

    def _sings(self, voicebank: Voicebank) -> tuple[str, ...]:
        """The right notes, on the beat, the same once more in a session of its own."""
        waveform, findings = sing(voicebank)
        rate = waveform.sample_rate
        self._expect(f"sings at {rate} Hz", holds=rate == self._bank.sample_rate)
        for index, note in enumerate(PHRASE.notes):
            middle = middle_of(waveform, PHRASE, index)
            cents = 1200 * np.log2(frequency(middle, rate) / float(midi_to_hz(note.midi)))
            self._expect(f"note {index} is off by {cents:.0f} cents", holds=abs(cents) < 25)
            self._expect(f"note {index} is {loudness(middle):.3g} loud", holds=0.15 < loudness(middle) < 0.3)
        before, after = (loudness(part_of(waveform, 1.0 + at, 1.04 + at)) for at in (-0.05, 0.02))
        self._expect(f"the vowel is not on the beat: {before:.3g}, {after:.3g}", holds=after > 4 * before)
        again, _ = sing(open_as_user(self._folder))
        self._expect("sings otherwise the second time", holds=np.array_equal(waveform.samples, again.samples))
        finest = {"steps": 1000}
        once, twice = (sing(voicebank, SHORT, **finest)[0].samples for _ in range(2))
        self._expect("sings otherwise the second time, at 1000 steps", holds=np.array_equal(once, twice))
        drafts = [sing(voicebank, SHORT, quality="draft")[0].samples for _ in range(2)]
        self._expect("a draft is otherwise the second time", holds=np.array_equal(*drafts))
        return tuple(finding.code for finding in findings)

    def _turns(self, voicebank: Voicebank) -> tuple[list[str], list[str]]:
        """Names of the controls that act, and of those reported to be without effect."""
        acts, told = [], []
        neutral = self._heard(voicebank, NEUTRAL)
        for name, value in TURNED.items():
            controls = make_controls({name: value})
            reported = any(f.code == "control_without_effect" for f in control_findings(voicebank, controls))
            changes = self._changes(neutral, self._heard(voicebank, controls))
            if not self._has(name):
                self._expect(f"{name} is not there, and nobody says so", holds=reported)
                self._expect(f"{name} is not there, and changes {changes}", holds=not changes)
                told.append(name)
            elif self._acts(name, changes):
                self._expect(f"{name} acts, and is said not to", holds=not reported)
                acts.append(name)
        if len(self._bank.speakers) > 1:
            mixed = make_controls({f"speaker:{voicebank.speakers[1]}": 50})
            changes = self._changes(neutral, self._heard(voicebank, mixed))
            # half of a speaker who is a tenth of a neper louder
            if self._expect(f"half a speaker changes {changes}", holds=abs(changes.get("voice", 0) - 0.43) < 0.1):
                acts.append("speaker mix")
        return acts, told

    def _has(self, name: str) -> bool:
        bank = self._bank
        if name in ("gender", "velocity"):
            return bank.shifts
        if name == "pitch_expression":
            return bank.pitch is None or bank.expr
        if name == "tone_shift":
            return bank.pitch_controllable or bool(bank.curves)
        return name in bank.curves

    def _acts(self, name: str, changes: Mapping[str, float]) -> bool:
        """Whether a control moved what it should, and by how much; decibels, but for f0 in cents."""
        bank = self._bank
        high = 12.0 if any("-12.0, 12.0" in line for line in bank.extra.get("acoustic", ())) else 5.0
        tone = {"height": 3.01 * 1.443 * np.log(2)} if bank.pitch_controllable else {}
        expected: Mapping[str, Mapping[str, float]] = {
            "gender": {"gender": 8.686 * 2.4 / high},
            "velocity": {"velocity": 6.02},
            "energy": {"voice": 6.0},
            "breathiness": {"breath": 6.0},
            "voicing": dict.fromkeys(HARMONICS, -6.0),
            "tension": {"tension": 8.686},
            "pitch_expression": {"f0": -10.0} if bank.pitch is not None else {},
            "tone_shift": tone,
        }
        wanted = dict(expected[name])
        if name == "tone_shift":  # an octave up, the curves follow by a tenth of a decibel for each semitone
            moved = {"energy": "voice", "breathiness": "breath", "tension": "tension"}
            rise = 12 * bank.per_semitone
            for curve in bank.curves:
                if curve == "voicing":
                    wanted |= {band: wanted.get(band, 0.0) + rise for band in HARMONICS}
            for curve in set(bank.curves) & set(moved):
                factor = 0.2 * 8.686 if curve == "tension" else 1.0
                wanted[moved[curve]] = wanted.get(moved[curve], 0.0) + rise * factor
        if name == "pitch_expression" and bank.pitch is None:
            return True  # the drawing's own tests tell what it does
        off = [key for key in {*wanted, *changes} if abs(wanted.get(key, 0.0) - changes.get(key, 0.0)) > 0.6]
        return self._expect(f"{name} should change {_told(wanted)}, and changes {_told(changes)}", holds=not off)

    def _heard(self, voicebank: Voicebank, controls: Controls) -> Mapping[str, float]:
        """Levels of the partials in dB, and cents of f0, in the middle of the first note."""
        waveform, _ = sing(voicebank, SHORT, controls=controls)
        samples, rate = middle_of(waveform, SHORT, 0), waveform.sample_rate
        f0 = frequency(samples, rate)
        levels = {band: partial_db(samples, rate, f0 * number) for band, number in HARMONICS.items()}
        return levels | {"breath": partial_db(samples, rate, BREATH_HZ), "f0": 1200 * float(np.log2(f0))}

    @staticmethod
    def _changes(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        """What moved by more than noise does."""
        return {
            key: after[key] - before[key]
            for key in before
            if abs(after[key] - before[key]) > (3.0 if key == "f0" else 0.25)
        }


def _told(changes: Mapping[str, float]) -> str:
    return ", ".join(f"{key} by {value:.1f}" for key, value in sorted(changes.items())) or "nothing"


def calm(bank: TinyBank) -> TinyBank:
    """The same voicebank under a name that fits a folder."""
    return replace(bank, name="Tiny")
