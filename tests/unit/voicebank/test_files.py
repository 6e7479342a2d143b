"""Files of a voicebank are found as their authors wrote them, and never outside it."""

from __future__ import annotations

from contextlib import suppress
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


def test_accents_may_be_spelled_in_two_ways(bank):
    (bank / "Voix_e\u0301teinte.emb").write_bytes(b"1234")
    assert find_file(bank, bank, "voix_\u00e9teinte.emb") == bank / "Voix_e\u0301teinte.emb"


def test_links_in_a_circle_are_no_files(bank):
    (bank / "a.onnx").symlink_to(bank / "b.onnx")
    (bank / "b.onnx").symlink_to(bank / "a.onnx")
    (bank / "again").symlink_to(bank, target_is_directory=True)
    assert find_file(bank, bank, "a.onnx") is None
    assert find_file(bank, bank, "A.onnx") is None
    assert find_file(bank, bank, "again/again/dsMain/acoustic.onnx") is not None


@pytest.mark.parametrize("written", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have_is_told_or_not_found(bank, written):
    with suppress(VoicebankError):  # systems differ in which of the two it is
        assert find_file(bank, bank, written) is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp932", "utf-8"])
def test_yaml_is_read_in_what_editors_write(tmp_path, encoding):
    file = tmp_path / "a.yaml"
    file.write_bytes("# \u97f3\u58f0\nname: \u91cd\u97f3\n".encode(encoding))
    assert read_yaml(file) == {"name": "\u91cd\u97f3"}


def test_text_that_is_none_is_refused(tmp_path):
    file = tmp_path / "phonemes.txt"
    for raw in (b"\xff\x81", b"SP\0AP", b"\xff\xfe\x00"):
        file.write_bytes(raw)
        with pytest.raises(VoicebankError, match="is not text in utf-"):
            read_text(file)


def test_yaml_values_stay_text(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("no: off\nmel_base: 10\nitems: [yes, null]\n")
    assert read_yaml(file) == {"no": "off", "mel_base": "10", "items": ["yes", "null"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1", "not valid YAML at line 2"),
        ("- a\n- b", "must hold keys and values"),
        ("[" * 5000, "nests more than 100 levels deep"),
    ],
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
