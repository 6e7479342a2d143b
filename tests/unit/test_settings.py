"""The environment, read in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.bootstrap import voicebank_folders
from cantilena.errors import OptionError, VoicebankError
from cantilena.settings import load_settings, setting_origins


def test_each_setting_tells_where_it_came_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICEBANK_DIR", str(tmp_path))
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    origins = {setting.variable: (setting.value, setting.origin) for setting in setting_origins(load_settings())}
    assert origins["VOICEBANK_DIR"] == (str(tmp_path), "environment")
    assert origins["LOG_FORMAT"] == ("console", "default")


def test_a_value_that_is_not_allowed_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "yaml")
    with pytest.raises(OptionError, match="LOG_FORMAT") as caught:
        load_settings()
    assert caught.value.code == "option_bad_environment"


def test_voicebank_dir_is_the_only_folder_when_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICEBANK_DIR", str(tmp_path))
    assert voicebank_folders(load_settings()) == (tmp_path,)


def test_voicebank_dir_that_is_no_folder_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICEBANK_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(VoicebankError, match="nowhere") as caught:
        voicebank_folders(load_settings())
    assert caught.value.code == "voicebank_folder_missing"


def test_a_checkout_sings_with_its_own_voicebanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEBANK_DIR", raising=False)
    (folder,) = voicebank_folders(load_settings())
    assert folder.parts[-2:] == ("assets", "voicebanks")
