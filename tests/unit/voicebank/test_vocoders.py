"""Which vocoder a voicebank sings with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import MelConfig, StageConfig, VocoderConfig
from cantilena.voicebank.layout import Layout
from cantilena.voicebank.vocoders import VocoderPlace, check_vocoder, find_vocoder


@pytest.fixture
def bank(tmp_path: Path) -> Layout:
    folder = tmp_path / "Keiro"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "dsconfig.yaml").write_text("acoustic: a\n")
    return Layout(folder=folder, config=folder / "configs" / "dsconfig.yaml")


def put(folder: Path, name: str = "x") -> Path:
    folder.mkdir(parents=True)
    (folder / "Vocoder.yaml").write_text(f"name: {name}\n")
    return folder / "Vocoder.yaml"


def find(bank: Layout, name: str | None = None) -> VocoderPlace:
    return find_vocoder(bank, StageConfig(file=bank.config, vocoder=name))


@pytest.mark.parametrize("inside", ["dsvocoder", "DSVocoder", "configs/dsvocoder", "dsvocoder/unpacked"])
@pytest.mark.parametrize("name", [None, "stale", "../../stale"])
def test_its_own_wins_whatever_is_named(bank, inside, name):
    file = put(bank.folder / inside)
    put(bank.folder.parent / "stale")
    place = find(bank, name)
    assert (place.config.file, place.root, place.shared) == (file, bank.folder, False)


@pytest.mark.parametrize("where", ["nsf_hifigan", "NSF_HifiGAN", "configs/nsf_hifigan", "nsf_hifigan/package"])
def test_a_name_means_a_folder_in_the_voicebank(bank, where):
    file = put(bank.folder / where)
    assert find(bank, "nsf_HIFIGAN").config.file == file


@pytest.mark.parametrize("where", ["nsf_hifigan", "NSF_HifiGAN", "nsf_hifigan/package"])
def test_else_one_beside_it(bank, where):
    file = put(bank.folder.parent / where)
    place = find(bank, "nsf_hifigan")
    assert place.config.file == file
    assert place.root == bank.folder.parent / Path(where).parts[0]
    assert place.shared


def test_a_shared_vocoder_may_be_a_link(bank, tmp_path):
    put(tmp_path / "elsewhere" / "v1")
    (bank.folder.parent / "nsf_hifigan").symlink_to(tmp_path / "elsewhere" / "v1", target_is_directory=True)
    assert find(bank, "nsf_hifigan").shared


@pytest.mark.parametrize("archive", ["nsf_hifigan.oudep", "NSF_hifigan.zip"])
def test_a_packed_one_is_to_be_unpacked(bank, archive):
    (bank.folder.parent / archive).write_bytes(b"PK")
    with pytest.raises(VoicebankError, match=rf"{archive} holds the vocoder 'nsf_hifigan', but is packed") as raised:
        find(bank, "nsf_hifigan")
    assert raised.value.hint == f"Unpack it into the folder {bank.folder.parent / 'nsf_hifigan'}."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "names no vocoder"),
        ("gone", "no vocoder 'gone' lies beside"),
        ("Keiro", "no vocoder 'Keiro' lies beside"),
        (".", "must give the name of a vocoder"),
        ("../../..", "must give the name of a vocoder"),
        ("/etc", "must give the name of a vocoder"),
        ("C:\\x", "must give the name of a vocoder"),
    ],
)
def test_none_at_all(bank, name, reason):
    with pytest.raises(VoicebankError, match=reason) as raised:
        find(bank, name)
    assert raised.value.code == "voicebank_broken"


MEL = MelConfig()
FILE = Path("dsvocoder/vocoder.yaml")


def vocoder(**changes: object) -> VocoderConfig:
    return VocoderConfig(file=FILE, name="x", model="m", mel=replace(MEL, **changes))


def test_rounding_and_the_base_of_the_logarithm_do_not_matter():
    check_vocoder(StageConfig(file=Path("dsconfig.yaml")), vocoder(fmin=40.000001, base="e"))


@pytest.mark.parametrize(
    "change", [{"sample_rate": 48000}, {"hop_size": 256}, {"win_size": 1024}, {"fft_size": 1024}, {"n_mels": 80},
               {"fmin": 40.1}, {"fmax": 8000.0}, {"scale": "htk"}],
)  # fmt: skip
def test_anything_else_does(change):
    (name,) = change
    with pytest.raises(VoicebankError, match=rf"vocoder\.yaml takes a spectrogram with {name} "):
        check_vocoder(StageConfig(file=Path("dsconfig.yaml")), vocoder(**change))
