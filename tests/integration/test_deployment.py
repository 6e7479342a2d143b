"""The script that deploys the service, run against stand-ins of the cloud's commands and a real bucket server."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cantilena.settings import load_settings
from cantilena.settings.service import require_closed_door, require_service
from tests.buckets.server import make_bucket, run_bucket_server
from tests.cloud.gcloud import READING
from tests.voicebanks.build import TinyBank, build_voicebank

ROOT = Path(__file__).resolve().parents[2]
RUN = "serviceAccount:cantilena-run@song-1.iam.gserviceaccount.com"
TASKS = "cantilena-tasks@song-1.iam.gserviceaccount.com"

PUBLISHED = {"CANTILENA": "true"}
"""Publishes no voicebank, as that takes longest."""


@dataclass(frozen=True)
class Cloud:
    """A project that is nothing but a file, and a bucket server for what is really uploaded."""

    folder: Path
    checkout: Path
    bucket_url: str
    voicebank: Path

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "state.json").read_text())

    @property
    def calls(self) -> list[list[str]]:
        return self.state["calls"]

    @property
    def changes(self) -> list[list[str]]:
        return [words for words in self.calls if not {*READING, "GET"} & set(words)]

    def change(self, **changes: Any) -> None:
        (self.folder / "state.json").write_text(json.dumps({"things": {}, "calls": [], **changes}))

    def deploy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder)}
        settings = {
            "PROJECT": "song-1", "CLOUD_STATE": str(self.folder / "state.json"), "VOICEBANK": str(self.voicebank),
            "CANTILENA": str(Path(sys.executable).parent / "cantilena"), "STORAGE_EMULATOR_HOST": self.bucket_url,
            "NO_GCE_CHECK": "true", "CANTILENA_CACHE_DIR": str(self.folder / "cache"), "CANTILENA_THREADS": "1",
        }  # fmt: skip
        return subprocess.run(
            [str(self.checkout / "deploy" / "deploy.sh")], env=inherited | settings | environment, capture_output=True,
            text=True, timeout=100,
        )  # fmt: skip


@pytest.fixture(scope="module")
def bucket_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server:
        make_bucket(server, "song-1-voicebanks")
        yield server.url


@pytest.fixture(scope="module")
def voicebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("mine"), TinyBank(name="Tiny_1.0"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script reads, as it is now."""
    folder = tmp_path_factory.mktemp("checkout")
    leave = shutil.ignore_patterns("__pycache__")
    for name in ("deploy", "env", "requirements", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "firestore.rules",
                 "storage.rules", "firestore.indexes.json"):  # fmt: skip
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def cloud(tmp_path: Path, checkout: Path, bucket_url: str, voicebank: Path) -> Cloud:
    return _cloud(tmp_path, checkout, bucket_url, voicebank)


def _cloud(folder: Path, checkout: Path, bucket_url: str, voicebank: Path) -> Cloud:
    (folder / "bin").mkdir()
    (folder / "bin" / "sleep").write_text("#!/bin/sh\n")  # a network that is gone does not come back
    (folder / "bin" / "sleep").chmod(0o755)
    for name in ("gcloud", "curl"):
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{ROOT / "tests" / "cloud" / name}.py" "$@"\n')
        command.chmod(0o755)
    cloud = Cloud(folder, checkout, bucket_url, voicebank)
    cloud.change()
    return cloud


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, checkout: Path, bucket_url: str, voicebank: Path) -> Cloud:
    """A project after a run that broke off and one that finished it; not to be changed."""
    cloud = _cloud(tmp_path_factory.mktemp("deployed"), checkout, bucket_url, voicebank)
    cloud.change(fails_after=20)
    assert cloud.deploy().returncode != 0
    broken_off = cloud.state
    assert "run" not in broken_off["things"]
    cloud.change(things=broken_off["things"], calls=broken_off["calls"])
    done = cloud.deploy()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "https://cantilena-123456789.europe-west1.run.app"
    return cloud


def test_the_second_run_changes_nothing(deployed: Cloud, cloud: Cloud) -> None:
    shutil.copy(deployed.folder / "state.json", cloud.folder / "state.json")
    before = cloud.state
    done = cloud.deploy()
    assert done.returncode == 0, done.stderr
    assert "changes: 0" in done.stdout
    assert cloud.state["things"] == before["things"]
    assert cloud.changes == deployed.changes


def test_what_is_otherwise_is_changed_and_nothing_else(deployed: Cloud, cloud: Cloud) -> None:
    things, release = deployed.state["things"], "projects/song-1/releases/cloud.firestore"
    (file,) = things["rules"][things["rules"][release]["rulesetName"]]["source"]["files"]
    rules = (ROOT / "firestore.rules").read_text("utf-8")
    assert file == {"name": "firestore.rules", "content": rules}
    file["content"] = "allow read, write: if true"
    cloud.change(things=things)
    assert cloud.deploy(INSTANCES="5", **PUBLISHED).returncode == 0
    assert [words[:3] for words in cloud.changes] == [
        ["curl", "POST", "projects/song-1/rulesets"], ["curl", "PATCH", release], ["tasks", "queues", "update"],
        ["run", "deploy", "cantilena"],
    ]  # fmt: skip
    now = cloud.state["things"]["rules"]
    assert now[now[release]["rulesetName"]]["source"]["files"] == [{"name": "firestore.rules", "content": rules}]


def _granted(cloud: Cloud) -> set[tuple[str, str, str, str]]:
    return {
        (place, bound["role"], bound["members"][0], bound.get("condition", {}).get("expression", ""))
        for place, policy in cloud.state["things"]["policies"].items()
        for bound in policy
    }


def test_the_service_may_do_what_it_needs_and_no_more(deployed: Cloud) -> None:
    assert _granted(deployed) == {
        ("storage buckets gs://song-1-voicebanks", "roles/storage.objectViewer", RUN, ""),
        ("storage buckets gs://song-1-songs", "roles/storage.objectUser", RUN, ""),
        ("projects song-1", "roles/datastore.user", RUN, 'resource.name=="projects/song-1/databases/(default)"'),
        ("tasks queues cantilena-songs", "roles/cloudtasks.enqueuer", RUN, ""),
        ("tasks queues cantilena-songs", "roles/cloudtasks.viewer", RUN, ""),
        (f"iam service-accounts {TASKS}", "roles/iam.serviceAccountUser", RUN, ""),
        ("secrets cantilena-link-key", "roles/secretmanager.secretAccessor", RUN, ""),
    }


def test_in_a_bucket_for_both_it_writes_below_sessions_alone(cloud: Cloud) -> None:
    bucket = "song-1.appspot.com"
    cloud.change(things={"storage buckets": {f"gs://{bucket}": {"lifecycle": "age=400"}}})
    done = cloud.deploy(STORAGE_BUCKET=bucket, VOICEBANK_BUCKET=bucket, **PUBLISHED)
    assert done.returncode == 0, done.stderr
    assert "has rules of its own" in done.stderr
    assert cloud.state["things"]["storage buckets"] == {f"gs://{bucket}": {"lifecycle": "age=400"}}
    below = f'resource.name.startsWith("projects/_/buckets/{bucket}/objects/sessions/")'
    assert {grant for grant in _granted(cloud) if "storage" in grant[0]} == {
        (f"storage buckets gs://{bucket}", "roles/storage.objectViewer", RUN, ""),
        (f"storage buckets gs://{bucket}", "roles/storage.objectUser", RUN, below),
    }


def test_the_key_of_links_is_seen_by_nobody(deployed: Cloud) -> None:
    (key,) = deployed.state["things"]["secrets"]["cantilena-link-key"]["versions"]
    assert len(key) == 64
    assert key not in json.dumps(deployed.calls)
    assert key not in json.dumps(deployed.state["things"]["run"])


def test_the_service_starts_with_what_it_is_given(deployed: Cloud) -> None:
    run = deployed.state["things"]["run"]["cantilena"]
    (key,) = deployed.state["things"]["secrets"]["cantilena-link-key"]["versions"]
    assert run["update-secrets"] == "LINK_SIGNING_KEY=cantilena-link-key:latest"
    environment = yaml.safe_load(run["environment"])
    assert all(isinstance(value, str) for value in environment.values())
    settings = load_settings(environment | {"LINK_SIGNING_KEY": key, "K_SERVICE": "cantilena", "PORT": "8080"})
    require_service(settings)
    require_closed_door(settings, "0.0.0.0")
    assert settings.service_url == "https://cantilena-123456789.europe-west1.run.app"
    assert settings.tasks_queue == "projects/song-1/locations/europe-west1/queues/cantilena-songs"
    assert settings.tasks_service_account == TASKS
    assert settings.voicebank_default == "Tiny_1.0"
    assert int(run["timeout"]) > settings.tasks_deadline_seconds


def test_every_index_and_expiry_of_the_file_is_made(deployed: Cloud) -> None:
    wanted = json.loads((ROOT / "firestore.indexes.json").read_text("utf-8"))
    things = deployed.state["things"]
    assert len(things["indexes"]) == len(wanted["indexes"])
    for made, asked in zip(things["indexes"], wanted["indexes"], strict=True):
        assert f"/collectionGroups/{asked['collectionGroup']}/" in made["name"]
        named = [field for field in asked["fields"] if field["fieldPath"] != "__name__"]
        assert made["fields"][:-1] == named
    overrides = wanted["fieldOverrides"]
    assert len(things["exempted"]) == sum(override["indexes"] == [] for override in overrides)
    assert len(things["expiring"]) == sum(bool(override.get("ttl")) for override in overrides) > 0


@pytest.fixture(scope="module")
def real_gcloud() -> str:
    found = shutil.which("gcloud")
    if found is None:
        pytest.skip("needs the Google Cloud CLI, which is not here")
    return found


def _linted(gcloud: str, folder: Path, calls: list[str]) -> list[dict[str, Any]]:
    commands = folder / "commands.json"
    commands.write_text(json.dumps([{"command_string": call} for call in calls]))
    environment = os.environ | {"CLOUDSDK_CONFIG": str(folder / "config"), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    done = subprocess.run(
        [gcloud, "meta", "lint-gcloud-commands", f"--commands-file={commands}"], env=environment, capture_output=True,
        text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _quoted(words: list[str]) -> str:
    """As the real command reads it back: quotes around values alone."""
    pairs = [word.partition("=") for word in words]
    return " ".join(["gcloud", *(f"{name}={shlex.quote(value)}" if sign else name for name, sign, value in pairs)])


def _shape(words: list[str]) -> tuple[str, ...]:
    """What a command has in common with others that differ in values alone."""
    return (*words[:3], *sorted(word.partition("=")[0] for word in words if word.startswith("-")))


def _told() -> list[str]:
    """Commands that the pages for those who run the service tell them to give."""
    told = []
    for page in ("deploy.md", "operations.md"):
        text = (ROOT / "docs" / page).read_text("utf-8").replace("\\\n", " ")
        told += re.findall(r"`(gcloud [a-z-]+ [^`]+)`|^ {4} *(?:.*\| *)?(gcloud .+?)(?: +#.*)?$", text, re.MULTILINE)
    return [" ".join((quoted or block).split()) for quoted, block in told]


def test_the_real_commands_take_these_words_and_no_others(deployed: Cloud, real_gcloud: str, tmp_path: Path) -> None:
    calls = {_shape(words): words for words in deployed.calls if words[0] != "curl"}
    assert len(calls) > 40
    assert len(_told()) > 8
    unknown = "gcloud run deploy x --image=y --nonsense=1"
    results = _linted(real_gcloud, tmp_path, [*map(_quoted, calls.values()), *_told(), unknown])
    refused = [(result["command_string"], result["error_message"]) for result in results if not result["success"]]
    assert [command for command, _ in refused] == [unknown], refused
