"""A phrase is sung by generated voicebanks of every current kind, with the real onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cantilena.audio.waveform import Waveform
from cantilena.errors import VoicebankError
from cantilena.findings import Finding
from cantilena.singing.options import SingOptions
from cantilena.singing.phrase import Phrase
from cantilena.singing.pipeline import lead_in_seconds, sing_phrase
from cantilena.tracing import SongTrace
from cantilena.voicebank import Voicebank, open_voicebank
from tests.unit.singing.singers import Toy, make_phrase, make_voice
from tests.voicebanks.build import TinyBank, build_voicebank

SAMPLE_RATE = 44100
PHRASE = make_phrase("hel-", "-lo", "", "sky", "new", onset=1.0, offsets=[None, None, 2.3, None, 4.2],
                     midi=[60, 64, 65, 67, 62], breath_before=1.0)  # fmt: skip
FULL = TinyBank(
    name="Full", pitch="word", variance="phoneme", curves=("breathiness", "tension"), depth=True, shifts=True,
    language_ids=True, prefix="en/",
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Voicebank:
    return open_voicebank(build_voicebank(tmp_path_factory.mktemp("banks")), threads=1)


def sing(
    voicebank: Voicebank, phrase: Phrase = PHRASE, trace: SongTrace | None = None, **options: object
) -> tuple[Waveform, tuple[Finding, ...]]:
    asked = SingOptions(**{"speaker": voicebank.speakers[0] if voicebank.speakers else None, **options})
    sung = sing_phrase(phrase, make_voice(voicebank, asked), trace or SongTrace())
    return sung.waveform, sung.findings


def part_of(waveform: Waveform, begin: float, end: float) -> np.ndarray:
    first = round((begin - waveform.offset) * waveform.sample_rate)
    return waveform.samples[first : first + round((end - begin) * waveform.sample_rate)]


def frequency(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * SAMPLE_RATE / (1 << 18))


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


VARIANTS = {
    "drawn pitch": TinyBank(),
    "everything": FULL,
    "another sample rate": TinyBank(sample_rate=48000, hop_size=480, sub_hop_size=480),
}
"""All others are sung with in test_voicebank_variants."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_notes_sound_where_they_are_written(tmp_path: Path, variant: str) -> None:
    bank = VARIANTS[variant]
    voicebank = open_voicebank(build_voicebank(tmp_path, bank), threads=1)
    waveform, findings = sing(voicebank)
    assert findings == ()
    assert waveform.sample_rate == bank.sample_rate
    assert waveform.samples.dtype == np.float32
    for note in PHRASE.notes[:4]:
        edge = 0.25 * (note.offset - note.onset)
        middle = part_of(waveform, note.onset + edge, note.offset - edge)
        heard = frequency(middle) * bank.sample_rate / SAMPLE_RATE
        assert 1200 * np.log2(heard / (440 * 2 ** ((note.midi - 69) / 12))) == pytest.approx(0, abs=25)
        assert loudness(middle) > 0.15
    assert loudness(part_of(waveform, 2.32, 2.36)) < 0.01  # the gap in the phrase is silent
    assert loudness(part_of(waveform, 1.02, 1.06)) > 4 * loudness(part_of(waveform, 0.95, 0.99))  # hh, then the vowel


def test_a_phrase_begins_with_a_breath_within_the_lead_in(tiny):
    waveform, _ = sing(tiny)
    head = PHRASE.onset - waveform.offset
    assert 0.3 < head <= lead_in_seconds(tiny) <= 1.0
    first, _ = sing(tiny, make_phrase("sky", onset=0.0, breath_before=3.0))
    assert -lead_in_seconds(tiny) <= first.offset < 0


def test_the_steps_are_timed_and_those_not_needed_skipped(tiny, tmp_path):
    trace = SongTrace()
    waveform, _ = sing(tiny, trace=trace)
    frames = len(waveform.samples) // 512
    steps = ("align", "durations", "pitch", "variance", "synthesize_audio")
    assert {step: trace.records[step].outcome for step in steps} == {
        "align": "ok", "durations": "ok", "pitch": "ok", "variance": "skipped", "synthesize_audio": "ok",
    }  # fmt: skip
    assert {trace.records[step].frames for step in steps[1:]} == {frames}
    trace = SongTrace()
    sing(open_voicebank(build_voicebank(tmp_path, FULL), threads=1), trace=trace)
    assert trace.records["variance"].outcome == "ok"


@pytest.mark.parametrize("bank", [TinyBank(), FULL], ids=["small", "full"])
def test_a_phrase_sounds_the_same_every_time(tmp_path, bank):
    """Whatever was sung before, when it stands in the song, and in a session of its own."""
    folder = build_voicebank(tmp_path, bank)
    voicebank = open_voicebank(folder, threads=1)
    once, _ = sing(voicebank, seed=7)
    sing(voicebank, make_phrase("love"), seed=7)
    later = replace(
        PHRASE, index=5, notes=tuple(replace(n, onset=n.onset + 32, offset=n.offset + 32) for n in PHRASE.notes)
    )
    again, _ = sing(open_voicebank(folder, threads=1), later, seed=7)
    assert again.offset == pytest.approx(once.offset + 32)
    assert len(again.samples) == len(once.samples)
    repeated, _ = sing(voicebank, seed=7)
    assert np.array_equal(once.samples, repeated.samples)
    assert np.abs(once.samples - again.samples).max() < 1e-2  # the frame grid shifts by a rounding error at most


def test_another_seed_is_another_take(tiny):
    one, two = sing(tiny, seed=1)[0], sing(tiny, seed=2)[0]
    assert not np.array_equal(one.samples, two.samples)
    assert one.offset == two.offset


def test_speakers_differ_and_have_embeddings_of_their_own_in_each_stage(tmp_path):
    voicebank = open_voicebank(build_voicebank(tmp_path, FULL), threads=1)
    mezzo, baritone = (sing(voicebank, speaker=name)[0] for name in ("mezzo", "baritone"))
    note = PHRASE.notes[1]
    quiet, loud = (loudness(part_of(take, note.onset + 0.1, note.offset - 0.1)) for take in (mezzo, baritone))
    assert loud / quiet == pytest.approx(np.exp(0.1), rel=0.01)  # the tiny acoustic model adds a tenth of the embedding


def test_a_speaker_missing_from_a_stage_is_told(tmp_path):
    folder = build_voicebank(tmp_path, TinyBank())
    config = folder / "dsdur" / "dsconfig.yaml"
    config.write_text(config.read_text().replace("  - baritone\n", ""))
    _, findings = sing(open_voicebank(folder, threads=1), speaker="baritone")
    assert [finding.code for finding in findings] == ["speaker_not_in_stage"]
    assert "dsdur" in findings[0].message


def test_a_curve_that_nothing_predicts_is_refused(tmp_path):
    folder = build_voicebank(tmp_path, TinyBank(curves=("breathiness", "tension")))
    with pytest.raises(VoicebankError, match="asks for breathiness and tension, which no model of it predicts"):
        sing(open_voicebank(folder, threads=1))


def test_curves_stay_in_their_range(tmp_path):
    from cantilena.singing.align import align
    from cantilena.singing.durations import predict_durations
    from cantilena.singing.pitch import predict_pitch
    from cantilena.singing.variance import predict_variance

    voicebank = open_voicebank(build_voicebank(tmp_path, FULL), threads=1)
    generator = np.random.default_rng(0)
    sequence, _ = align(PHRASE, voicebank, Toy(), {})
    timing = predict_durations(sequence, voicebank, "mezzo")
    pitch = predict_pitch(PHRASE, timing, voicebank, speaker="mezzo", expression=1.0, steps=4, generator=generator)
    curves = predict_variance(timing, pitch, voicebank, speaker="mezzo", steps=4, generator=generator)
    assert curves.energy is None
    assert curves.voicing is None
    assert set(curves.breathiness.tolist()) == {-40.0}
    assert set(curves.tension.tolist()) == {10.0}
    assert len(curves.tension) == timing.n_frames == len(pitch.midi)
    assert not curves.tension.flags.writeable
