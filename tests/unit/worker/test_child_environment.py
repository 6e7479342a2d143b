"""What a child is told of the environment."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cantilena.settings import Settings, child_environment, load_settings, setting_origins

SECRET = "0123456789abcdef0123456789abcdef"
HERE = {"HOME": "/home/me", "PATH": "/bin", "MCP_TOKEN": SECRET, "LINK_SIGNING_KEY": SECRET, "AWS_SECRET": SECRET}


def test_a_child_reads_the_settings_that_its_parent_read(tmp_path):
    environment = HERE | {
        "APP_ENV": "test", "VOICEBANK_DIR": str(tmp_path), "STORAGE_BUCKET": "b", "CANTILENA_THREADS": "3",
        "CANTILENA_CACHE_MAX_BYTES": "7M", "CANTILENA_LOW_MEMORY": "1", "VOICEBANK_DEFAULT": "x", "LOG_LEVEL": "DEBUG",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
        "ALLOWED_ORIGINS": "https://studio.example", "MAX_JOBS": "9", "DATA_DIR": str(tmp_path),
    }  # fmt: skip
    parent = load_settings(environment)
    child = load_settings(child_environment(parent, environment))
    assert {field.name for field in fields(Settings) if getattr(parent, field.name) != getattr(child, field.name)} == {
        "mcp_token", "link_signing_key",
    }  # fmt: skip


def test_every_setting_travels_that_is_no_secret():
    everything = {origin.variable: "x" for origin in setting_origins(Settings())}
    passed = child_environment(Settings(), everything)
    assert set(everything) - set(passed) == {"MCP_TOKEN", "LINK_SIGNING_KEY", "LINK_SIGNING_KEY_OLD"}


def test_no_secret_is_passed_on():
    assert SECRET not in child_environment(Settings(), HERE).values()


def test_the_cache_is_the_parents_even_without_a_home():
    assert child_environment(Settings(cache_dir=Path("/c")), {})["CANTILENA_CACHE_DIR"] == "/c"


@pytest.mark.parametrize("name", ["K_SERVICE", "CLOUD_RUN_JOB", "ALLOW_EMULATORS", "FIRESTORE_EMULATOR_HOST"])
def test_what_settings_are_judged_by_travels_too(name):
    assert child_environment(Settings(), {name: "v"})[name] == "v"
