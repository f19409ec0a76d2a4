"""What this host lets us do. Each ability is tried, in a process of its own that ends with the attempt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from medtutor import resources
from medtutor.grading.sandbox.syscalls import ARCHES, machine


@dataclass(frozen=True)
class Host:
    """`landlock` is its version (0: none); `userns`: namespaces can be made, by root or in a user namespace;
    `bubblewrap` the path of one that works; `threads`: a user's threads are counted for each user namespace alone.
    `notes` say why something does not work, as the kernel puts it.
    """

    root: bool = False
    seccomp: bool = False
    landlock: int = 0
    userns: bool = False
    bubblewrap: str = ""
    arch: str = ""
    notes: tuple[str, ...] = ()
    threads: bool = False


@cache
def probe() -> Host:
    """The abilities of this host, tried once in a process."""
    arch = machine()
    if sys.platform != "linux" or arch not in ARCHES:
        return Host(arch=arch, notes=(f"isolation is written for Linux on {' and '.join(ARCHES)}",))
    source = f"import sys; sys.path.insert(0, {str(resources.PACKAGE.parent)!r}); import {__name__} as p; p.try_all()"
    command = [sys.executable, "-I", "-S", "-c", source]
    try:
        told = json.loads(subprocess.run(command, capture_output=True, timeout=20, check=True).stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Host(arch=arch, notes=(f"the host could not be probed: {error}",))
    notes = [f"{name}: {answer}" for name, answer in told.items() if answer.startswith("no: ")]
    bubblewrap, why = _bubblewrap()
    notes += [f"bubblewrap: no: {why}"] if why else []
    return Host(
        root=os.geteuid() == 0,
        seccomp=told["seccomp"] == "yes",
        landlock=int(told["landlock"]) if told["landlock"].isdigit() else 0,
        userns=told["namespaces"].startswith("yes"),
        bubblewrap=bubblewrap,
        arch=arch,
        notes=tuple(note.replace(": no: ", ": ") for note in notes),
        threads=told["namespaces"] == "yes, threads too",
    )


def try_all() -> None:
    """Try each ability in a fork of this (clean) process, and print the answers."""
    folder = Path(tempfile.mkdtemp(prefix="medtutor-probe-"))
    try:
        tried = {"seccomp": _seccomp, "landlock": _landlock, "namespaces": _namespaces}
        print(json.dumps({name: _in_a_fork(attempt, folder) for name, attempt in tried.items()}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_a_fork(attempt: Callable[[Path], str], folder: Path) -> str:
    """What the attempt answers: "no: ..." where it raises, ends or takes longer than 5 seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(5)
        try:
            answer = attempt(folder)
        except BaseException as error:
            answer = f"no: {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer or "no: it was stopped"


def _seccomp(folder: Path) -> str:
    import socket
    import threading

    from medtutor.grading.sandbox import seccomp, system

    system.no_new_privileges()
    seccomp.install(seccomp.first_filter(machine()))
    seccomp.install(seccomp.second_filter(machine(), os.getpid()))
    for forbidden in (socket.socket, os.fork, lambda: os.kill(os.getppid(), 0)):
        try:
            forbidden()
        except PermissionError:
            continue
        return "no: a filter was set and does not hold"
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()
    return "yes"


def _landlock(folder: Path) -> str:
    from medtutor.grading.sandbox import landlock

    inside, beside = folder / "inside", folder / "beside"
    inside.mkdir()
    beside.touch()
    abi = landlock.restrict([], [inside])
    (inside / "file").touch()
    try:
        beside.open().close()
    except PermissionError:
        return str(abi)
    return "no: rules were set and do not hold"


def _namespaces(folder: Path) -> str:
    import resource
    import threading

    from medtutor.grading.sandbox import namespaces

    root = os.geteuid() == 0
    scratch = folder / "scratch"
    scratch.mkdir()
    namespaces.isolate(scratch, [Path(os.__file__).parent, Path("/dev/null")], [], 10**6, 100, 10**9)
    (scratch / "file").touch()
    if os.getpid() != 1 or os.path.exists("/proc/self"):
        return "no: they were made and do not hold"
    if root:
        return "yes"
    # This process, the one that waits for it and one thread make three; outside this user has four or more.
    resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
    try:
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
    except RuntimeError:
        return "yes"
    return "yes, threads too"


def _bubblewrap() -> tuple[str, str]:
    """The path of a bubblewrap that starts this Python, or "" and why not."""
    from medtutor.grading.sandbox.levels import bubblewrap_prefix

    found = shutil.which("bwrap")
    if not found:
        return "", "there is no bwrap"
    command = [*bubblewrap_prefix(found), sys.executable, "-I", "-S", "-c", ""]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        return "", str(error)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return ("", said[-1] if said else "it ended with an error") if done.returncode else (found, "")
