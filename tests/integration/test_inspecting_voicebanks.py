"""``voicebank info`` and ``voicebank check``: what a voicebank can do, and everything that is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from cantilena.errors import VoicebankError
from cantilena.interfaces.cli.main import app
from cantilena.voicebank.report import VoicebankReport
from cantilena.voicebanks import check_voicebank, voicebank_info
from tests.voicebanks.bank import HIDDEN, TinyBank
from tests.voicebanks.build import build_voicebank
from tests.voicebanks.graph import FLOAT, INT, Graph

FULL = TinyBank(
    name="Full", pitch="word", variance="phoneme", curves=("tension",), language_ids=True, prefix="en/",
    foreign=("ja/a",), depth=True,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "1")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("pristine"), FULL)


@pytest.fixture
def bank(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "Full"))


def found(report: VoicebankReport, severity: str) -> dict[str, str]:
    """Messages by file."""
    return {problem.file: problem.message for problem in report.problems if problem.severity == severity}


def errors(folder: Path) -> dict[str, str]:
    report = check_voicebank(folder)
    told = found(report, "error")
    assert report.singable == (not told)
    return told


def warnings(folder: Path) -> dict[str, str]:
    report = check_voicebank(folder)
    assert report.singable, report.problems
    return found(report, "warning")


def edit_json(file: Path, **changes: object) -> None:
    table = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in table.items() if value is not None}))


def test_a_whole_voicebank_sings_and_tells_what_it_can_do(bank):
    report = check_voicebank(bank)
    assert report.singable
    assert {problem.code for problem in report.problems} <= {"dictionary_problem"}
    assert (report.info.id, report.breath) == ("Full", True)
    assert set(report.controls) == {"tension", "pitch_expression", "tone_shift", "speaker"}
    assert [stage.name for stage in report.stages] == ["durations", "pitch", "variance", "acoustic"]
    durations, pitch, variance, acoustic = report.stages
    assert (durations.folder, durations.encoder, durations.sampling) == ("dsdur", "words", None)
    assert (pitch.encoder, pitch.sampling, pitch.depth) == ("words", "steps", None)
    assert (variance.encoder, variance.curves) == ("phonemes", ("breathiness", "tension"))
    assert (acoustic.encoder, acoustic.depth, acoustic.curves) == (None, "share", ("tension",))
    assert acoustic.speakers == ("mezzo", "baritone")
    assert acoustic.languages == ("en", "ja")
    assert acoustic.bytes == (bank / "acoustic.onnx").stat().st_size
    assert report.vocoder is not None
    assert (report.vocoder.name, report.vocoder.folder, report.vocoder.shared) == ("tiny", "dsvocoder", False)


def test_a_shared_vocoder_is_told_with_its_place(bank):
    shutil.move(bank / "dsvocoder", bank.parent / "tiny_vocoder")
    vocoder = voicebank_info(bank).vocoder
    assert vocoder is not None
    assert (vocoder.shared, vocoder.folder) == (True, str(bank.parent / "tiny_vocoder"))


def test_every_damaged_file_is_told_and_not_only_the_first(bank):
    (bank / "acoustic.onnx").write_bytes(b"not a model")
    (bank / "mezzo.emb").unlink()
    (bank / "dsdur/dur.onnx").unlink()
    (bank / "dsdur/linguistic.onnx").write_bytes((bank / "dsdur/linguistic.onnx").read_bytes()[:200])
    (bank / "dspitch/mezzo.emb").write_bytes(bytes(400))
    (bank / "dspitch/baritone.emb").write_bytes(np.full(HIDDEN["dspitch"], np.nan, "<f4").tobytes())
    (bank / "dsvariance/phonemes.json").write_text("{")
    (bank / "dsvocoder/vocoder.yaml").write_text("hop_size: many")
    assert errors(bank).keys() == {
        "acoustic.onnx", "dsdur/dur.onnx", "dsdur/linguistic.onnx", "dspitch/mezzo.emb", "dspitch/baritone.emb",
        "dsvariance/phonemes.json", "dsvocoder/vocoder.yaml",
    }  # fmt: skip


def test_a_broken_configuration_hides_none_of_the_other_stages(bank):
    (bank / "dsconfig.yaml").write_text("acoustic: [")
    (bank / "dspitch/dsconfig.yaml").write_text("hop_size: 0")
    told = errors(bank)
    assert told.keys() == {"dsconfig.yaml", "dspitch/dsconfig.yaml"}
    report = voicebank_info(bank)
    assert report.info.problem is not None
    assert [stage.name for stage in report.stages] == ["durations", "variance"]


def test_a_bank_without_durations_is_timed_by_rule_and_says_so(bank):
    shutil.rmtree(bank / "dsdur")
    assert "is missing, so phonemes last as long as a rule says" in warnings(bank)["dsdur"]
    assert [stage.name for stage in voicebank_info(bank).stages] == ["pitch", "variance", "acoustic"]


def test_a_model_in_the_place_of_another_is_told_by_name(bank):
    for name, other in (("acoustic", "dsdur/dur"), ("dspitch/pitch", "acoustic"), ("dsvocoder/model", "dsdur/dur")):
        shutil.copy(bank / f"{other}.onnx", bank.parent / "kept")
        shutil.copy(bank.parent / "kept", bank / f"{name}.onnx")
    told = errors(bank)
    assert told.keys() == {"acoustic.onnx", "dspitch/pitch.onnx", "dsvocoder/model.onnx"}
    assert "has no output 'mel', so it is not the acoustic model" in told["acoustic.onnx"]
    assert "has no output 'pitch_pred'" in told["dspitch/pitch.onnx"]
    assert "has no output 'waveform'" in told["dsvocoder/model.onnx"]


@pytest.mark.parametrize(
    ("stage", "model"),
    [("dsdur", "linguistic"), ("dspitch", "linguistic"), ("dsvariance", "linguistic"), (".", "acoustic")],
)
def test_ids_beyond_what_a_model_knows_are_told_by_phoneme(bank, stage, model):
    edit_json(bank / stage / "phonemes.json", **{"en/zz": 999, "en/yy": 500})
    told = errors(bank)
    file = (Path(stage) / f"{model}.onnx").as_posix()
    assert told.keys() == {file}
    assert "lists, here with their ids: en/zz (999), en/yy (500)" in told[file]


def test_what_one_stage_lacks_is_a_warning(bank):
    edit_json(bank / "dspitch/phonemes.json", **{"en/zh": None})
    (bank / "dsdur/dsconfig.yaml").write_text(
        (bank / "dsdur/dsconfig.yaml").read_text().replace("baritone", "bass")
    )  # fmt: skip
    (bank / "dsdur/baritone.emb").rename(bank / "dsdur/bass.emb")
    told = warnings(bank)
    assert "lacks phonemes that another stage has: en/zh" in told["dspitch/phonemes.json"]
    assert "does not name the speakers baritone" in told["dsdur/dsconfig.yaml"]


def test_a_language_without_an_id_is_a_warning(bank):
    for stage in (".", "dsdur", "dspitch", "dsvariance"):
        edit_json(bank / stage / "languages.json", ja=None)
    told = found(voicebank_info(bank), "warning")
    assert "gives no id to the languages ja" in told["dsconfig.yaml"]
    assert "gives no id to the languages ja" in told["dsvariance/dsconfig.yaml"]


def test_a_colour_that_means_nobody_is_a_warning(bank):
    character = bank / "character.yaml"
    character.write_text(character.read_text() + "subbanks: [{color: Soft, suffix: nobody}, {color: M, suffix: mezzo}]")
    assert "gives the voice colours Soft to speakers" in warnings(bank)["character.yaml"]
    assert voicebank_info(bank).info.colours == {"M": "mezzo"}


def test_mistakes_in_a_dictionary_are_warnings_and_a_broken_one_an_error(bank):
    (bank / "dsdur/dsdict-en.yaml").write_text("symbols: [{symbol: en/qq, type: vowel}]\n")
    assert "declares symbols that phonemes.json lacks: en/qq" in warnings(bank)["dsdur/dsdict-en.yaml"]
    (bank / "dsvariance/dsdict.yaml").write_text("symbols: {a: [")
    assert "dsvariance/dsdict.yaml" in errors(bank)


def test_a_vocoder_for_another_spectrogram_is_told(bank):
    file = bank / "dsvocoder/vocoder.yaml"
    file.write_text(file.read_text().replace("hop_size: 512", "hop_size: 256"))
    assert "with hop_size 256" in errors(bank)["dsvocoder/vocoder.yaml"]


def test_models_that_fail_only_when_they_run_are_all_told(bank):
    g = Graph("dur")
    encoded, extra = g.input("encoder_out", FLOAT, [1, "n", HIDDEN["dsdur"]]), g.input("secret", INT, [])
    g.output("ph_dur_pred", g.sum(g.last_axis_sum(encoded), g.nothing(extra)), FLOAT, [1, "n"])
    (bank / "dsdur/dur.onnx").write_bytes(g.serialized())
    g = Graph("pitch")
    g.output("pitch_pred", g.float(g.input("note_dur", INT, [1, "n"])), FLOAT, [1, "n"])
    (bank / "dspitch/pitch.onnx").write_bytes(g.serialized())
    g = Graph("vocoder")
    g.output("waveform", g.input("f0", FLOAT, [1, "n"]), FLOAT, [1, "n"])
    (bank / "dsvocoder/model.onnx").write_bytes(g.serialized())
    told = "\n".join(errors(bank).values())
    assert "dur.onnx asks for the input 'secret'" in told
    assert "pitch.onnx gave" in told
    assert "model.onnx gave" in told


def test_weights_outside_the_voicebank_are_told(bank):
    file = bank / "dsvocoder/model.onnx"
    model = onnx.load(str(file))
    weights = onnx.TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=onnx.TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="../../secret.bin")
    model.graph.initializer.append(weights)
    file.write_bytes(model.SerializeToString())
    assert any("lies outside the voicebank" in message for message in errors(bank).values())


def test_the_command_prints_every_problem_and_leaves_with_4(bank):
    (bank / "dsdur/dur.onnx").unlink()
    (bank / "dspitch/pitch.onnx").unlink()
    done = CliRunner().invoke(app, ["voicebank", "check", str(bank)], standalone_mode=False)
    assert done.return_value == 4
    assert "dur.onnx is missing" in done.stdout
    assert "pitch.onnx is missing" in done.stdout
    assert "Full cannot sing" in done.stdout
    done = CliRunner().invoke(app, ["voicebank", "check", str(bank), "--json"], standalone_mode=False)
    document = json.loads(done.stdout)
    assert (document["id"], document["singable"]) == ("Full", False)
    assert {problem["file"] for problem in document["problems"] if problem["severity"] == "error"} == {
        "dsdur/dur.onnx", "dspitch/pitch.onnx",
    }  # fmt: skip


def test_the_commands_tell_what_a_whole_voicebank_can_do(bank):
    done = CliRunner().invoke(app, ["voicebank", "check", str(bank)], standalone_mode=False)
    assert done.return_value == 0
    assert done.stdout.endswith("Full sings\n")
    done = CliRunner().invoke(app, ["voicebank", "info", str(bank)], standalone_mode=False)
    assert done.return_value == 0
    assert "stage acoustic: " in done.stdout
    assert "controls: tension, pitch_expression, tone_shift, speaker" in done.stdout
    document = json.loads(CliRunner().invoke(app, ["voicebank", "info", str(bank), "--json"]).stdout)
    assert document["speakers"] == ["mezzo", "baritone"]
    assert [stage["name"] for stage in document["stages"]] == ["durations", "pitch", "variance", "acoustic"]
    assert document["vocoder"]["shared"] is False


def test_a_folder_that_is_no_voicebank_is_refused(tmp_path):
    with pytest.raises(VoicebankError, match=r"dsconfig\.yaml is missing"):
        check_voicebank(tmp_path)
