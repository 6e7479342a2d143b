"""Many processes that ask for one voicebank, and processes that are killed while they do.

A program of its own, so that children are forked from a process without threads:
``python -m tests.buckets.crowd ask|kill N BUCKET ID CACHE``; it prints one JSON document.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cantilena.adapters.gcs_objects import GcsObjects
from cantilena.distribution.cache import VoicebankCache

PREFIX = "assets/voicebanks"


def digest_of(folder: Path) -> str:
    """Names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _resolve(bucket: str, voicebank_id: str, cache: Path, *, check_seconds: float = 300.0) -> str:
    store = VoicebankCache(cache, objects=GcsObjects(bucket), prefix=PREFIX, check_seconds=check_seconds)
    with store.resolve(voicebank_id) as found:
        return digest_of(found.folder)


def _fork(work: Callable[[], str]) -> tuple[int, int]:
    """A child that writes what its work gives into a pipe: its id, and the pipe."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    try:
        os.write(writer, work().encode())
    except BaseException as error:
        os.write(writer, f"error: {type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def _answer(child: int, reader: int) -> str:
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def ask(n: int, bucket: str, voicebank_id: str, cache: Path) -> dict[str, object]:
    """``n`` processes ask at once; what each of them found."""
    children = [_fork(lambda: _resolve(bucket, voicebank_id, cache)) for _ in range(n)]
    return {"found": sorted({_answer(*child) for child in children}), "processes": n}


def kill(n: int, bucket: str, voicebank_id: str, cache: Path) -> dict[str, object]:
    """``n`` times: a process is killed at a random moment of its download, and the next one is asked."""
    chance = random.Random(n)
    found: set[str] = set()
    killed = 0
    begin = time.perf_counter()
    found.add(_answer(*_fork(lambda: _resolve(bucket, voicebank_id, cache / "first"))))
    usual = time.perf_counter() - begin
    for attempt in range(n):
        folder = cache / f"kill-{attempt}"
        child, reader = _fork(lambda folder=folder: _resolve(bucket, voicebank_id, folder))
        time.sleep(chance.uniform(0.0, 1.1 * usual))
        os.kill(child, signal.SIGKILL)
        killed += not _answer(child, reader)
        found.add(_answer(*_fork(lambda folder=folder: _resolve(bucket, voicebank_id, folder))))
        left = [path.name for path in (folder / ".partial").iterdir()]
        if left:
            found.add(f"left behind: {left}")
    return {"found": sorted(found), "killed": killed}


if __name__ == "__main__":
    verb, count, bucket_name, asked, cache_folder = sys.argv[1:]
    result = {"ask": ask, "kill": kill}[verb](int(count), bucket_name, asked, Path(cache_folder))
    print(json.dumps(result))
