"""Going in: once for a worker, and once more for each process that runs a student's code. There is no way back."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from medtutor.grading.sandbox import landlock, namespaces, outside, seccomp, system
from medtutor.grading.sandbox.levels import IsolationError, Plan
from medtutor.grading.sandbox.limits import MB, Limits, apply, measure, state
from medtutor.grading.sandbox.paths import hidden_paths, open_to_all, real_paths
from medtutor.grading.sandbox.scratch import ROOTS
from medtutor.grading.sandbox.syscalls import machine

MAY_LAST = "/dev/zero"  # where Landlock does not keep it from being written, shared memory without limit could be had
SPARE = 64 * MB  # so that the limits of the process itself, which are kinder, answer first


def enter(plan: Plan, scratch: Path, readable: Sequence[Path], limits: Limits | None = None) -> None:
    """Shut this process and all it forks in, as `plan` says. For a worker with one thread, before any student's code.

    `scratch` must be there and be empty (under bubblewrap it is made); afterwards it is the current folder, the
    only one that can be written, the home, and where `tempfile` writes. It is emptied with `wipe`. `readable` is as
    `readable_paths()` gives it. The caller goes on in a new process (at the level "namespaces" as process 1 of a new
    process table); the one that called stays outside, watches the memory that `limits` gives, and ends as the new one
    does: whichever of them or of their parents ends, ends the others. At the level "none" nothing of this happens.
    Raises `IsolationError` where the host refuses.
    """
    try:
        _enter(plan, Path(os.path.abspath(scratch)), list(readable), Limits() if limits is None else limits)
    except OSError as error:
        raise IsolationError(f"The isolation level {plan.level!r} could not be set up: {error}.") from error


def _enter(plan: Plan, folder: Path, readable: list[Path], limits: Limits) -> None:
    measure()
    if plan.level == "none":
        _settle(folder)
        return
    abi = landlock.version()
    hidden = hidden_paths()
    state.counts_threads = plan.counts_threads
    memory = limits.memory_mb * MB + SPARE
    if plan.level == "namespaces":
        shown = readable if abi else [path for path in readable if str(path) != MAY_LAST]
        top = namespaces.isolate(folder, shown, hidden, limits.scratch_mb * MB, limits.files, memory)
        ROOTS[:] = [top]
        writable = [top]
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = None
        if plan.level == "landlock" and plan.counts_threads and open_to_all(real_paths(readable)):
            user = namespaces.private_user()
        if user is not None:
            os.chown(folder, user, user)
        outside.end_with_parent()
        reading = outside.fork_inside(memory)
        namespaces.become(user)
        state.counts_threads = user is not None
        outside.end_with_outside(reading)
        writable = [folder]
    system.no_new_privileges()
    if abi:
        landlock.restrict(real_paths(readable), real_paths(writable), hidden)
    metadata = plan.level != "namespaces"
    seccomp.install(seccomp.first_filter(machine(), metadata=metadata, truncation=abi < 3 and metadata))
    seccomp.second_filter(machine(), 1)  # builds it now, not once a question
    system.prctl(system.PR_SET_DUMPABLE, 0)
    _settle(folder)


def _settle(folder: Path) -> None:
    state.worker = os.getpid()
    os.chdir(folder)
    # Libraries ask for a user's name and home; without these they would look in files that cannot be read.
    os.environ.update(TMPDIR=str(folder), HOME=str(folder), USER="student", LOGNAME="student")
    tempfile.tempdir = None


def confine(plan: Plan, limits: Limits) -> None:
    """Set the limits for this process, and (but at the level "none") shut it in for good: for the process of one
    question, just before its code runs. `limits` should be no wider than those of `enter`. A process that gets round
    them is ended with SIGKILL. Raises `IsolationError` where the host refuses."""
    try:
        if not state.mapped:
            measure()
        apply(limits)
        if sys.platform == "linux":
            system.prctl(system.PR_SET_DUMPABLE, 0)
            outside.end_with_parent()
            if state.worker not in (0, os.getppid()):  # gone already
                os._exit(1)
        if plan.level != "none":
            system.no_new_privileges()
            seccomp.install(seccomp.second_filter(machine(), os.getpid()))
    except OSError as error:
        raise IsolationError(f"The isolation level {plan.level!r} could not be set up: {error}.") from error


def kill_all(pid: int | None = None) -> None:
    """For the worker: end the process of a question, and wait until it is gone.

    As process 1 of a process table of its own it ends every other process; elsewhere `pid` (which can have made no
    other).
    """
    if os.getpid() == 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
