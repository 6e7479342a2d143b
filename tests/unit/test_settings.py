"""The environment, read in one place."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cantilena.bootstrap import content_store, voicebank_folders, voicebank_objects
from cantilena.errors import OptionError, VoicebankError
from cantilena.settings import load_settings, setting_origins
from cantilena.settings.folders import cache_folder


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


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "/home/clara/.cache/cantilena"),
        ("linux", {"XDG_CACHE_HOME": "/scratch"}, "/scratch/cantilena"),
        ("linux", {"XDG_CACHE_HOME": "scratch"}, "/home/clara/.cache/cantilena"),
        ("darwin", {}, "/home/clara/Library/Caches/cantilena"),
        ("win32", {}, "/home/clara/AppData/Local/cantilena"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/cantilena"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/clara"))
    assert cache_folder(environment, platform) == Path(folder)


def test_a_user_without_a_home_has_a_cache_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert str(os.getuid()) in cache_folder({}, "linux").name


def test_the_cache_is_smaller_where_files_are_memory() -> None:
    assert load_settings({}).cache_max_bytes == 2**30
    assert load_settings({"K_SERVICE": "cantilena", "APP_ENV": "prod"}).cache_max_bytes == 2**28
    assert load_settings({"CLOUD_RUN_JOB": "sing", "CANTILENA_CACHE_MAX_BYTES": "64M"}).cache_max_bytes == 2**26


def test_a_cache_of_no_size_is_none_at_all(tmp_path: Path) -> None:
    assert content_store(load_settings({"CANTILENA_CACHE_MAX_BYTES": "0"})) is None
    kept = {"CANTILENA_CACHE_DIR": str(tmp_path)}
    assert content_store(load_settings(kept)) is content_store(load_settings(kept))


def test_voicebanks_lie_in_the_projects_bucket_unless_they_have_one_of_their_own() -> None:
    assert load_settings({"STORAGE_BUCKET": "project"}).voicebank_bucket == "project"
    both = load_settings({"STORAGE_BUCKET": "project", "VOICEBANK_BUCKET": "voices", "VOICEBANK_PREFIX": "/banks/"})
    assert (both.storage_bucket, both.voicebank_bucket, both.voicebank_prefix) == ("project", "voices", "banks")


def test_a_bucket_that_is_not_named_is_said() -> None:
    with pytest.raises(OptionError, match="No bucket") as caught:
        voicebank_objects(load_settings({}))
    assert caught.value.code == "voicebank_bucket_unset"


def test_a_bucket_without_the_packages_for_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "google" or name.startswith("google.")]:
        monkeypatch.delitem(sys.modules, name)
    google = ModuleType("google")  # as another package brings it
    google.__path__ = []
    monkeypatch.setitem(sys.modules, "google", google)
    with pytest.raises(OptionError, match="not installed") as caught:
        voicebank_objects(load_settings({"VOICEBANK_BUCKET": "voices-of-this-test"}))
    assert caught.value.code == "extra_missing"


@pytest.mark.parametrize(
    "environment",
    [
        {"K_SERVICE": "cantilena"},
        {"APP_ENV": "prod", "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"},
        {"APP_ENV": "prod", "STORAGE_EMULATOR_HOST": "x", "ALLOW_EMULATORS": "rehearsal", "K_SERVICE": "cantilena"},
        {"APP_ENV": "staging"},
        {"VOICEBANK_PREFIX": "a/../b"},
    ],
)
def test_an_environment_that_would_sing_from_the_wrong_place_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(OptionError) as caught:
        load_settings(environment)
    assert caught.value.code == "option_bad_environment"


def test_a_rehearsal_of_production_may_use_emulators() -> None:
    environment = {"APP_ENV": "prod", "STORAGE_EMULATOR_HOST": "x", "ALLOW_EMULATORS": "rehearsal"}
    assert load_settings(environment).app_env == "prod"


def test_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_TOKEN", "correct horse battery")
    settings = load_settings()
    assert settings.mcp_token == "correct horse battery"
    shown = {setting.variable: setting.value for setting in setting_origins(settings)}
    assert shown["MCP_TOKEN"] == "(not shown)"
    assert "horse" not in repr(settings)
    monkeypatch.setenv("MCP_TOKEN", "too short")
    with pytest.raises(OptionError, match="MCP_TOKEN") as caught:
        load_settings()
    assert "too short" not in caught.value.message
