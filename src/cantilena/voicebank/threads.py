"""How many threads this process can really keep busy.

A container's share of a machine is often smaller than what the machine counts: threads beyond it do not run side by
side but are stopped in turn, each while the others wait for it.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path


def available_threads(*, system: Path = Path("/")) -> int:
    """The processors this process may use, and no more than its share of processor time.

    Two threads of one core count as two: onnxruntime itself would start one for each core, but whether processors
    share a core is hidden where it matters most, in containers and virtual machines.

    Parameters
    ----------
    system : Path
        Root of the file system that tells about control groups.

    Returns
    -------
    int
        >= 1; a part of a processor counts as one.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [share for share in (_share_v2(system), _share_v1(system)) if share is not None]
    return max(1, min(processors, *(math.ceil(share) for share in shares), processors))


def _share_v2(system: Path) -> float | None:
    """Processors by ``cpu.max`` of the process's group and those above it."""
    group = _group(system, "")
    if group is None:
        return None
    shares = []
    for file in _upwards(system / "sys/fs/cgroup", group, "cpu.max"):
        quota, _, period = _text(file).partition(" ")
        share = _ratio(quota, period)
        if share is not None:
            shares.append(share)
    return min(shares, default=None)


def _share_v1(system: Path) -> float | None:
    """Processors by ``cpu.cfs_quota_us`` of the process's group and those above it."""
    group = _group(system, "cpu")
    if group is None:
        return None
    shares = []
    for mount in ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"):
        for file in _upwards(system / mount, group, "cpu.cfs_quota_us"):
            share = _ratio(_text(file), _text(file.with_name("cpu.cfs_period_us")))
            if share is not None:
                shares.append(share)
    return min(shares, default=None)


def _group(system: Path, controller: str) -> str | None:
    """The control group of this process; the empty controller is that of the second version."""
    for line in _text(system / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controller in controllers.split(","):
            return group
    return None


def _upwards(mount: Path, group: str, name: str) -> list[Path]:
    """A file in the folder of a group and in those above it.

    Inside a container the group may be told by its path outside, of which only the end is mounted, or nothing.
    """
    parts = [part for part in group.split("/") if part and part != ".."]
    return [mount.joinpath(*parts[:count], name) for count in range(len(parts), -1, -1)]


def _text(file: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text().strip()
    return ""


def _ratio(quota: str, period: str) -> float | None:
    """Quota by period; None: there is no limit, or nothing that says one."""
    with suppress(ValueError):
        if int(quota) > 0 and int(period) > 0:
            return int(quota) / int(period)
    return None
