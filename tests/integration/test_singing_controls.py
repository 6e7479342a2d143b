"""Every control acts where the reference says, by as much as it says, through the real onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cantilena.api import load_score
from cantilena.errors import OptionError, VoicebankError
from cantilena.singing.control_effects import control_findings
from cantilena.singing.control_settings import make_controls
from cantilena.singing.controls import SCALES
from cantilena.singing.options import SingOptions
from cantilena.singing.pipeline import PHRASE_STEPS, PhraseResults, lead_in_seconds
from cantilena.singing.synthesize_audio import synthesize_mel
from cantilena.song import LineOptions, plan_song
from cantilena.voicebank import Voicebank, open_voicebank
from tests.unit.singing.singers import make_phrase, make_voice
from tests.voicebanks.bank import HIDDEN
from tests.voicebanks.build import TinyBank, build_voicebank
from tests.voicebanks.graph import BOOL, FLOAT, INT, Graph, Sampling
from tests.voicebanks.sound import BANDS, LEVELS

SCORE = Path(__file__).parents[2] / "examples" / "amazing-grace.musicxml"
CURVES = ("energy", "breathiness", "voicing", "tension")
PHRASE = make_phrase("sky", "new", onset=2.0, length=1.0, midi=[60, 64])
CALM = {**LEVELS, "tension": 0.0}
FULL = TinyBank(
    pitch="word", variance="phoneme", predicted=CURVES, curves=CURVES, shifts=True, depth=True, levels=CALM,
    per_semitone=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Voicebank:
    return open_voicebank(build_voicebank(tmp_path_factory.mktemp("banks"), FULL), threads=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Voicebank:
    """Without a model of pitch or variance."""
    return open_voicebank(build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank()), threads=1)


def sing(voicebank: Voicebank, settings: object = None, *, until: str = "variance", **options: object) -> PhraseResults:
    """The steps up to one of them; the times of controls are on the score's clock."""
    speaker = voicebank.speakers[0] if voicebank.speakers else None
    asked = SingOptions(**{"speaker": speaker, "controls": make_controls(settings or {}), **options})
    singer = make_voice(voicebank, asked)
    results = PhraseResults.of(PHRASE)
    for name, step in PHRASE_STEPS.items():
        results = step(results, singer)
        if name == until:
            break
    return results


def sound(voicebank: Voicebank, settings: object = None, **options: object) -> np.ndarray:
    return sing(voicebank, settings, until="synthesize_audio", **options).waveform.samples


def mel(
    voicebank: Voicebank, settings: object = None, *, seed: int = 0, steps: int = 4, depth: float = 1.0
) -> np.ndarray:
    """The level of each band in the middle of the second note, [shape=(n_mels,)], with next to no noise."""
    sung = sing(voicebank, settings)
    controls = make_controls(settings or {}).shifted(-sung.onset)
    bins = synthesize_mel(
        sung.timing, sung.pitch, sung.variance, voicebank, speaker=voicebank.speakers[0], steps=steps, depth=depth,
        generator=np.random.default_rng(seed), controls=controls,
    )  # fmt: skip
    return np.median(bins[0][frames_at(sung, 1.3, 1.7)], axis=0)


def band(levels: np.ndarray, name: str) -> float:
    return float(levels[BANDS.index(name) * len(levels) // len(BANDS) + 1])


def frames_at(sung: PhraseResults, begin: float, end: float) -> np.ndarray:
    """Frames of the phrase between two moments of its own clock."""
    times = sung.timing.frame_times
    return np.flatnonzero((times >= begin) & (times < end))


@pytest.mark.parametrize(
    ("name", "value", "change"),
    [
        ("energy", 50, 6.0), ("energy", -100, -12.0), ("breathiness", 100, 12.0), ("breathiness", -50, -6.0),
        ("voicing", 50, -6.0), ("voicing", 0, -12.0), ("tension", 100, 5.0), ("tension", -20, -1.0),
    ],
)  # fmt: skip
def test_curves_are_turned_by_so_much(full, name, value, change):
    before, after = sing(full).variance, sing(full, {name: value}).variance
    for curve in CURVES:
        expected = change if curve == name else 0.0
        assert getattr(after, curve) - getattr(before, curve) == pytest.approx(expected, abs=1e-3)


def test_turned_curves_stay_in_their_range(tmp_path):
    edge = replace(FULL, levels={"energy": -3.0, "breathiness": -90.0, "voicing": -95.0, "tension": 8.0})
    voicebank = open_voicebank(build_voicebank(tmp_path, edge), threads=1)
    turned = sing(voicebank, {"energy": 100, "breathiness": -100, "voicing": 0, "tension": 100}).variance
    assert set(turned.energy.tolist()) == {0.0}
    assert set(turned.breathiness.tolist()) == {-96.0}
    assert set(turned.voicing.tolist()) == {-96.0}
    assert set(turned.tension.tolist()) == {10.0}


def test_a_curve_over_time_acts_when_it_says(full):
    """Times are the score's, and the phrase begins at its second 2."""
    before = sing(full)
    after = sing(full, {"energy": ([3.0, 3.5], [0, 100])})
    change = after.variance.energy - before.variance.energy
    assert change[frames_at(after, -1.0, 0.95)] == pytest.approx(0.0, abs=1e-4)
    rising = frames_at(after, 1.05, 1.45)
    assert change[rising] == pytest.approx(24.0 * (after.timing.frame_times[rising] - 1.0), abs=1e-3)
    assert change[frames_at(after, 1.55, 3.0)] == pytest.approx(12.0, abs=1e-4)


@pytest.mark.parametrize("rate", [(441, 44100), (256, 24000)])
def test_curves_of_another_grid_act_at_the_same_time(tmp_path, rate):
    hop_size, sample_rate = rate
    other = replace(FULL, sub_hop_size=hop_size, sub_sample_rate=sample_rate)
    voicebank = open_voicebank(build_voicebank(tmp_path, other), threads=1)
    sung = sing(voicebank, {"energy": ([3.0, 3.001], [0, 100])})
    change = sung.variance.energy - sing(voicebank).variance.energy
    assert sung.timing.frame_times[np.flatnonzero(change > 6.0)[0]] == pytest.approx(1.0, abs=0.012)
    # The second note is reached when its vowel begins, whatever the grid that it was predicted on.
    midi = sung.pitch.midi
    assert sung.timing.frame_times[np.flatnonzero(midi > 62.0)[0]] == pytest.approx(1.0, abs=0.012)


def test_gender_and_velocity_reach_the_acoustic_model(full):
    neutral = mel(full)
    assert band(mel(full, {"gender": -25}), "gender") - band(neutral, "gender") == pytest.approx(0.6, abs=0.02)
    assert band(mel(full, {"gender": 25}), "gender") - band(neutral, "gender") == pytest.approx(-0.6, abs=0.02)
    fast = band(mel(full, {"velocity": 200}), "velocity") - band(neutral, "velocity")
    assert fast == pytest.approx(np.log(2.0), abs=0.02)


def test_gender_counts_by_the_shifts_the_model_was_trained_on(tmp_path):
    lines = ("augmentation_args:", "  random_pitch_shifting:", "    range: [-12., 6.]")
    folder = build_voicebank(tmp_path, replace(FULL, extra={"acoustic": lines}))
    voicebank = open_voicebank(folder, threads=1)
    change = band(mel(voicebank, {"gender": -25}), "gender") - band(mel(voicebank), "gender")
    assert change == pytest.approx(0.5, abs=0.02)


def test_tone_shift_is_heard_in_the_curves_alone(full):
    before, after = sing(full), sing(full, {"tone_shift": 1200})
    assert after.variance.energy - before.variance.energy == pytest.approx(1.2, abs=1e-3)
    assert after.pitch.f0.tolist() == before.pitch.f0.tolist()


STEADY = replace(FULL, per_semitone=0.0)  # its curves do not depend on pitch, so that its acoustic model can be heard


def test_tone_shift_is_kept_from_acoustic_models_whose_vocoder_does_not_follow(tmp_path):
    voicebank = open_voicebank(build_voicebank(tmp_path, STEADY), threads=1)
    heights = [band(mel(voicebank, settings), "height") for settings in ({}, {"tone_shift": 1200})]
    assert heights[1] == pytest.approx(heights[0], abs=0.02)


def test_a_vocoder_that_follows_pitch_lets_the_timbre_move(tmp_path):
    voicebank = open_voicebank(build_voicebank(tmp_path, replace(STEADY, pitch_controllable=True)), threads=1)
    heights = [band(mel(voicebank, settings), "height") for settings in ({}, {"tone_shift": 1200})]
    assert heights[1] - heights[0] == pytest.approx(0.5, abs=0.02)  # an octave for the acoustic model
    low, high = (sing(voicebank, settings, until="synthesize_audio") for settings in ({}, {"tone_shift": 1200}))
    assert high.pitch.f0.tolist() == low.pitch.f0.tolist()
    assert strongest(high) == pytest.approx(strongest(low), rel=1e-3)  # and none for the vocoder


def strongest(sung: PhraseResults) -> float:
    """Hz of the loudest partial of the second note."""
    waveform = sung.waveform
    first = round((1.2 - waveform.offset) * waveform.sample_rate)
    samples = waveform.samples[first : first + waveform.sample_rate // 2]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * waveform.sample_rate / (1 << 18))


def test_pitch_expression_is_given_to_a_model_frame_by_frame(full):
    """The tiny model sings a tenth of a semitone lower without expression."""
    before, after = sing(full).pitch, sing(full, {"pitch_expression": 0}).pitch
    assert after.midi - before.midi == pytest.approx(-0.1, abs=0.01)
    halved = sing(full, {"pitch_expression": 50}, expression=0.5).pitch
    assert halved.midi - before.midi == pytest.approx(-0.075, abs=0.01)
    late = sing(full, {"pitch_expression": ([3.0, 3.001], [100, 0])})
    change = late.pitch.midi - before.midi
    assert change[frames_at(late, -1, 0.98)] == pytest.approx(0.0, abs=0.01)
    assert change[frames_at(late, 1.02, 3)] == pytest.approx(-0.1, abs=0.01)


def test_pitch_expression_scales_what_is_drawn(plain):
    def swing(settings: object) -> float:
        sung = sing(plain, settings)
        return float(np.ptp(sung.pitch.midi[frames_at(sung, 1.6, 1.9)]))

    assert swing({"pitch_expression": 0}) == pytest.approx(0.0, abs=1e-4)
    assert swing({"pitch_expression": 50}) == pytest.approx(0.5 * swing({}), rel=0.05)


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({"speaker:baritone": 40}, 0.4),
        ({"speaker:baritone": 100}, 1.0),
        ({"speaker:baritone": 60, "speaker:mezzo": 60}, 0.5),
        ({"speaker:baritone": ([0, 3.5], [50, 100])}, 0.5 + 0.5 * 3.5 / 3.5),
    ],
)
def test_speakers_are_mixed(full, settings, share):
    """The tiny acoustic model adds a tenth of the speaker's number; every model refuses another stage's mix."""
    change = band(mel(full, settings), "voice") - band(mel(full), "voice")
    assert change == pytest.approx(0.1 * share, abs=0.02)


def test_speakers_are_mixed_for_pitch_frame_by_frame(full):
    """The tiny pitch model adds a hundredth of the speaker's number."""
    change = sing(full, {"speaker:baritone": ([2.0, 4.0], [0, 100])}).pitch.midi - sing(full).pitch.midi
    assert change[:8] == pytest.approx(0.0, abs=0.004)
    assert change[-8:] == pytest.approx(0.01, abs=0.004)


def test_a_voice_colour_names_a_speaker_to_mix(tmp_path):
    folder = build_voicebank(tmp_path, FULL)
    character = folder / "character.yaml"
    character.write_text(character.read_text() + "subbanks:\n- {color: Deep, suffix: baritone}\n")
    voicebank = open_voicebank(folder, threads=1)
    assert control_findings(voicebank, make_controls({"speaker:deep": 100})) == ()
    change = band(mel(voicebank, {"speaker:deep": 100}), "voice") - band(mel(voicebank), "voice")
    assert change == pytest.approx(0.1, abs=0.02)


def test_what_cannot_act_is_told(plain, full):
    settings = {name: scale.high if scale.high != scale.neutral else scale.low for name, scale in SCALES.items()}
    told = control_findings(plain, make_controls(settings))
    assert {finding.code for finding in told} == {"control_without_effect"}
    assert len(told) == len(SCALES) - 1  # a drawn pitch has ornaments
    assert not any("pitch_expression" in finding.message for finding in told)
    assert control_findings(full, make_controls({**settings, "speaker:baritone": 30})) == ()
    assert control_findings(plain, make_controls({name: scale.neutral for name, scale in SCALES.items()})) == ()


def test_a_pitch_model_without_expression_is_told(tmp_path):
    voicebank = open_voicebank(build_voicebank(tmp_path, replace(FULL, expr=False)), threads=1)
    (finding,) = control_findings(voicebank, make_controls({"pitch_expression": 0}))
    assert "its pitch model has no input expr" in finding.message


def test_an_unknown_speaker_is_an_error(full, tmp_path):
    with pytest.raises(OptionError, match="no speaker 'tenor'") as caught:
        control_findings(full, make_controls({"speaker:tenor": 30}))
    assert caught.value.code == "speaker_unknown"
    assert "mezzo, baritone" in caught.value.hint
    alone = open_voicebank(build_voicebank(tmp_path, TinyBank(speakers=(), ranges="{}")), threads=1)
    with pytest.raises(OptionError, match="no speaker 'mezzo'"):
        control_findings(alone, make_controls({"speaker:mezzo": 30}))


def test_a_speaker_missing_from_a_stage_leaves_its_share_to_the_others(tmp_path):
    folder = build_voicebank(tmp_path, FULL)
    config = folder / "dspitch" / "dsconfig.yaml"
    config.write_text(config.read_text().replace("  - baritone\n", ""))
    voicebank = open_voicebank(folder, threads=1)
    (finding,) = control_findings(voicebank, make_controls({"speaker:baritone": 30}))
    assert finding.code == "speaker_not_in_stage"
    assert "dspitch" in finding.message
    mixed, alone = sing(voicebank, {"speaker:baritone": 100}), sing(voicebank)
    assert mixed.pitch.midi - alone.pitch.midi == pytest.approx(0.0, abs=0.004)


OLD = Sampling(hurry="speedup", depth="int", ancestral=True)
DIFFUSION = Sampling(depth="float", ancestral=True)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(depth="float"), DIFFUSION, OLD, replace(OLD, depth=None)])
def test_every_way_of_sampling_is_the_same_every_time(tmp_path, sampling, rank):
    """A graph that draws noise in its loop is kept out of it, even by a thousand steps."""
    every = dict.fromkeys(HIDDEN, replace(sampling, rank=rank, depth=None)) | {"acoustic": replace(sampling, rank=rank)}
    bank = replace(FULL, sampling=every, max_depth="600" if sampling.depth == "int" else "0.6")
    voicebank = open_voicebank(build_voicebank(tmp_path, bank), threads=1)
    for options in ({"steps": 1000}, {"quality": "draft"}):
        once, again = (sound(voicebank, seed=3, **options) for _ in range(2))
        assert np.array_equal(once, again)


def test_a_draft_is_the_first_guess(full):
    """At depth 0 the tiny model adds no noise."""
    assert np.array_equal(mel(full, seed=1, depth=0.0), mel(full, seed=2, depth=0.0))
    assert not np.array_equal(mel(full, seed=1, depth=1.0), mel(full, seed=2, depth=1.0))


def rewrite(file: Path, **inputs: tuple[int, list[int | str]]) -> None:
    """Give a model further inputs, which it adds nothing of."""
    import onnx

    model = onnx.load(file)
    graph = Graph("fork")
    for name, (dtype, shape) in inputs.items():
        graph.input(name, dtype, shape)
    extra = onnx.load_from_string(graph.serialized()).graph
    model.graph.input.extend(extra.input)
    model.graph.name = "fork"
    file.write_bytes(model.SerializeToString())


def test_inputs_of_forks_are_given_their_neutral_values(tmp_path):
    folder = build_voicebank(tmp_path, FULL)
    noise = {"noise": (FLOAT, [1, 1, 16, "n_frames"])}
    blend = {"blend": (FLOAT, [1, "n_frames"])}
    rewrite(
        folder / "acoustic.onnx",
        tokens_b=(INT, [1, "n_tokens"]), shift_mouth_opening=(FLOAT, [1, "n_frames"]),
        gt_mel=(FLOAT, [1, "n_frames", 16]), retake=(BOOL, [1, "n_frames"]), **noise, **blend,
    )  # fmt: skip
    for name, hidden in (("pitch", HIDDEN["dspitch"]), ("variance", HIDDEN["dsvariance"])):
        encoded = {"encoder_out_b": (FLOAT, [1, "n_tokens", hidden])}
        rewrite(folder / f"ds{name}" / f"{name}.onnx", **noise, **blend, **encoded)
        rewrite(
            folder / f"ds{name}" / "linguistic.onnx",
            tokens_b=(INT, [1, "n_tokens"]), blend=(FLOAT, [1, "n_tokens"]),
        )  # fmt: skip
    assert sound(open_voicebank(folder, threads=1)).any()


def test_an_input_that_nobody_knows_is_refused_by_name(tmp_path):
    folder = build_voicebank(tmp_path, FULL)
    rewrite(folder / "acoustic.onnx", growl=(FLOAT, [1, "n_frames"]))
    with pytest.raises(VoicebankError, match="asks for the input 'growl'") as caught:
        sound(open_voicebank(folder, threads=1))
    assert caught.value.code == "voicebank_unsupported"


def test_an_encoder_without_masks_sings(tmp_path):
    import onnx

    folder = build_voicebank(tmp_path, FULL)
    for stage in ("dsdur", "dspitch", "dsvariance"):
        file = folder / stage / "linguistic.onnx"
        model = onnx.load(file)
        model.graph.output.remove(next(output for output in model.graph.output if output.name == "x_masks"))
        file.write_bytes(model.SerializeToString())
    assert sound(open_voicebank(folder, threads=1)).any()


def test_pressed_voicing_is_turned_in_decibels(tmp_path):
    mu_law = ("voicing_domain: mulaw", "voicing_mu: 255")
    folder = build_voicebank(tmp_path, replace(FULL, extra={"acoustic": mu_law, "dsvariance": mu_law}))
    voicebank = open_voicebank(folder, threads=1)
    before, after = sing(voicebank).variance.voicing, sing(voicebank, {"voicing": 50}).variance.voicing

    def to_db(wire: np.ndarray) -> np.ndarray:
        return 20 * np.log10((256.0 ** (1 + wire / 96) - 1) / 255)

    assert before == pytest.approx(LEVELS["voicing"] + 0.1 * (sing(voicebank).pitch.midi - 60), abs=0.01)
    assert to_db(after) - to_db(before) == pytest.approx(-6.0, abs=0.01)


def test_a_plan_tells_what_cannot_act_and_counts_from_the_beginning_of_the_audio(plain):
    """The score's first beat comes a lead-in later."""
    options = SingOptions(controls=make_controls({"tension": ([0, 1], [0, 10])}))
    plan = plan_song(load_score(SCORE), line=LineOptions(verse="1"), voicebank=plain, options=options)
    assert [finding.code for finding in plan.findings if "tension" in finding.message] == ["control_without_effect"]
    assert plan.singer.controls.curves["tension"].times[0] == -lead_in_seconds(plain)


def test_a_plan_with_an_unknown_speaker_is_refused(plain):
    options = SingOptions(controls=make_controls({"speaker:tenor": 10}))
    with pytest.raises(OptionError, match="no speaker 'tenor'"):
        plan_song(load_score(SCORE), line=LineOptions(verse="1"), voicebank=plain, options=options)
