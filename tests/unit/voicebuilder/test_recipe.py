"""The whole voice recipe on a corpus of a few made-up lines: prepare, train, go on training, export, sing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; the voice recipe needs it, singing does not")
pytest.importorskip("onnx", reason="onnx is not installed beside torch (torch is not installed for the recipe)")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # torch's and pyworld's own deprecation warnings
    pytest.mark.timeout(300),
]

RATE = 24000
LINE = ("SP", "m", "aa", "s", "iy", "t", "ow", "SP", "l", "ay", "z", "ah", "SP")


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

    from voicebuilder.bank import VESPER
    from voicebuilder.recipe import STAGES, export_bank, prepare_corpus, train_stage

    threads = torch.get_num_threads()
    root = tmp_path_factory.mktemp("recipe")
    rng = np.random.default_rng(3)
    for voice, f0 in (("af_heart", 210.0), ("am_michael", 115.0)):
        rows = [write_line(root / "corpus", voice, f"{i:04d}", f0, rng) for i in range(3)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / "corpus" / f"labels-{voice}.jsonl").write_text(text, encoding="utf-8")
    prepare_corpus(root / "corpus", root / "work", VESPER, lines=2)
    for stage in STAGES:
        for steps in (2, 3):  # the second call goes on from the first one's checkpoint
            train_stage(stage, root / "work", VESPER, steps=steps, minutes=None, batch=2, seed=1)
    export_bank(root / "work", root / "Vesper_0.1", VESPER)
    torch.set_num_threads(threads)
    return root / "Vesper_0.1"


def test_bank_has_every_file(bank: Path):
    found = {path.relative_to(bank).as_posix() for path in bank.rglob("*") if path.is_file()}
    assert found >= {
        "character.txt",
        "character.yaml",
        "dsconfig.yaml",
        "acoustic.onnx",
        "phonemes.json",
        "mezzo.emb",
        "baritone.emb",
        "dsdur/dsconfig.yaml",
        "dsdur/linguistic.onnx",
        "dsdur/dur.onnx",
        "dsdur/phonemes.json",
        "dsdur/dsdict.yaml",
        "dsdur/dsdict-en.yaml",
        "dsdur/mezzo.emb",
        "dsvocoder/vocoder.yaml",
        "dsvocoder/vesper_hn.onnx",
        "LICENSE",
        "CREDITS.md",
    }
    assert sum(path.stat().st_size for path in bank.rglob("*") if path.is_file()) < 40e6


def test_training_goes_on_from_its_checkpoint(bank: Path):
    import torch

    from voicebuilder.recipe import STAGES

    for stage in STAGES:
        assert torch.load(bank.parent / "work" / f"{stage}.pt", weights_only=True)["step"] == 3


def test_bank_sings_a_line(bank: Path):
    from voicebuilder.audition import SONGS, Bank, sing

    opened = Bank(bank)
    track, reference = sing(opened, SONGS[0], "baritone", beat=0.4)
    assert np.isfinite(track).all()
    assert len(track) / 44100 > reference["notes"][-1]["offset"]


@pytest.mark.parametrize("n_frames", [1, 2, 700])
def test_graphs_take_any_length(bank: Path, n_frames: int):
    from voicebuilder.audition import Bank

    opened = Bank(bank)
    f0 = np.full((1, n_frames), 233.0, np.float32)
    spk = np.zeros((1, n_frames, 256), np.float32)
    for steps in (np.array(3), np.array([3])):
        (mel,) = opened.run(
            "acoustic",
            tokens=np.array([[5]]),
            durations=np.array([[n_frames]]),
            f0=f0,
            gender=0 * f0,
            spk_embed=spk,
            steps=steps,
        )
        assert mel.shape == (1, n_frames, 128)
    (wave,) = opened.run("vocoder", mel=mel, f0=f0)
    assert wave.shape == (1, n_frames * 512)
    assert np.isfinite(wave).all()


def test_groups_sum_to_their_length(bank: Path):
    from voicebuilder.audition import Bank

    opened = Bank(bank)
    ids = opened.ids
    tokens = np.array([[ids[p] for p in ("SP", "s", "t", "aa", "r", "l", "ay", "t", "s", "SP", "m")]])
    div, dur = np.array([[3, 3, 3, 2]]), np.array([[43, 70, 12, 30]])
    encoder_out, masks = opened.run("linguistic", tokens=tokens, word_div=div, word_dur=dur)
    assert not masks.any()
    n = tokens.shape[1]
    spk = np.zeros((1, n, 256), np.float32)
    (lengths,) = opened.run("dur", encoder_out=encoder_out, x_masks=masks, ph_midi=np.full((1, n), 60), spk_embed=spk)
    assert (lengths > 0.5).all()
    np.testing.assert_allclose(np.add.reduceat(lengths[0], np.r_[0, np.cumsum(div)[:-1]]), dur[0], rtol=1e-4)


def test_one_random_node_is_named(bank: Path):
    import onnx

    random = []
    for path in sorted(bank.rglob("*.onnx")):
        model = onnx.load(path)
        assert model.ir_version <= 10
        assert [entry.version for entry in model.opset_import if entry.domain == ""] == [17]
        random += [(path.name, *n.output) for n in model.graph.node if n.op_type.startswith("Random")]
    assert random == [("vesper_hn.onnx", "noise")]
