"""Voicebanks with missing and damaged files say which file and what is wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cantilena.errors import InferenceError, OptionError, VoicebankError
from cantilena.singing.options import SingOptions
from cantilena.singing.pipeline import sing_phrase
from cantilena.tracing import SongTrace
from cantilena.voicebank import open_voicebank
from tests.unit.singing.singers import make_phrase, make_voice
from tests.voicebanks import graphs
from tests.voicebanks.build import TinyBank, build_voicebank

FULL = TinyBank(name="Full", pitch="word", variance="word", curves=("tension",), language_ids=True, prefix="en/")
PHRASE = make_phrase("hel-", "-lo")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("pristine"), FULL)


@pytest.fixture
def bank(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "Full"))


def sing(folder: Path) -> None:
    voicebank = open_voicebank(folder, threads=1)
    sing_phrase(PHRASE, make_voice(voicebank, SingOptions(speaker="mezzo")), SongTrace())


ALL_FILES = (
    "dsconfig.yaml", "phonemes.json", "languages.json", "acoustic.onnx", "mezzo.emb", "dsdur/dsconfig.yaml",
    "dsdur/phonemes.json", "dsdur/languages.json", "dsdur/linguistic.onnx", "dsdur/dur.onnx", "dsdur/mezzo.emb",
    "dspitch/dsconfig.yaml", "dspitch/linguistic.onnx", "dspitch/pitch.onnx", "dspitch/mezzo.emb",
    "dsvariance/dsconfig.yaml", "dsvariance/variance.onnx", "dsvocoder/model.onnx",
)  # fmt: skip


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_missing_file_is_named(bank, name):
    (bank / name).unlink()
    with pytest.raises(VoicebankError) as raised:
        sing(bank)
    assert raised.value.code == "voicebank_broken"
    assert f"{name} is missing" in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("name", [name for name in ALL_FILES if name.endswith(".onnx")])
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "zeros"])
def test_a_damaged_model_is_named(bank, name, damage):
    file = bank / name
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "text": b"not a model\n" * 50, "cut": whole[: len(whole) // 2],
                      "zeros": bytes(1000)}[damage])  # fmt: skip
    with pytest.raises(VoicebankError) as raised:
        sing(bank)
    assert raised.value.code == "voicebank_broken"
    assert name in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("name", [name for name in ALL_FILES if not name.endswith((".onnx", ".emb"))])
def test_a_damaged_table_is_named(bank, name):
    (bank / name).write_bytes(b"\x00\x93{[")
    with pytest.raises(VoicebankError) as raised:
        sing(bank)
    assert raised.value.code == "voicebank_broken"
    assert name in raised.value.message


@pytest.mark.parametrize("stage", [".", "dsdur", "dspitch", "dsvariance"])
def test_an_embedding_of_the_wrong_size_is_named_with_both_sizes(bank, stage):
    (bank / stage / "mezzo.emb").write_bytes(np.zeros(256, dtype="<f4").tobytes())
    with pytest.raises(VoicebankError, match=r"mezzo\.emb holds 256 values, but the model of its stage asks for \d"):
        sing(bank)


def test_speakers_left_out_of_the_configuration_are_missed(bank):
    config = bank / "dsdur" / "dsconfig.yaml"
    config.write_text(
        "".join(line for line in config.read_text().splitlines(True) if not line.startswith(("spea", "  -")))
    )
    with pytest.raises(VoicebankError, match="names no speakers, but its model asks for the embedding of one"):
        sing(bank)


def test_a_bank_without_vocoder_says_where_one_belongs(bank):
    shutil.rmtree(bank / "dsvocoder")
    with pytest.raises(VoicebankError, match="no vocoder 'tiny_vocoder' lies beside the voicebank"):
        sing(bank)


def test_a_vocoder_may_lie_beside_the_bank(bank):
    shutil.move(bank / "dsvocoder", bank.parent / "tiny_vocoder")
    sing(bank)


@pytest.mark.parametrize(("old", "new"), [("hop_size: 512", "hop_size: 256"), ("num_mel_bins: 16", "num_mel_bins: 80")])
def test_a_vocoder_for_another_spectrogram_is_refused(bank, old, new):
    file = bank / "dsvocoder" / "vocoder.yaml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(VoicebankError, match=r"vocoder\.yaml takes a spectrogram with"):
        sing(bank)


def test_an_input_nobody_gives_is_refused_by_name(bank):
    g = graphs.Graph("dur")
    encoded = g.input("encoder_out", graphs.FLOAT, [1, "n", 6])
    speedup = g.input("speedup", graphs.INT, [])
    g.output("ph_dur_pred", g.sum(g.last_axis_sum(encoded), g.nothing(speedup)), graphs.FLOAT, [1, "n"])
    (bank / "dsdur" / "dur.onnx").write_bytes(g.serialized())
    with pytest.raises(VoicebankError, match=r"dur\.onnx asks for the input 'speedup'") as raised:
        sing(bank)
    assert raised.value.code == "voicebank_unsupported"


def test_a_model_without_the_wanted_output_is_refused(bank):
    g = graphs.Graph("dur")
    g.output("lengths", g.last_axis_sum(g.input("encoder_out", graphs.FLOAT, [1, "n", 6])), graphs.FLOAT, [1, "n"])
    (bank / "dsdur" / "dur.onnx").write_bytes(g.serialized())
    with pytest.raises(VoicebankError, match=r"dur\.onnx has no output 'ph_dur_pred'"):
        sing(bank)


def durations_graph(result: str) -> bytes:
    """A duration model that does not do its work."""
    g = graphs.Graph("dur")
    flat = g.last_axis_sum(g.input("encoder_out", graphs.FLOAT, [1, "n", 6]))
    if result == "nan":
        flat = g.op("Sqrt", g.op("Sub", g.nothing(flat), g.const(1.0)))
    elif result == "short":
        flat = g.op("Slice", flat, g.const([1], "int64"), g.const([1000], "int64"), g.const([1], "int64"))
    else:
        flat = g.op("Add", flat, g.const(np.zeros((1, 1000))))
    g.output("ph_dur_pred", flat, graphs.FLOAT, [1, "m"])
    return g.serialized()


@pytest.mark.parametrize(
    ("result", "reason"),
    [("nan", "gave values in 'ph_dur_pred' that are not numbers"), ("short", "where 5 belong"), ("fails", "failed:")],
)
def test_a_run_that_goes_wrong_is_an_error_of_the_engine(bank, result, reason):
    (bank / "dsdur" / "dur.onnx").write_bytes(durations_graph(result))
    with pytest.raises(InferenceError, match=rf"dur\.onnx.*{reason}") as raised:
        sing(bank)
    assert raised.value.code == "inference_failed"


def test_a_device_this_machine_lacks_is_an_error_of_the_option(bank):
    with pytest.raises(OptionError, match="device 'directml' is not available"):
        open_voicebank(bank, device="directml").open_all()


def test_models_outside_the_bank_are_never_opened(bank):
    config = bank / "dsdur" / "dsconfig.yaml"
    shutil.copy(bank / "dsdur" / "dur.onnx", bank.parent / "dur.onnx")
    config.write_text(config.read_text().replace("dur: dur.onnx", "dur: ../../dur.onnx"))
    with pytest.raises(VoicebankError, match="lies outside the voicebank"):
        sing(bank)
