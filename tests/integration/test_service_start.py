"""How the service starts, and where it refuses to: the real command, with the environment of production."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.firestore import FirestoreEmulator
from tests.serving.process import ServeProcess, serve_process
from tests.serving.server import HYMN
from tests.tokens import PROJECT, Mint, run_key_server
from tests.workers.processes import wait_until

KEY = "a signing key of thirty-two or more"
MINT = Mint()
PROD = {
    "APP_ENV": "prod", "GOOGLE_CLOUD_PROJECT": PROJECT, "STORAGE_BUCKET": "songs", "LINK_SIGNING_KEY": KEY,
    "TASKS_QUEUE": "projects/song-1/locations/europe-west1/queues/songs",
    "TASKS_SERVICE_ACCOUNT": "tasks@song-1.iam.gserviceaccount.com", "SERVICE_URL": "https://sing.example",
}  # fmt: skip


def _serve(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-P", "-c", "from cantilena.interfaces.cli.main import run; run()", "serve", *words],
        env={**inherited, "HOME": str(folder), **environment}, cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"APP_ENV": "prod"}, "GOOGLE_CLOUD_PROJECT and STORAGE_BUCKET and FIREBASE_PROJECT and LINK_SIGNING_KEY"),
        ({k: v for k, v in PROD.items() if k != "LINK_SIGNING_KEY"}, "LINK_SIGNING_KEY must be set"),
        ({**PROD, "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, "FIRESTORE_EMULATOR_HOST must not be set"),
        ({**PROD, "ALLOW_EMULATORS": "rehearsal", "K_SERVICE": "cantilena"}, "ALLOW_EMULATORS must not be set"),
        ({**PROD, "IDENTITY": "none"}, "IDENTITY must not be none"),
        ({**PROD, "DISPATCH": "queue"}, "DISPATCH must not be queue"),
        ({"K_SERVICE": "cantilena", "PORT": "8080"}, "APP_ENV is not set"),
        ({"PORT": "8080"}, "must not listen on 0.0.0.0"),
        ({"APP_ENV": "dev"}, "FIRESTORE_EMULATOR_HOST must be set"),
    ],
)
def test_it_does_not_start_where_it_would_do_harm(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    done = _serve(tmp_path, **environment)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert KEY not in done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing was made either


def test_a_host_for_all_is_refused_where_nobody_is_asked(tmp_path: Path) -> None:
    done = _serve(tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "IDENTITY" in done.stderr


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory, firestore_emulator: FirestoreEmulator) -> Iterator[ServeProcess]:
    """Production in rehearsal, whose bucket is empty."""
    folder = tmp_path_factory.mktemp("silent")
    with run_bucket_server(folder / "buckets") as buckets, run_key_server(MINT) as keys:
        make_bucket(buckets, "songs")
        environment = {
            **PROD, "ALLOW_EMULATORS": "rehearsal", "DISPATCH": "queue", "STORAGE_EMULATOR_HOST": buckets.url,
            "FIRESTORE_EMULATOR_HOST": firestore_emulator.host, "IDENTITY_CERTS_URL": keys.url, "NO_GCE_CHECK": "true",
            "VOICEBANK_CACHE_DIR": str(folder / "voicebanks"), "CANTILENA_THREADS": "1",
        }  # fmt: skip
        with serve_process(folder / "api", environment, arguments=("--host", "127.0.0.1", "--port", "0")) as serve:
            yield serve


def test_production_without_a_voicebank_says_so_and_answers_all_the_same(silent: ServeProcess) -> None:
    wait_until(lambda: httpx2.get(f"{silent.url}/ready").json()["checks"].get("worker") == "ok", seconds=60.0)
    ready = httpx2.get(f"{silent.url}/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {
        "sessions": "ok", "jobs": "ok", "objects": "ok", "dispatch": "ok", "voicebanks": "voicebank_missing",
        "worker": "ok",
    }  # fmt: skip
    assert httpx2.get(f"{silent.url}/health").status_code == 200
    known = {"Authorization": f"Bearer {MINT.firebase('clara')}"}
    assert httpx2.post(f"{silent.url}/sessions", headers=known).status_code == 201
    assert httpx2.get(f"{silent.url}/voicebanks", headers=known).json() == {"voicebanks": []}
    assert httpx2.post(f"{silent.url}/sessions").status_code == 401


def test_a_song_without_a_voice_fails_with_the_reason(silent: ServeProcess) -> None:
    known = {"Authorization": f"Bearer {MINT.firebase('clara')}"}
    with httpx2.Client(base_url=silent.url, headers=known, timeout=40.0) as client:
        session = f"/sessions/{client.post('/sessions').json()['session_id']}"
        assert client.put(f"{session}/score", content=HYMN.read_bytes()).status_code == 200
        job = client.post(f"{session}/jobs", json={}, headers={"Prefer": "wait=25"}).json()
        assert (job["status"], job["error"]["code"]) == ("failed", "voicebank_missing")
        named = client.post(f"{session}/jobs", json={"voicebank": "Vesper_1.0"})
        assert (named.status_code, named.json()["code"]) == (422, "voicebank_unknown")


def test_every_process_of_a_rehearsal_says_that_it_is_one(silent: ServeProcess) -> None:
    def said() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in silent.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "rehearsal_begin"]

    wait_until(lambda: len(said()) >= 2, seconds=30.0)  # the api, and its worker
    assert {line["severity"] for line in said()} == {"ERROR"}


def test_the_worker_is_not_told_what_it_need_not_know(silent: ServeProcess) -> None:
    wait_until(lambda: bool(silent.children()), seconds=30.0)
    for pid in silent.children():
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"APP_ENV=prod" in environment
        assert KEY.encode() not in environment
    assert KEY not in silent.log.read_text()
