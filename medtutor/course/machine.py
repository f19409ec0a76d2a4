"""What this machine has: cores, memory and disk that this process may use, and the GPU."""

from __future__ import annotations

import glob
import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from medtutor import threads

GPU_FILES = ("/dev/nvidia*", "/dev/nvhost*", "/dev/nvmap", "/dev/dxg", "/dev/kfd")  # one of them is there with a driver


@dataclass(frozen=True)
class Machine:
    """Megabytes are 10**6 bytes; None where it cannot be told."""

    cores: int
    memory_free_mb: float | None
    disk_free_mb: float | None
    gpu: str | None
    gpu_memory_mb: float | None


def machine() -> Machine:
    """Look at this machine. Loads torch only where there may be a GPU to ask for."""
    gpu, gpu_memory = _gpu()
    return Machine(threads.cores(), memory_free_mb(), disk_free_mb(), gpu, gpu_memory)


def memory_free_mb(proc: str | Path = "/proc/meminfo", cgroup: str | Path = "/sys/fs/cgroup") -> float | None:
    """Memory that this process can still take: what the system has free, or what a container's limit leaves."""
    free = [n for n in (_system_free(Path(proc)), _cgroup_free(Path(cgroup))) if n is not None]
    return min(free) / 1e6 if free else None


def _system_free(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # not Linux
        try:
            import psutil  # comes with ipykernel

            return psutil.virtual_memory().available
        except ImportError:
            return None


def _cgroup_free(root: Path) -> int | None:
    for limit, used, stat, cached in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            most, now = (root / limit).read_text().strip(), int((root / used).read_text())
            if most == "max":
                return None
            # file cache counts as used, but the kernel gives it back when memory gets short
            rows = dict(line.split() for line in (root / stat).read_text().splitlines())
            return max(0, int(most) - now + int(rows.get(cached, 0)))
        except (OSError, ValueError):
            continue
    return None


def disk_free_mb() -> float | None:
    """Free space where downloads go."""
    from medtutor.data.fetch import cache_folder

    folder = Path(cache_folder()).absolute()
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free / 1e6
        except OSError:  # not made yet
            continue
    return None


def _gpu() -> tuple[str | None, float | None]:
    no_driver = sys.platform == "linux" and not any(glob.glob(pattern) for pattern in GPU_FILES)
    if no_driver or importlib.util.find_spec("torch") is None:
        return None, None
    import torch

    if not torch.cuda.is_available():
        return None, None
    facts = torch.cuda.get_device_properties(0)
    return facts.name, facts.total_memory / 1e6
