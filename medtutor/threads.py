"""How many threads torch may use, said before torch loads.

A container often may use fewer cores than its host has. Too many threads on too few cores made a training step
20 times slower where this was measured, because waiting threads spin. So the number comes from the container's
quota, and waiting threads sleep. Whatever the user has set in the environment stays.
"""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path


def cores(cgroup: str | Path = "/sys/fs/cgroup") -> int:
    """CPU cores that this process may use: the smallest of affinity and cgroup quota (v2, then v1), at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        count = os.cpu_count() or 1
    root = Path(cgroup)
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return count
    if quota == "max" or int(quota) <= 0:
        return count
    return max(1, min(count, math.ceil(int(quota) / int(period))))


def prepare(env: MutableMapping[str, str] | None = None) -> int:
    """Set the OpenMP variables that are not set yet, and return the number of threads. Call before torch loads."""
    env = os.environ if env is None else env
    count = cores()
    env.setdefault("OMP_NUM_THREADS", str(count))
    env.setdefault("MKL_NUM_THREADS", env["OMP_NUM_THREADS"])
    env.setdefault("OMP_WAIT_POLICY", "passive")
    env.setdefault("GOMP_SPINCOUNT", "0")
    return count
