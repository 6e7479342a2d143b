"""One download a machine, however many processes ask, and however often they are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cantilena.adapters.gcs_objects import GcsObjects
from cantilena.distribution.publish import publish
from tests.buckets.crowd import PREFIX, digest_of
from tests.buckets.faults import FaultyServer, run_faulty_proxy
from tests.buckets.server import make_bucket, run_bucket_server

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("CANTILENA_TEST_KILLS", "20"))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server, run_faulty_proxy(server.url) as running:
        make_bucket(server, "crowded")
        yield running


@pytest.fixture
def bank(proxy: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty files in the bucket, as ``Crowd_1.0``."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    folder = tmp_path / "bank"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n}.bin").write_bytes(os.urandom(50_000 * (1 + n % 3)))
    bucket = GcsObjects("crowded")
    publish(folder, "Crowd_1.0", objects=bucket, prefix=PREFIX, info={}, replacing=True)
    bucket.close()
    proxy.faults.read.clear()
    return folder


def crowd(verb: str, n: int, cache: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.buckets.crowd", verb, str(n), "crowded", "Crowd_1.0", str(cache)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=900)
    return json.loads(run.stdout)


def test_sixty_four_processes_share_one_download(proxy: FaultyServer, bank: Path, tmp_path: Path) -> None:
    proxy.faults.before = lambda name: time.sleep(0.01)
    result = crowd("ask", 64, tmp_path / "cache")
    assert result["found"] == [digest_of(bank)]
    assert set(proxy.faults.read.values()) == {1}
    assert len(proxy.faults.read) == 21  # the files and the manifest


@pytest.mark.timeout(900)
def test_a_killed_download_never_leaves_half_a_voicebank(proxy: FaultyServer, bank: Path, tmp_path: Path) -> None:
    proxy.faults.before = lambda name: time.sleep(0.005)
    result = crowd("kill", KILLS, tmp_path / "cache")
    assert result["found"] == [digest_of(bank)]
    assert result["killed"] >= KILLS // 3
