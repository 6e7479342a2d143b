"""Opens a tiny voicebank as a user would, sings with it, turns every control, and measures what is heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from tests.voicebanks.sound import BREATH_HZ, HARMONICS, NATS_PER_DB

PHRASE = make_phrase("hel-", "-lo", "sky", length=0.4, onset=1.0, midi=[60, 64, 67])
SHORT = make_phrase("hel-", "-lo", length=0.4, midi=[62, 62])
TURNED: Mapping[str, float] = {
    "gender": -20, "velocity": 200, "energy": 50, "breathiness": 50, "voicing": 50, "tension": 100,
    "pitch_expression": 0, "tone_shift": 1200,
}  # fmt: skip
"""Every control, far from neutral."""
DB_PER_NEPER = 1.0 / NATS_PER_DB
_OF_CURVES: Mapping[str, Mapping[str, float]] = {
    "energy": {"voice": 1.0}, "breathiness": {"breath": 1.0}, "voicing": dict.fromkeys(HARMONICS, 1.0),
    "tension": {"tension": 0.2 * DB_PER_NEPER},
}  # fmt: skip
# what one unit of each curve moves, in dB


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one voicebank.

    Attributes
    ----------
    loads, sings : bool
        Whether it could be opened; whether it sang the right notes, as loud as it should, on the beat, twice alike.
    problems : tuple of str
        Everything that is not as it should be; empty: its controls act as they should, too.
    acts : tuple of str
        Controls that change what is heard, in the direction and, where it can be told, by the amount they should.
    told : tuple of str
        Controls that this kind of voicebank lacks, each of which was reported when it was turned.
    findings : tuple of str
        Codes of what was reported while it sang with nothing turned.
    """

    loads: bool
    sings: bool
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


def vowel_of(waveform: Waveform, phrase: Phrase, note: int) -> NDArray[np.float32]:
    """The half of a note in which only its vowel sounds: consonants before the next one come later."""
    onset, offset = phrase.notes[note].onset, phrase.notes[note].offset
    return part_of(waveform, onset + 0.1 * (offset - onset), onset + 0.6 * (offset - onset))


def loudness(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Amplitudes of what sounds in some samples, on a grid of ``hz`` hertz."""

    amplitudes: NDArray[np.float64]
    hz: float

    @classmethod
    def of(cls, samples: NDArray[np.float32], sample_rate: int) -> Spectrum:
        size = 1 << 15
        return cls(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size)), sample_rate / size)

    @property
    def loudest(self) -> float:
        """Frequency of the loudest partial, in Hz; between the points of the grid by a parabola."""
        at = int(self.amplitudes[1:-1].argmax()) + 1
        below, peak, above = np.log(self.amplitudes[at - 1 : at + 2])
        return float(at + 0.5 * (below - above) / (below - 2 * peak + above)) * self.hz

    def level(self, hz: float) -> float:
        """Of what sounds within 20 Hz of a frequency, in dB."""
        near = self.amplitudes[round((hz - 20) / self.hz) : round((hz + 20) / self.hz) + 1]
        return float(10 * np.log10(np.sum(np.square(near))))


class _Examination:
    def __init__(self, folder: Path, bank: TinyBank) -> None:
        self._folder, self._bank = folder, bank
        self._problems: list[str] = []

    def verdict(self) -> Verdict:
        acts: list[str] = []
        told: list[str] = []
        findings: tuple[Finding, ...] = ()
        loads = sings = False
        try:
            voicebank = open_as_user(self._folder)
            voicebank.open_all()
            loads = True
            first, findings = sing(voicebank)
            self._sings(voicebank, first)
            sings = not self._problems
            acts, told = self._turns(voicebank)
            again, _ = sing(voicebank)
            sings &= self._expect("sings otherwise later", holds=np.array_equal(first.samples, again.samples))
        except Exception as error:  # whatever happens, there is a verdict
            self._problems.append(f"{type(error).__name__}: {error}")
        return Verdict(
            loads=loads, sings=sings, problems=tuple(self._problems), acts=tuple(acts), told=tuple(told),
            findings=tuple(finding.code for finding in findings),
        )  # fmt: skip

    def _expect(self, problem: str, *, holds: bool) -> bool:
        if not holds:
            self._problems.append(problem)
        return holds

    def _sings(self, voicebank: Voicebank, waveform: Waveform) -> None:
        """The right notes, as loud as they should be, on the beat; drafts too, and as finely as can be."""
        rate = waveform.sample_rate
        self._expect(f"sings at {rate} Hz", holds=rate == self._bank.sample_rate)
        for index, note in enumerate(PHRASE.notes):
            vowel = vowel_of(waveform, PHRASE, index)
            cents = 1200 * np.log2(Spectrum.of(vowel, rate).loudest / float(midi_to_hz(note.midi)))
            self._expect(f"note {index} is off by {cents:.0f} cents", holds=abs(cents) < 25)
            self._expect(f"note {index} is {loudness(vowel):.3g} loud", holds=0.19 < loudness(vowel) < 0.26)
        before, after = (loudness(part_of(waveform, 1.0 + at, 1.04 + at)) for at in (-0.05, 0.02))
        self._expect(f"the vowel is not on the beat: {before:.3g}, {after:.3g}", holds=after > 4 * before)
        self._expect("gives no draft", holds=len(sing(voicebank, SHORT, quality="draft")[0].samples) > 0)
        if any(sampling.ancestral for sampling in self._bank.sampling.values()):
            once, twice = (sing(voicebank, SHORT, steps=1000)[0].samples for _ in range(2))
            self._expect("sings otherwise the second time, at 1000 steps", holds=np.array_equal(once, twice))

    def _turns(self, voicebank: Voicebank) -> tuple[list[str], list[str]]:
        """Names of the controls that act, and of those reported to be without effect."""
        bank = self._bank
        there = [name for name in TURNED if self._has(name)]
        lacking = [name for name in TURNED if name not in there]
        reported = control_findings(voicebank, _turned(TURNED))
        told = [name for name in lacking if any(f"control {name}:" in finding.message for finding in reported)]
        self._expect(f"reports {[finding.code for finding in reported]}", holds=len(reported) == len(told))
        self._expect(f"of {lacking} only {told} are reported", holds=told == lacking)
        neutral, _ = sing(voicebank, SHORT)
        turned, _ = sing(voicebank, SHORT, controls=_turned(lacking))
        self._expect("what is lacking changes something", holds=np.array_equal(neutral.samples, turned.samples))
        # Each has a partial of its own, so all but the shift, which moves several, can be turned at once.
        shift = [name for name in there if name == "tone_shift"]
        others = [name for name in there if name not in shift]
        acts = [*self._act(voicebank, neutral, others), *self._act(voicebank, neutral, shift)]
        if len(bank.speakers) > 1:
            mixed, _ = sing(voicebank, SHORT, controls=make_controls({f"speaker:{voicebank.speakers[1]}": 50}))
            louder = _heard(mixed)["voice"] - _heard(neutral)["voice"]
            # half of a speaker who is louder by a tenth of a neper
            if self._expect(f"half a speaker changes the voice by {louder:.2f} dB", holds=abs(louder - 0.434) < 0.1):
                acts.append("speaker")
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

    def _act(self, voicebank: Voicebank, neutral: Waveform, names: Sequence[str]) -> Sequence[str]:
        """Turn some controls; those of them that moved what they should by as much as they should."""
        if not names:
            return ()
        turned, _ = sing(voicebank, SHORT, controls=_turned(names))
        before, after = _heard(neutral), _heard(turned)
        effects = {name: self._effect(name) for name in names}
        acting = list(names)
        for heard in before:
            wanted = sum(effect.get(heard, 0.0) for effect in effects.values())
            moved = after[heard] - before[heard]
            unit, slack = ("cents", 3.0) if heard == "f0" else ("dB", 0.6)
            if heard == "f0" and self._bank.pitch is None:
                slack = 30.0  # drawn vibrato has other tests
            problem = f"{heard} moves by {moved:.2f} {unit} where {wanted:.2f} are asked for by {', '.join(names)}"
            if not self._expect(problem, holds=abs(moved - wanted) < slack):
                acting = [name for name in acting if heard not in effects[name]]
        return acting

    def _effect(self, name: str) -> Mapping[str, float]:
        """What a control must change: levels in dB, f0 in cents."""
        bank = self._bank
        wide = any("-12.0, 12.0" in line for line in bank.extra.get("acoustic", ()))
        if name == "tone_shift":
            # The curves follow by a little for each semitone; with a vocoder for any pitch, the spectrum follows too.
            effect = dict.fromkeys(HARMONICS, 0.0) | {"breath": 0.0}
            if bank.pitch_controllable:
                effect["height"] += 0.5 * DB_PER_NEPER
            for curve in bank.curves:
                for heard, change in _OF_CURVES[curve].items():
                    effect[heard] += 12 * bank.per_semitone * change
            return effect
        if name in _OF_CURVES:
            delta = {"energy": 6.0, "breathiness": 6.0, "voicing": -6.0, "tension": 5.0}[name]
            return {heard: delta * change for heard, change in _OF_CURVES[name].items()}
        return {
            "gender": {"gender": 2.4 / (12.0 if wide else 5.0) * DB_PER_NEPER},
            "velocity": {"velocity": 20 * float(np.log10(2.0))},
            "pitch_expression": {"f0": 0.0 if bank.pitch is None else -10.0},
        }[name]


def _turned(names: Iterable[str]) -> Controls:
    return make_controls({name: TURNED[name] for name in names})


def _heard(waveform: Waveform) -> Mapping[str, float]:
    """Levels of the partials in dB, and cents of f0, in the vowel of the first of the short notes."""
    spectrum = Spectrum.of(vowel_of(waveform, SHORT, 0), waveform.sample_rate)
    f0 = spectrum.loudest
    levels = {band: spectrum.level(f0 * number) for band, number in HARMONICS.items()}
    return levels | {"breath": spectrum.level(BREATH_HZ), "f0": 1200 * float(np.log2(f0))}
