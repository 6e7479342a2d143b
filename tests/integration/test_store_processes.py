"""One store, several processes: concurrent writers, readers and evictions, and writers that are killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from cantilena.cache import ContentStore

# Writes and reads entries whose content tells their key, in a store too small for them.
CROWD = """
import sys
from pathlib import Path
from cantilena.cache import ContentStore
store = ContentStore(Path(sys.argv[1]), max_bytes=200_000)
start = int(sys.argv[2])
hits = 0
for turn in range(150):
    key = f"{(start + 7 * turn) % 40:032x}"
    content = key.encode() * 300
    found = store.read("phrases", key)
    assert found is None or found == content, key
    hits += found is not None
    path = store.file("phrases", key)
    assert path is None or path.parent.name == key[:2]
    if found is None:
        store.write("phrases", key, (content[:100], content[100:]))
    assert store.problem is None, store.problem
print(hits)
"""

# Writes one entry slowly, and says when it has begun.
SLOW = """
import sys, time
from pathlib import Path
from cantilena.cache import ContentStore

def parts():
    yield b"la"
    print("writing", flush=True)
    time.sleep(60)
    yield b"la"

ContentStore(Path(sys.argv[1]), max_bytes=10_000).write("phrases", "ab" * 16, parts())
"""


def test_processes_at_once_never_read_half_an_entry_nor_fail(tmp_path: Path) -> None:
    crowd = [
        subprocess.Popen([sys.executable, "-c", CROWD, tmp_path / "cache", str(start)], stdout=subprocess.PIPE)
        for start in (0, 13, 26, 39)
    ]
    hits = [int(process.communicate(timeout=60)[0]) for process in crowd]
    assert [process.returncode for process in crowd] == [0, 0, 0, 0]
    assert sum(hits) > 0
    store = ContentStore(tmp_path / "cache", max_bytes=200_000)
    store.write("phrases", "ef" * 16, (b"la",))
    assert store.size().bytes <= 220_000  # what raced with the last look through the folder
    assert not list(tmp_path.rglob("*.part"))


def test_a_killed_writer_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, max_bytes=10_000)
    for _ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", SLOW, tmp_path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
        writer.communicate(timeout=10)
        assert store.read("phrases", "ab" * 16) is None
    assert store.size().entries == 0
    parts = list(tmp_path.rglob("*.part"))
    assert len(parts) == 10
    store.write("phrases", "ab" * 16, (b"la",))
    assert store.read("phrases", "ab" * 16) == b"la"
    assert time.time() - max(part.stat().st_mtime for part in parts) < 3600  # swept later: one may still be written
