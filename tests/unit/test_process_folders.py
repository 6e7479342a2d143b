"""Folders of processes that ended, and of those that did not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from cantilena.process_folders import process_folder, remove_abandoned

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
HOLDER = """
from cantilena.process_folders import process_folder
with process_folder() as folder:
    (folder / "half.wav").write_bytes(b"la")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_a_folder_goes_with_its_block(tmp_path):
    with process_folder() as folder:
        (folder / "half.wav").write_bytes(b"la")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_stays(tmp_path):
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        make_old(folder)
        remove_abandoned()
        assert (folder / "half.wav").exists()
        holder.kill()
        holder.wait()
        remove_abandoned()
    assert list(tmp_path.iterdir()) == []


def test_a_young_folder_may_be_about_to_be_locked(tmp_path):
    (tmp_path / "cantilena-worker-abc").mkdir()
    remove_abandoned()
    assert len(list(tmp_path.iterdir())) == 1


def make_old(folder: Path) -> None:
    long_ago = time.time() - 3600.0
    os.utime(folder, (long_ago, long_ago))
