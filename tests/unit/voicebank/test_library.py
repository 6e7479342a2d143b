"""Finding voicebanks and telling what they are, without opening a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank import describe_voicebank, find_voicebank, list_voicebanks


def make_bank(parent: Path, name: str, character: str = "", speakers: str = "[mezzo, baritone]") -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "dsconfig.yaml").write_text(f"phonemes: phonemes.json\nspeakers: {speakers}\n")
    (folder / "phonemes.json").write_text(json.dumps({"SP": 1, "en/aa": 2, "ja/a": 3}))
    (folder / "acoustic.onnx").write_bytes(bytes(300_000))
    if character:
        (folder / "character.yaml").write_text(character)
    return folder


def test_a_voicebank_is_found_by_id_in_any_case_and_by_folder(tmp_path):
    folder = make_bank(tmp_path, "Vesper_1.0")
    assert find_voicebank("Vesper_1.0", [tmp_path]) == folder
    assert find_voicebank("vesper_1.0", [tmp_path]) == folder
    assert find_voicebank(str(folder), []) == folder
    assert find_voicebank(folder, []) == folder


def test_the_first_one_is_taken_when_none_is_named(tmp_path):
    make_bank(tmp_path, "b")
    make_bank(tmp_path, "A")
    assert find_voicebank(None, [tmp_path]).name == "A"


def test_an_unknown_one_names_those_there_are(tmp_path):
    make_bank(tmp_path, "Vesper_1.0")
    make_bank(tmp_path, "Other")
    with pytest.raises(VoicebankError) as raised:
        find_voicebank("Nobody", [tmp_path, tmp_path / "missing"])
    assert raised.value.code == "voicebank_unknown"
    assert raised.value.message == "There is no voicebank 'Nobody'."
    assert raised.value.hint == "Choose one of Other, Vesper_1.0, or give the folder of one."


@pytest.mark.parametrize("asked", [None, "Vesper_1.0"])
def test_where_there_is_none_at_all_it_says_how_to_get_one(tmp_path, asked):
    with pytest.raises(VoicebankError, match="There is no voicebank") as raised:
        find_voicebank(asked, [tmp_path])
    assert raised.value.code == "voicebank_missing"
    assert "cantilena[voice]" in raised.value.hint


def test_an_archive_is_to_be_unpacked(tmp_path):
    (tmp_path / "Vesper.zip").write_bytes(b"PK")
    with pytest.raises(VoicebankError, match="is a file, not the folder of a voicebank") as raised:
        find_voicebank(tmp_path / "Vesper.zip", [])
    assert raised.value.hint.startswith("Unpack it")


def test_a_folder_that_is_no_voicebank_is_refused(tmp_path):
    with pytest.raises(VoicebankError, match=r"dsconfig\.yaml is missing"):
        find_voicebank(tmp_path, [])


def test_what_a_voicebank_tells_of_itself(tmp_path):
    folder = make_bank(
        tmp_path,
        "Vesper_1.0",
        "name: Vesper\nauthor: The recipe\nvoice: Nobody\n"
        "cantilena: {languages: [en], ranges: {Mezzo: [53, 77], nobody: [1, 2]}, license: CC0-1.0}\n",
    )
    info = describe_voicebank(folder)
    assert (info.id, info.name, info.languages) == ("Vesper_1.0", "Vesper", ("en",))
    assert info.speakers == ("mezzo", "baritone")
    assert info.ranges == {"mezzo": (53, 77)}
    assert (info.licence, info.credits) == ("CC0-1.0", "The recipe, Nobody")
    assert info.bytes == sum(file.stat().st_size for file in folder.iterdir())


def test_what_it_does_not_tell_is_found_out(tmp_path):
    folder = make_bank(tmp_path, "Silent", speakers="[]")
    (folder / "LICENSE").write_text("\nMIT License\n\nmore\n")
    (folder / "Credits.txt").write_text("Sung by nobody.\nMade by a recipe.\n")
    info = describe_voicebank(folder)
    assert info.credits == "Sung by nobody.\nMade by a recipe."
    assert (info.name, info.licence, info.languages, info.speakers) == ("Silent", "MIT License", ("en", "ja"), ())


def test_languages_without_prefixes_are_told_by_dictionaries(tmp_path):
    folder = make_bank(tmp_path, "Bare")
    (folder / "phonemes.json").write_text(json.dumps({"SP": 1, "a": 2}))
    (folder / "dsdur").mkdir()
    (folder / "dsdur" / "dsdict-ja.yaml").write_text("")
    assert describe_voicebank(folder).languages == ("ja",)


def test_the_range_of_a_bank_with_one_voice_has_no_name(tmp_path):
    folder = make_bank(tmp_path, "One", "cantilena: {ranges: {me: [50, 70]}}\n", speakers="[]")
    assert describe_voicebank(folder).ranges == {"": (50, 70)}


def test_the_version_follows_the_content_and_not_the_place(tmp_path):
    folder = make_bank(tmp_path / "a", "Vesper")
    version = describe_voicebank(folder).version
    copy = tmp_path / "b" / "Vesper"
    shutil.copytree(folder, copy)
    (copy / ".DS_Store").write_text("x")
    assert describe_voicebank(copy).version == version
    with (copy / "acoustic.onnx").open("r+b") as stream:
        stream.seek(-10, 2)
        stream.write(b"x")
    assert describe_voicebank(copy).version != version


def test_one_broken_voicebank_does_not_hide_the_others(tmp_path):
    make_bank(tmp_path, "Good")
    (make_bank(tmp_path, "Bad") / "dsconfig.yaml").write_text("hop_size: no\n")
    bad, good = list_voicebanks([tmp_path])
    assert (bad.id, good.id) == ("Bad", "Good")
    assert good.problem is None
    assert bad.problem is not None
    assert "hop_size" in bad.problem
