"""What one process may use. Where it can make no other process, its limits are those of the whole group."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

MB = 10**6
# Threads and the allocator reserve ranges of addresses that hold no memory: 8 MB for a stack, 128 MB for an arena.
RESERVED_MB = 2048


@dataclass(frozen=True)
class Limits:
    """For the process of one question, on top of what its parent has mapped when it starts. 1 MB is 10**6 bytes.

    `memory_mb` counts private memory that can be written; `file_mb` is of one file, `scratch_mb` of all;
    `cpu_seconds` is of processor time, all threads together.
    """

    memory_mb: int = 1024
    file_mb: int = 16
    scratch_mb: int = 64
    files: int = 4096  # in scratch, where the level can count them
    open_files: int = 64
    threads: int = 64
    cpu_seconds: int = 600


@dataclass
class State:
    """What `enter` finds out for `confine`, in the same process or one forked from it."""

    mapped: int = 0  # bytes of addresses
    written: int = 0  # bytes of private memory that can be written
    worker: int = 0  # its number, as it sees it
    counts_threads: bool = False  # RLIMIT_NPROC counts this worker alone


state = State()


def measure() -> None:
    """Note how much this process has mapped. Raises `OSError` where the kernel does not say."""
    import resource  # noqa: F401 - here, so that no process of a question has to

    if sys.platform != "linux":
        return
    with open("/proc/self/statm") as file:
        fields = [int(field) for field in file.read().split()]
    page = os.sysconf("SC_PAGE_SIZE")
    state.mapped, state.written = fields[0] * page, fields[5] * page


def apply(limits: Limits) -> None:
    """Set the limits for this process, soft and hard. What was lower stays so."""
    import resource

    wanted = {
        "RLIMIT_DATA": state.written + limits.memory_mb * MB,
        "RLIMIT_AS": state.mapped + (limits.memory_mb + RESERVED_MB) * MB,
        "RLIMIT_FSIZE": limits.file_mb * MB,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_SIGPENDING": 256,
        "RLIMIT_RTPRIO": 0,
        "RLIMIT_NICE": 0,
    }
    if state.counts_threads:
        wanted["RLIMIT_NPROC"] = limits.threads
    for name, value in wanted.items():
        which = getattr(resource, name, None)
        if which is None or (sys.platform != "linux" and name in ("RLIMIT_AS", "RLIMIT_DATA")):
            continue
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
