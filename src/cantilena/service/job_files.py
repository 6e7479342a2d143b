"""The files of jobs: a folder for each, in it the score as it came and a folder for each attempt.

::

    <folder>/<job id>/score.musicxml      or score.mxl
    <folder>/<job id>/1/audio.wav         of the first attempt, and timings.json, take.json

Conventions
-----------
Files appear whole. An attempt writes into a folder of its own, so that one that was believed dead and is not cannot
touch what the next one writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cantilena.audio.whole_file import whole_file

_CHUNK: Final = 2**20
_SCORE_SUFFIXES: Final = (".mxl", ".musicxml")


class JobFiles:
    """The files of the jobs of one store.

    Parameters
    ----------
    folder : Path
        For these alone; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()

    def keep_score(self, job_id: str, score: bytes) -> Path:
        """Write the score of a job, which is thereby begun."""
        home = self._folder / job_id
        home.mkdir(exist_ok=True)
        file = home / ("score.mxl" if score.startswith(b"PK") else "score.musicxml")
        write_file(file, score)
        return file

    def score(self, job_id: str) -> Path | None:
        """The score of a job."""
        places = (self._folder / job_id / f"score{suffix}" for suffix in _SCORE_SUFFIXES)
        return next((place for place in places if place.is_file()), None)

    def begin_attempt(self, job_id: str, attempt: int) -> Path:
        """An empty folder for what an attempt makes; what others left goes."""
        home = self._folder / job_id
        for other in list(home.iterdir()):
            if other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
        place = home / str(attempt)
        place.mkdir()
        return place

    def attempt(self, job_id: str, attempt: int) -> Path:
        """Where an attempt writes."""
        return self._folder / job_id / str(attempt)

    def remove_attempt(self, job_id: str, attempt: int) -> None:
        """Leave nothing of an attempt."""
        shutil.rmtree(self.attempt(job_id, attempt), ignore_errors=True)

    def remove(self, job_id: str) -> None:
        """Leave nothing of a job."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def job_ids(self, *, before: float) -> Iterator[str]:
        """Jobs that have files, and had them before some moment (seconds of the wall clock)."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before:
                    yield entry.name


def write_file(file: Path, content: bytes) -> None:
    """Write a file that appears whole, over one that is there.

    Raises
    ------
    OutputError
        ``output_unwritable``, ``output_disk_full``.
    """
    with whole_file(file, force=True) as descriptor:
        rest = memoryview(content)
        while len(rest):
            rest = rest[os.write(descriptor, rest) :]


def write_json(file: Path, document: object) -> None:
    """Write a JSON document; raises as :func:`write_file`."""
    write_file(file, json.dumps(document, ensure_ascii=False).encode() + b"\n")


def read_json(file: Path) -> Any:  # noqa: ANN401 -- whatever was written
    """The document that :func:`write_json` wrote."""
    return json.loads(file.read_bytes())


def file_sha256(file: Path) -> str:
    """The hexadecimal hash of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
