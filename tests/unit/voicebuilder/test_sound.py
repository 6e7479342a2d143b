"""How the voice sounds: composed targets, level curves, waveforms, the critic; nothing here is trained for long."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; the voice recipe needs it, singing does not")

import torch

from voicebuilder.acoustic import AcousticGraph, AcousticNet
from voicebuilder.acoustic_training import AcousticLoss, AcousticStage
from voicebuilder.analysis import Envelopes, lift_sibilants
from voicebuilder.compose import LEAD_SUB_FRAMES, Target, compose, release_gain
from voicebuilder.curves import curves, ratio_of_tension, tension_of_ratio
from voicebuilder.spectra import LOG_FLOOR, N_MELS, SAMPLE_RATE, SUB_HOP_SIZE, mel_edges
from voicebuilder.symbols import IDS
from voicebuilder.training import Sampler, TrainingOptions
from voicebuilder.vocoder import VocoderGraph, VocoderNet
from voicebuilder.vocoder_training import VocoderLoss, VocoderStage, spectral_loss
from voicebuilder.waveforms import Recording, full_band, shaped_noise

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and pyworld's own deprecation warnings

PHONES = ("SP", "m", "ay", "s", "iy", "SP")
LENGTHS = (20, 16, 40, 24, 40, 20)
"""In sub-frames of 5.8 ms."""


@pytest.fixture
def line() -> Envelopes:
    edges = np.concatenate([[0.0], np.cumsum(LENGTHS)])
    n = int(edges[-1])
    rng = np.random.default_rng(1)
    harmonic = np.full((n, N_MELS), -4.0) + rng.normal(0.0, 0.1, (n, N_MELS))
    noise = np.full((n, N_MELS), -7.0)
    noise[76:100, 80:] = -3.0
    harmonic[56:76, 40:] += 1.0  # second half of the diphthong
    voiced = np.ones(n, bool)
    voiced[76:100] = voiced[:20] = voiced[-20:] = False
    harmonic[~voiced] = LOG_FLOOR
    return Envelopes(
        voice="v",
        harmonic=harmonic.astype(np.float16),
        noise=noise.astype(np.float16),
        voiced=voiced,
        tokens=np.array([IDS[p] for p in PHONES]),
        edges=edges,
        stress=np.array([0, 0, 1, 0, 1, 0]),
    )


@pytest.fixture
def sampler(line: Envelopes) -> Sampler:
    return Sampler([line], ["v", "w"], TrainingOptions(batch=2, frames=100))


def phone_frames(target: Target, symbol: str) -> slice:
    at = list(target.tokens).index(IDS[symbol])
    first = int(target.durations[:at].sum())
    return slice(2 * first, 2 * (first + int(target.durations[at])))


def long_target(line: Envelopes) -> Target:
    for seed in range(50):
        target = compose(np.random.default_rng(seed), line, max_frames=400, natural=0.0)
        held = dict(zip(target.tokens.tolist(), target.durations.tolist(), strict=True))
        if held.get(IDS["ay"], 0) > 60 and held.get(IDS["iy"], 0) > 60 and held.get(IDS["m"], 0):
            return target
    raise AssertionError("no seed draws long vowels")


def test_held_diphthong_glides_late(line: Envelopes):
    target = long_target(line)
    vowel = target.harmonic[phone_frames(target, "ay")]
    height = vowel[:, 40:].mean(1) - vowel[:, :40].mean(1)
    assert np.abs(height[: len(height) // 2]).mean() < 0.3
    assert height[-20:-4].mean() > 0.6


def test_voice_fades_and_darkens_before_silence(line: Envelopes):
    target = long_target(line)
    vowel = target.harmonic[phone_frames(target, "iy")]
    assert vowel[-1, :20].mean() < vowel[-60, :20].mean() - 1.5
    gain = release_gain(80)
    assert (gain[:20] == 0.0).all()
    assert gain[-1, -1] < gain[-1, 0] < -2.0


def test_sounds_begin_before_their_label(line: Envelopes):
    target = compose(np.random.default_rng(0), line, max_frames=400, natural=1.0)
    loud = np.flatnonzero(target.noise[:, 100] > -4.5)
    assert loud[0] <= phone_frames(target, "s").start - LEAD_SUB_FRAMES + 1.5


def test_only_dull_sibilants_are_lifted():
    centres = mel_edges()[1:-1]
    dull = np.where(centres < 7500.0, -3.0, -7.0)
    bright = np.full(N_MELS, -3.0)
    noise = np.stack([dull] * 4 + [bright] * 4 + [dull] * 4)
    before = noise.copy()
    lift_sibilants(noise, ["s", "s", "m"], np.array([0.0, 4.0, 8.0, 12.0]))
    assert (noise[0, centres > 8000.0] > before[0, centres > 8000.0] + 1.0).all()
    np.testing.assert_array_equal(noise[4:], before[4:])


def test_level_curves_are_those_of_the_sound():
    n_sub, f0 = 60, 220.0
    harmonic = torch.full((1, n_sub, N_MELS), -2.0)
    noise = torch.full((1, n_sub, N_MELS), -3.0)
    graph = VocoderGraph(VocoderNet())
    torch.manual_seed(0)
    white = torch.randn(1, n_sub * SUB_HOP_SIZE)
    pitch = torch.full((1, n_sub // 2), f0)
    pulses, _ = graph.pulses(pitch, torch.zeros(1, n_sub))
    silent = torch.full_like(harmonic, LOG_FLOOR)
    breathiness, voicing, _ = curves(harmonic[:, ::2], noise[:, ::2], pitch)
    for sounding, level in (
        (graph.synthesise(harmonic, silent, pulses.reshape(1, -1), white), voicing),
        (graph.synthesise(silent, noise, pulses.reshape(1, -1), white), breathiness),
    ):
        middle = sounding[0, 4000:-4000]
        assert 20.0 * torch.log10(middle.square().mean().sqrt()) == pytest.approx(float(level[0, 15]), abs=1.0)


def test_tension_goes_there_and_back():
    ratio = torch.linspace(-3.0, 5.0, 9)
    torch.testing.assert_close(ratio_of_tension(tension_of_ratio(ratio)), ratio, atol=1e-3, rtol=1e-3)


@pytest.fixture
def graph() -> AcousticGraph:
    torch.manual_seed(0)
    return AcousticGraph(AcousticNet(), torch.eye(N_MELS)).eval()


@torch.no_grad()
def test_commanded_curves_are_followed(graph: AcousticGraph):
    n = 80
    harmonic = -3.0 - torch.linspace(0.0, 2.0, N_MELS).expand(1, n, N_MELS)
    noise = torch.full((1, n, N_MELS), -6.0)
    f0 = torch.full((1, n), 200.0)
    breathiness, voicing, tension = curves(harmonic, noise, f0)
    same = graph.follow(harmonic, noise, f0, breathiness, voicing, tension)
    torch.testing.assert_close(same[0], harmonic, atol=1e-3, rtol=0.0)
    torch.testing.assert_close(same[1], noise, atol=1e-3, rtol=0.0)
    turned = graph.follow(harmonic, noise, f0, breathiness + 6.0, voicing - 3.0, tension + 1.0)
    has = curves(*turned, f0)
    assert float((has[0] - breathiness).mean()) == pytest.approx(6.0, abs=0.1)
    assert float((has[1] - voicing).mean()) == pytest.approx(-3.0, abs=0.1)
    assert float((has[2] - tension).mean()) == pytest.approx(1.0, abs=0.4)


def test_critic_joins_and_learns_beside_the_network(sampler: Sampler):
    stage = AcousticStage(2)
    device = torch.device("cpu")
    AcousticLoss(sampler, critic_from=10)(stage, 0, device).backward()
    assert stage.critic.out.weight.grad is None
    assert stage.net.out.weight.grad is not None
    AcousticLoss(sampler, critic_from=0)(stage, 0, device).backward()
    assert stage.critic.out.weight.grad.abs().sum() > 0


def test_missing_band_is_filled_with_noise_of_its_level():
    n_sub = 200
    heard = np.full((n_sub, N_MELS), 2.0 * LOG_FLOOR, np.float32)
    wanted = heard.copy()
    wanted[:, 120:] = -3.0
    tone = 0.1 * np.sin(2 * np.pi * 300.0 * np.arange(n_sub * SUB_HOP_SIZE * 24000 // SAMPLE_RATE) / 24000)
    sound = full_band(tone, 24000, gain=0.0, heard=heard, wanted=wanted).astype(float) / 32767.0
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE)
    high = power[(hz > 13500.0) & (hz < 15500.0)].sum()
    expected = np.abs(np.fft.rfft(shaped_noise(np.full((n_sub, N_MELS), -3.0, np.float32)))) ** 2
    assert high == pytest.approx(expected[(hz > 13500.0) & (hz < 15500.0)].sum(), rel=0.2)
    assert power[(hz > 250.0) & (hz < 350.0)].sum() == pytest.approx(power[hz < 8000.0].sum(), rel=0.05)


def test_spectral_loss_grows_with_the_difference():
    sound = torch.randn(1, 8192, generator=torch.Generator().manual_seed(1))
    assert spectral_loss(sound, sound) == pytest.approx(0.0, abs=1e-6)
    assert spectral_loss(0.5 * sound, sound) < spectral_loss(0.1 * sound, sound)


def test_vocoder_learns_from_a_waveform(line: Envelopes, sampler: Sampler):
    long = Envelopes(
        voice="v",
        harmonic=np.tile(line.harmonic, (2, 1)),
        noise=np.tile(line.noise, (2, 1)),
        voiced=np.tile(line.voiced, 2),
        tokens=line.tokens,
        edges=line.edges,
        stress=line.stress,
    )
    n_sub = len(long.harmonic)
    rng = np.random.default_rng(2)
    recording = Recording(
        name="v-0",
        samples=(1000.0 * rng.standard_normal(n_sub * SUB_HOP_SIZE)).astype(np.int16),
        f0=np.full(n_sub, 150.0, np.float32),
    )
    stage = VocoderStage()
    loss = VocoderLoss(sampler, [long], [recording], seed=1)
    torch.manual_seed(0)
    value = loss(stage, 0, torch.device("cpu"))
    value.backward()
    assert torch.isfinite(value)
    assert stage.graph.net.out.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="recordings for"):
        VocoderLoss(sampler, [long], [], seed=1)
