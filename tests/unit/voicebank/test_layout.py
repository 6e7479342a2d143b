"""A voicebank is found wherever an archive, an editor or a habit has put its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank import describe_voicebank, find_voicebank, list_voicebanks
from cantilena.voicebank.layout import find_layout, find_layouts

ACOUSTIC = "acoustic: acoustic.onnx\nphonemes: phonemes.txt\nspeakers: [v1.kumi]\n"


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def make_parts(folder: Path, name: str = "") -> None:
    write(
        folder, **{"dsconfig.yaml": ACOUSTIC, "phonemes.txt": "<PAD>\nSP\nen/aa\n", "character.yaml": f"name: {name}"}
    )
    write(folder, **{"dsdur/dsconfig.yaml": "dur: dur.onnx\n"})


@pytest.mark.parametrize(
    "inside", [".", "Hitsune_Kumi", "configs", "Configs", "Hitsune_Kumi/configs", "a/b/Hitsune_Kumi", "dsmain"]
)
def test_a_voicebank_may_lie_inside_other_folders(tmp_path, inside):
    top = tmp_path / "UFR-V1.0"
    make_parts(top / inside, "Kumi")
    write(top, **{"__MACOSX/dsconfig.yaml": "", ".git/dsconfig.yaml": "", "LICENSE": "MIT"})
    layout = find_layout(top)
    assert layout.folder == top
    assert layout.config == top / inside / "dsconfig.yaml"
    assert layout.find("dsdur") == top / inside / "dsdur"
    (info,) = list_voicebanks([tmp_path])
    assert (info.id, info.name, info.licence, info.speakers) == ("UFR-V1.0", "Kumi", "MIT", ("kumi",))
    assert find_voicebank("ufr-v1.0", [tmp_path]) == top


def test_the_configuration_at_the_top_wins_over_its_copies(tmp_path):
    make_parts(tmp_path, "Outer")
    make_parts(tmp_path / "configs", "Copy")
    assert find_layout(tmp_path).config == tmp_path / "dsconfig.yaml"


def test_a_configuration_without_an_acoustic_model_is_not_the_one(tmp_path):
    write(tmp_path, **{"dsconfig.yaml": "phonemes: phonemes.txt\n"})
    make_parts(tmp_path / "configs")
    assert find_layout(tmp_path).config == tmp_path / "configs" / "dsconfig.yaml"


def test_stages_may_lie_above_the_configuration(tmp_path):
    write(tmp_path, **{"dsMain/DSConfig.yaml": ACOUSTIC, "DsDur/dsconfig.yaml": "", "character.yaml": "name: Above"})
    write(tmp_path, **{"dsMain/phonemes.txt": "<PAD>\nSP\n", "other/dsconfig.yaml": ACOUSTIC})
    layout = find_layout(tmp_path)
    assert layout.config == tmp_path / "dsMain" / "DSConfig.yaml"
    assert layout.find("dsdur") == tmp_path / "DsDur"
    assert describe_voicebank(tmp_path).name == "Above"


def test_paths_lead_anywhere_inside_the_voicebank_and_not_out_of_it(tmp_path):
    bank = tmp_path / "Keiro"
    write(bank, **{"configs/dsconfig.yaml": "acoustic: a\nphonemes: ..\\Files\\phonemes.txt\n"})
    write(bank, **{"files/Phonemes.txt": "<PAD>\nSP\nde/a\nfr/a\n"})
    assert describe_voicebank(bank).languages == ("de", "fr")
    write(bank, **{"configs/dsconfig.yaml": "acoustic: a\nphonemes: ../../phonemes.txt\n"})
    with pytest.raises(VoicebankError, match="outside the voicebank"):
        describe_voicebank(bank)


def test_several_voicebanks_in_one_folder_go_by_their_own_names(tmp_path):
    pack = tmp_path / "Pack"
    make_parts(pack / "Rena", "Rena")
    make_parts(pack / "Reizo" / "v2", "Reizo")
    make_parts(pack / "Kiri", "Kiri")
    assert [layout.folder.name for layout in find_layouts(pack)] == ["Kiri", "Rena"]
    assert [info.id for info in list_voicebanks([tmp_path])] == ["Kiri", "Rena"]
    with pytest.raises(VoicebankError, match="holds 2 voicebanks") as raised:
        find_voicebank(pack, [])
    assert raised.value.code == "voicebank_ambiguous"
    assert str(pack / "Rena") in raised.value.hint


def test_folders_in_a_circle_end(tmp_path):
    bank = tmp_path / "Round"
    (bank / "a").mkdir(parents=True)
    (bank / "a" / "again").symlink_to(bank, target_is_directory=True)
    assert find_layouts(bank) == ()
    make_parts(bank / "a")
    assert find_layout(bank).config == bank / "a" / "dsconfig.yaml"


def test_a_configuration_that_is_a_link_out_of_the_voicebank_is_listed_as_broken(tmp_path):
    write(tmp_path, **{"secret.yaml": "acoustic: secret\n"})
    bank = tmp_path / "banks" / "Linked"
    bank.mkdir(parents=True)
    (bank / "dsconfig.yaml").symlink_to(tmp_path / "secret.yaml")
    (info,) = list_voicebanks([tmp_path / "banks"])
    assert info.problem is not None
    assert "leads out of the voicebank" in info.problem


def test_the_version_covers_every_folder_of_the_voicebank(tmp_path):
    bank = tmp_path / "Deep"
    make_parts(bank / "inner")
    write(bank, **{"files/acoustic.onnx": "1"})
    before = describe_voicebank(bank).version
    write(bank, **{"files/acoustic.onnx": "2"})
    assert describe_voicebank(bank).version != before


def test_the_version_notices_a_change_amid_a_large_file(tmp_path):
    make_parts(tmp_path)
    model = tmp_path / "acoustic.onnx"
    model.write_bytes(bytes(1_000_000))
    before = describe_voicebank(tmp_path).version
    model.write_bytes(bytes(100_000) + b"\1" * 800_000 + bytes(100_000))
    assert describe_voicebank(tmp_path).version != before
