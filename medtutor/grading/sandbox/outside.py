"""The process that stays outside: it waits for the worker and ends with it, and ends what takes too much memory.

Limits of a process alone can be got round by code that sets out to: memory that is filled and then made read-only no
longer counts for RLIMIT_DATA, and RLIMIT_AS has to leave room for all that the libraries map. So the memory that a
student's process really holds is looked at from outside, where it cannot be hidden.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import NoReturn

from medtutor.grading.sandbox import system

LOOK_EVERY = 0.02  # seconds
OPEN_PATH = 0o10000000  # O_PATH
HELD = ("RssAnon:", "VmSwap:", "VmPTE:")  # kB of memory that is its own, also where it was swapped out; page tables


def end_with_parent() -> None:
    """From here on this process is killed when the one that forked it ends. Changing the user undoes this."""
    parent = os.getppid()
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that was set
        os._exit(1)


def fork_inside(memory: int) -> int:
    """Go on in a new process; the calling one stays behind for good and ends as the new one does.

    `memory` bytes are what a process that the new one forks may hold on top of what is held now. Returns a pipe for
    `end_with_outside`. Raises `OSError`.
    """
    proc = os.open("/proc", OPEN_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    bound = held("self", proc) + memory
    reading, writing = os.pipe()
    inner = os.fork()
    if inner:
        _stay(inner, writing, proc, bound)
    os.close(writing)
    os.close(proc)
    return reading


def end_with_outside(reading: int) -> None:
    """As `end_with_parent`, for the new process, which may not see the number of the one outside."""
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([reading], [], [], 0)[0]:  # closed: it has ended already
        os._exit(1)
    os.close(reading)


def held(process: int | str, proc: int) -> int:
    """Bytes of memory of its own that a process holds. Raises `OSError` where there is no such process."""
    lines = _read(f"{process}/status", proc).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(HELD)) * 1024


def children(process: int, proc: int) -> list[int]:
    """The processes that a process has forked and not yet seen the end of."""
    with contextlib.suppress(FileNotFoundError):  # a kernel can be built without this file
        return [int(child) for child in _read(f"{process}/task/{process}/children", proc).split()]
    found = []
    listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        for name in filter(str.isdigit, os.listdir(listed)):
            with contextlib.suppress(OSError):
                if int(_read(f"{name}/stat", proc).rpartition(")")[2].split()[1]) == process:
                    found.append(int(name))
    finally:
        os.close(listed)
    return found


def _read(name: str, proc: int) -> str:
    with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), encoding="utf-8", errors="replace") as file:
        return file.read()


def _stay(inner: int, writing: int, proc: int, bound: int) -> NoReturn:
    import resource

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    first, second = sorted((writing, proc))
    os.closerange(3, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    while True:
        ended, status = os.waitpid(inner, os.WNOHANG)
        if ended:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        with contextlib.suppress(OSError):
            for child in children(inner, proc):
                if held(child, proc) > bound:
                    os.kill(child, signal.SIGKILL)
        time.sleep(LOOK_EVERY)
