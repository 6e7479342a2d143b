"""The threads that this process can keep busy, as control groups tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.voicebank import threads
from cantilena.voicebank.threads import available_threads


@pytest.fixture(autouse=True)
def sixteen_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def write(system: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(text + "\n")
    return system


def test_without_a_limit_all_processors_count(tmp_path):
    assert available_threads(system=tmp_path) == 16


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 16), ("200000 100000", 2), ("250000 100000", 3), ("10000 100000", 1), ("6400000 100000", 16),
     ("nonsense", 16), ("", 16), ("-1 0", 16)],
)  # fmt: skip
def test_a_quota_of_the_second_version(tmp_path, limit, expected):
    system = write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": limit})
    assert available_threads(system=system) == expected


def test_the_tightest_of_the_groups_above_counts(tmp_path):
    files = {"proc/self/cgroup": "0::/kubepods/pod7/box", "sys/fs/cgroup/kubepods/cpu.max": "800000 100000"}
    files |= {
        "sys/fs/cgroup/kubepods/pod7/cpu.max": "150000 100000",
        "sys/fs/cgroup/kubepods/pod7/box/cpu.max": "max 1",
    }
    assert available_threads(system=write(tmp_path, files)) == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "expected"), [("-1", 16), ("300000", 3), ("50000", 1), ("", 16)])
def test_a_quota_of_the_first_version(tmp_path, mount, quota, expected):
    files = {"proc/self/cgroup": "3:memory:/a\n2:cpu,cpuacct:/docker/1f2e", "sys/fs/cgroup/cpuset/x": ""}
    files |= {f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us": quota, f"sys/fs/cgroup/{mount}/cpu.cfs_period_us": "100000"}
    assert available_threads(system=write(tmp_path, files)) == expected


def test_processors_it_is_kept_to_count_before_any_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    system = write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "800000 100000"})
    assert available_threads(system=system) == 2
