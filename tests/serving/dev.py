"""``make dev``: the service as in the cloud, on this machine; Firestore's emulator, a storage server, and the api.

Everything is kept in the two servers and is gone when they stop. Ctrl-C, or SIGTERM, stops all of it again.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.firestore import EmulatorMissing, run_firestore

PROJECT = "cantilena-dev"
BUCKET = "cantilena-dev"
_ENDS_WITHIN = 15.0
_START = "from cantilena.interfaces.cli.main import run; run()"
_WRONG = 2


class _Stopped(Exception):
    """Somebody wants it to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until it is told to stop: 0. Something is missing: 2; the api ended by itself: its exit code."""
    parser = argparse.ArgumentParser(prog="make dev", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the api; 0: any that is free")
    port = parser.parse_args(arguments).port
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with _stores() as stores:
            return _serve(stores, port)
    except EmulatorMissing as missing:
        print(f"make dev cannot start: {missing}.", file=sys.stderr)
        return _WRONG
    except _Stopped:
        print("Stopped.", flush=True)
        return 0


def _stop(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough: it is being tidied up
    raise _Stopped


@contextmanager
def _stores() -> Iterator[Mapping[str, str]]:
    """The stores, started; what the api must know of them."""
    with tempfile.TemporaryDirectory(prefix="cantilena-dev-") as folder:
        print("Starting the Firestore emulator ...", flush=True)
        with run_firestore() as firestore, run_bucket_server(Path(folder)) as bucket:
            make_bucket(bucket, BUCKET)
            print(f"  documents: FIRESTORE_EMULATOR_HOST={firestore.host}")
            print(f"  objects: STORAGE_EMULATOR_HOST={bucket.url} STORAGE_BUCKET={BUCKET}")
            yield {
                "APP_ENV": "dev", "GOOGLE_CLOUD_PROJECT": PROJECT, "FIRESTORE_EMULATOR_HOST": firestore.host,
                "STORAGE_EMULATOR_HOST": bucket.url, "STORAGE_BUCKET": BUCKET, "NO_GCE_CHECK": "true",
            }  # fmt: skip


def _serve(stores: Mapping[str, str], port: int) -> int:
    print("Starting the api; Ctrl-C stops everything.", flush=True)
    command = [sys.executable, "-P", "-c", _START, "serve", "--port", str(port)]
    # in a group of its own: Ctrl-C reaches this process alone, which ends the others in the right order
    api = subprocess.Popen(command, env={**os.environ, **stores}, process_group=0)
    try:
        code = api.wait()
        print(f"The api ended by itself with {code}; what it said stands above.", file=sys.stderr)
        return code or 1
    finally:
        api.terminate()
        try:
            api.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            api.kill()
            api.wait()


if __name__ == "__main__":
    sys.exit(main())
