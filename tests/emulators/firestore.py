"""Google's Firestore emulator on this machine's loopback, for as long as a block lasts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.buckets.server import free_port

_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
_SDK_FOLDERS = ("/usr/lib/google-cloud-sdk", "/usr/share/google-cloud-sdk", "/opt/google-cloud-sdk")
_HOW_TO_GET_IT = (
    "the Firestore emulator is missing: install the Debian package google-cloud-cli-firestore-emulator and a Java "
    "runtime, or set FIRESTORE_EMULATOR_JAR to cloud-firestore-emulator.jar"
)


class EmulatorMissing(Exception):
    """The emulator is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class FirestoreEmulator:
    """Where it listens: ``host`` is what FIRESTORE_EMULATOR_HOST wants."""

    host: str

    def clear(self, project: str, database: str = "(default)") -> None:
        """Remove every document of a project."""
        request = urllib.request.Request(
            f"http://{self.host}/emulator/v1/projects/{project}/databases/{database}/documents", method="DELETE"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


@contextmanager
def run_firestore(*, port: int | None = None) -> Iterator[FirestoreEmulator]:
    """Start the emulator, wait until it answers, and stop it again.

    Raises
    ------
    EmulatorMissing
        When Java or the emulator is not installed.
    """
    jar, java = find_jar(), shutil.which("java")
    if jar is None or java is None or not jar.is_file():
        raise EmulatorMissing(_HOW_TO_GET_IT)
    port = port or free_port()
    command = [
        java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en", "-cp", str(jar),
        "com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start", "--host=127.0.0.1", f"--port={port}",
    ]  # fmt: skip
    if setpriv := shutil.which("setpriv"):
        command = [setpriv, "--pdeathsig", "KILL", *command]  # it does not outlive tests that are killed
    # in a group of its own: Ctrl-C is for whoever started it
    server = subprocess.Popen(
        command, process_group=0, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(f"http://127.0.0.1:{port}/", server)
        _warm_up(f"http://127.0.0.1:{port}/v1/projects/warm-up/databases/(default)/documents")
        yield FirestoreEmulator(host=f"127.0.0.1:{port}")
    finally:
        server.kill()  # it has nothing to tidy up
        server.wait()


def find_jar() -> Path | None:
    """Where the emulator lies: as the environment says, in a Google Cloud CLI, or in the cache of firebase-tools."""
    if named := os.environ.get("FIRESTORE_EMULATOR_JAR"):
        return Path(named)
    sdks = [Path(folder) for folder in _SDK_FOLDERS] + [Path.home() / "google-cloud-sdk"]
    if gcloud := shutil.which("gcloud"):
        sdks.insert(0, Path(gcloud).resolve().parents[1])
    for sdk in sdks:
        if (sdk / _JAR).is_file():
            return sdk / _JAR
    cached = (Path.home() / ".cache" / "firebase" / "emulators").glob("cloud-firestore-emulator-v*.jar")
    return max(cached, default=None)


def _warm_up(documents: str) -> None:
    """Have every kind of request answered once: on a busy machine Java's first answers take longer than one waits."""
    field = {"name": {"stringValue": "value"}}
    written = {"update": {"name": f"{documents.partition('/v1/')[2]}/jobs/one", "fields": field}}
    query = {"from": [{"collectionId": "jobs"}], "orderBy": [{"field": {"fieldPath": "name"}}], "limit": 1}
    counted = {"structuredQuery": query, "aggregations": [{"alias": "n", "count": {}}]}
    for verb, body in (
        ("commit", {"writes": [written]}),
        ("batchGet", {"documents": [written["update"]["name"]]}),
        ("runQuery", {"structuredQuery": query}),
        ("runAggregationQuery", {"structuredAggregationQuery": counted}),
    ):
        request = urllib.request.Request(
            f"{documents}:{verb}", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the Firestore emulator ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.read().strip() == b"Ok":
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the Firestore emulator does not answer")
