"""Files of a voicebank are found as their authors wrote them, and never outside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.files import find_file, read_text, read_yaml, require_file


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    root = tmp_path / "bank"
    (root / "dsMain").mkdir(parents=True)
    (root / "dsMain" / "Acoustic.ONNX").write_bytes(b"model")
    (root / "dsdur").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.mark.parametrize(
    "written",
    ["dsMain/Acoustic.ONNX", "dsmain\\acoustic.onnx", "./DSMAIN/acoustic.onnx", "dsdur/../dsmain/ACOUSTIC.onnx"],
)
def test_case_and_slashes_do_not_matter(bank, written):
    assert find_file(bank, bank, written) == bank / "dsMain" / "Acoustic.ONNX"


def test_a_path_counts_from_the_folder_that_names_it(bank):
    assert find_file(bank, bank / "dsdur", "..\\dsMain\\acoustic.onnx") == bank / "dsMain" / "Acoustic.ONNX"


def test_what_is_not_there_is_not_found(bank):
    assert find_file(bank, bank, "dsMain/vocoder.onnx") is None
    assert find_file(bank, bank, "nowhere/vocoder.onnx") is None


@pytest.mark.parametrize(
    "written", ["../secret.txt", "dsdur/../../secret.txt", "/etc/passwd", "C:\\x.onnx", "\\\\host\\x"]
)
def test_nothing_outside_the_voicebank_is_found(bank, written):
    with pytest.raises(VoicebankError) as raised:
        find_file(bank, bank, written)
    assert raised.value.code == "voicebank_broken"


def test_a_link_that_leads_out_is_refused(bank):
    (bank / "phonemes.txt").symlink_to(bank.parent / "secret.txt")
    with pytest.raises(VoicebankError, match="leads out of the voicebank"):
        find_file(bank, bank, "phonemes.txt")


def test_a_missing_file_is_named(bank):
    with pytest.raises(VoicebankError, match=r"dsdur/dur\.onnx is missing \(the dur model\)"):
        require_file(bank, bank / "dsdur", "dur.onnx", purpose="the dur model")


def test_text_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: X\n")
    assert read_yaml(file) == {"name": "X"}


def test_text_that_is_none_is_refused(tmp_path):
    file = tmp_path / "phonemes.txt"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(VoicebankError, match="is not text in utf-8-sig"):
        read_text(file)


def test_yaml_values_stay_text(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("no: off\nmel_base: 10\nitems: [yes, null]\n")
    assert read_yaml(file) == {"no": "off", "mel_base": "10", "items": ["yes", "null"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a: [1", "not valid YAML at line 2"), ("- a\n- b", "must hold keys and values"), ("[" * 5000, "not valid YAML")],
)
def test_damaged_yaml_is_named(tmp_path, text, reason):
    file = tmp_path / "dsconfig.yaml"
    file.write_text(text + "\n")
    with pytest.raises(VoicebankError, match=rf"dsconfig\.yaml.*{reason}"):
        read_yaml(file)


def test_an_empty_file_says_nothing(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("")
    assert read_yaml(file) == {}
