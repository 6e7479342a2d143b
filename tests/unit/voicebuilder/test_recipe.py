"""The whole voice recipe on a corpus of a few made-up lines: prepare, train, go on training, export, sing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; the voice recipe needs it, singing does not")
pytest.importorskip("onnx", reason="onnx is not installed beside torch (torch is not installed for the recipe)")

import onnxruntime

import cantilena
from voicebuilder.bank import VESPER

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # torch's and pyworld's own deprecation warnings
    pytest.mark.timeout(300),
]

RATE = 24000
LINE = ("SP", "m", "aa", "s", "iy", "t", "ow", "SP", "l", "ay", "z", "ah", "SP")
SIZE = 256
CURVES = ("breathiness", "voicing", "tension")
SONG = """<?xml version="1.0"?>
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="150"/></direction>{notes}</measure></part></score-partwise>
"""
NOTE = (
    "<note><pitch><step>{0}</step><octave>3</octave></pitch><duration>1</duration><type>quarter</type>"
    "<lyric><syllabic>single</syllabic><text>{1}</text></lyric></note>"
)
REST = "<note><rest/><duration>2</duration></note>"


def write_line(folder: Path, voice: str, name: str, f0: float, rng: np.random.Generator) -> dict:
    import soundfile

    phones, pieces, at, word = [], [], 0.0, 0
    for symbol in LINE:
        seconds = 0.2 if symbol == "SP" else float(rng.uniform(0.08, 0.2))
        n = int(seconds * RATE)
        time = (at * RATE + np.arange(n)) / RATE
        if symbol == "SP":
            piece = 1e-4 * rng.standard_normal(n)
        elif symbol in ("s", "t"):
            piece = 0.05 * rng.standard_normal(n)
        else:
            piece = sum(0.1 / k * np.sin(2 * np.pi * k * f0 * time) for k in range(1, 20))
        stress = 1 if symbol in ("aa", "iy", "ow", "ay", "ah") else None
        phones.append([symbol, at, at + n / RATE, stress, -1 if symbol == "SP" else word])
        at += n / RATE
        pieces.append(piece)
    audio = f"{voice}/{name}.flac"
    (folder / voice).mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / audio, np.concatenate(pieces), RATE)
    curve = np.zeros(int(at / 0.0125) + 1)
    for symbol, a, b, *_ in phones:
        if symbol not in ("SP", "s", "t"):
            curve[int(a / 0.0125) : int(b / 0.0125)] = f0
    return {"id": name, "audio": audio, "voice": voice, "seconds": at, "phones": phones, "f0_hz": curve.tolist()}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from voicebuilder.recipe import STEPS, export_bank, prepare_corpus, train_stage

    threads = torch.get_num_threads()
    root = tmp_path_factory.mktemp("recipe")
    rng = np.random.default_rng(3)
    for voice, f0 in (("af_heart", 210.0), ("am_michael", 115.0)):
        rows = [write_line(root / "corpus", voice, f"{i:04d}", f0, rng) for i in range(3)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / "corpus" / f"labels-{voice}.jsonl").write_text(text, encoding="utf-8")
    prepare_corpus(root / "corpus", root / "work", VESPER, lines=2)
    for stage in STEPS:
        for steps in (2, 3):  # the second call goes on from the first one's checkpoint
            train_stage(stage, root / "work", VESPER, steps=steps, minutes=None, batch=2, seed=1)
    export_bank(root / "work", root / "Vesper", VESPER)
    torch.set_num_threads(threads)
    return root / "Vesper"


def run(bank: Path, model: str, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(bank / model), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True))


def test_bank_has_every_file(bank: Path):
    found = {path.relative_to(bank).as_posix() for path in bank.rglob("*") if path.is_file()}
    own = {"dsconfig.yaml", "phonemes.json", "mezzo.emb", "baritone.emb"}
    stages = {"dsdur": "dur.onnx", "dspitch": "pitch.onnx", "dsvariance": "variance.onnx"}
    expected = own | {"character.txt", "character.yaml", "acoustic.onnx", "LICENSE", "CREDITS.md"}
    expected |= {"dsvocoder/vocoder.yaml", "dsvocoder/vesper_hn.onnx", "dsdur/dsdict-en.yaml"}
    for stage, model in stages.items():
        expected |= {f"{stage}/{name}" for name in (*own, model, "linguistic.onnx", "dsdict.yaml")}
    assert found == expected
    assert sum(path.stat().st_size for path in bank.rglob("*") if path.is_file()) < 40e6


def test_training_goes_on_from_its_checkpoint(bank: Path):
    import torch

    from voicebuilder.stages import STEPS

    for stage in STEPS:
        assert torch.load(bank.parent / "work" / f"{stage}.pt", weights_only=True)["step"] == 3


@pytest.mark.parametrize("speaker", ["mezzo", "baritone"])
def test_bank_sings_a_song_through_the_library(bank: Path, tmp_path: Path, speaker: str):
    words = [("C", "my"), ("E", "seal"), ("G", "toe")]
    notes = "".join(NOTE.format(*word) for word in words) + REST + "".join(NOTE.format(*word) for word in words)
    song = tmp_path / "song.musicxml"
    song.write_text(SONG.format(notes=notes), encoding="utf-8")
    take = cantilena.sing(song, voicebank=bank, speaker=speaker, cache=False)
    samples = np.asarray(take.samples)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() > 1e-3
    assert len(take.phrases) == 2
    assert not [finding for finding in take.warnings if finding.code == "phoneme_substituted"]


@pytest.mark.parametrize("n_frames", [1, 2, 700])
def test_graphs_take_any_length(bank: Path, n_frames: int):
    tokens, lengths = np.array([[5]]), np.array([[n_frames]])
    level = np.full((1, n_frames), 57.0, np.float32)
    f0 = np.full((1, n_frames), 220.0, np.float32)
    spk_embed = np.zeros((1, n_frames, SIZE), np.float32)
    for steps in (np.array(3), np.array([3])):
        encoded = run(bank, "dspitch/linguistic.onnx", tokens=tokens, ph_dur=lengths)["encoder_out"]
        pitch = run(
            bank, "dspitch/pitch.onnx", encoder_out=encoded, ph_dur=lengths, note_midi=np.array([[57.0]], np.float32),
            note_rest=np.array([[False]]), note_dur=lengths, pitch=level, expr=np.ones_like(level),
            retake=np.ones((1, n_frames), bool), spk_embed=spk_embed, steps=steps,
        )["pitch_pred"]  # fmt: skip
        assert pitch.shape == (1, n_frames)
        encoded = run(bank, "dsvariance/linguistic.onnx", tokens=tokens, ph_dur=lengths)["encoder_out"]
        curves = run(
            bank, "dsvariance/variance.onnx", encoder_out=encoded, ph_dur=lengths, pitch=pitch,
            **dict.fromkeys(CURVES, 0 * level), retake=np.ones((1, n_frames, 3), bool), spk_embed=spk_embed,
            steps=steps,
        )  # fmt: skip
        given = {name: curves[f"{name}_pred"] for name in CURVES}
        mel = run(
            bank, "acoustic.onnx", tokens=tokens, durations=lengths, f0=f0, **given, gender=0 * f0,
            spk_embed=spk_embed, steps=steps,
        )["mel"]  # fmt: skip
        assert mel.shape == (1, n_frames, 128)
    wave = run(bank, "dsvocoder/vesper_hn.onnx", mel=mel, f0=f0)["waveform"]
    assert wave.shape == (1, n_frames * 512)
    assert np.isfinite(wave).all()


def test_groups_sum_to_their_length(bank: Path):
    ids = json.loads((bank / "phonemes.json").read_text(encoding="utf-8"))
    tokens = np.array([[ids[p] for p in ("SP", "s", "t", "aa", "r", "l", "ay", "t", "s", "SP", "m")]])
    div, dur = np.array([[3, 3, 3, 2]]), np.array([[43, 70, 12, 30]])
    encoded = run(bank, "dsdur/linguistic.onnx", tokens=tokens, word_div=div, word_dur=dur)
    assert not encoded["x_masks"].any()
    n = tokens.shape[1]
    spk_embed = np.zeros((1, n, SIZE), np.float32)
    lengths = run(bank, "dsdur/dur.onnx", **encoded, ph_midi=np.full((1, n), 60), spk_embed=spk_embed)["ph_dur_pred"]
    assert (lengths > 0.4).all()
    np.testing.assert_allclose(np.add.reduceat(lengths[0], np.r_[0, np.cumsum(div)[:-1]]), dur[0], rtol=1e-4)


class TestPitch:
    """What holds of ``pitch.onnx`` however little it was trained."""

    def sing(self, bank: Path, *, expression: float = 1.0, kept: slice = slice(0)) -> np.ndarray:
        """Two notes of 60 frames, a fifth apart, between rests of 8."""
        ids = json.loads((bank / "phonemes.json").read_text(encoding="utf-8"))
        tokens = np.array([[ids[p] for p in ("SP", "aa", "l", "iy", "SP")]])
        ph_dur, n = np.array([[8, 54, 6, 60, 8]]), 136
        encoded = run(bank, "dspitch/linguistic.onnx", tokens=tokens, ph_dur=ph_dur)["encoder_out"]
        retake = np.ones((1, n), bool)
        retake[:, kept] = False
        return run(
            bank, "dspitch/pitch.onnx", encoder_out=encoded, ph_dur=ph_dur,
            note_midi=np.array([[60, 60, 67, 67]], np.float32), note_rest=np.array([[True, False, False, True]]),
            note_dur=np.array([[8, 60, 60, 8]]), pitch=np.full((1, n), 64.0, np.float32),
            expr=np.full((1, n), expression, np.float32), retake=retake,
            spk_embed=np.zeros((1, n, SIZE), np.float32), steps=np.array(10),
        )["pitch_pred"][0]  # fmt: skip

    def test_without_expression_a_notes_middle_is_its_pitch(self, bank: Path):
        pitch = self.sing(bank, expression=0.0)
        np.testing.assert_allclose(pitch[8 + 14 : 8 + 46], 60.0, atol=1e-4)
        np.testing.assert_allclose(pitch[68 + 14 : 68 + 46], 67.0, atol=1e-4)

    def test_expression_moves_it(self, bank: Path):
        assert np.abs(self.sing(bank) - self.sing(bank, expression=0.0)).max() > 0.005

    def test_what_is_not_sung_anew_stays(self, bank: Path):
        pitch = self.sing(bank, kept=slice(40, 60))
        assert (pitch[40:60] == 64.0).all()
        np.testing.assert_array_equal(pitch[66:], self.sing(bank)[66:])


def test_one_random_node_is_named(bank: Path):
    import onnx

    random = []
    for path in sorted(bank.rglob("*.onnx")):
        model = onnx.load(path)
        assert model.ir_version <= 10
        assert [entry.version for entry in model.opset_import if entry.domain == ""] == [17]
        random += [(path.name, *n.output) for n in model.graph.node if n.op_type.startswith("Random")]
    assert random == [("vesper_hn.onnx", "noise")]
