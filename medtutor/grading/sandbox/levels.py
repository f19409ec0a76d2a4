"""How students' code is kept apart on this host: the strongest means that work, said in plain sentences."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from medtutor.errors import MedtutorError
from medtutor.grading.sandbox.host import Host, probe
from medtutor.grading.sandbox.limits import Limits
from medtutor.grading.sandbox.paths import hidden_paths, links_on, open_to_all, readable_paths, real_paths

LEVELS = ("none", "landlock", "namespaces", "bubblewrap")  # in the order of the documentation
STRONGEST_FIRST = ("namespaces", "bubblewrap", "landlock")


class IsolationError(MedtutorError):
    """This host cannot keep students' code apart as well as was asked for."""


@dataclass(frozen=True)
class Plan:
    """A level, and what it does: `means` and `gaps` are sentences for the report.

    `prefix` is put before the command that starts the clean process (bubblewrap only).
    """

    level: str
    means: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    meets_floor: bool = True
    prefix: tuple[str, ...] = ()
    counts_threads: bool = False


def plan(wanted: str = "auto", host: Host | None = None) -> Plan:
    """The plan for a level of `LEVELS`, or for the strongest that works here ("auto").

    Raises `IsolationError` where it does not work, and never falls back to "none", which has to be written out.
    """
    if wanted not in ("auto", *LEVELS):
        raise IsolationError(f"There is no isolation level {wanted!r}; choose auto, {', '.join(LEVELS)}.")
    if wanted == "none":
        return _none()
    host = probe() if host is None else host
    lacking = {level: _lacks(level, host) for level in STRONGEST_FIRST}
    if wanted == "auto":
        level = next((level for level in STRONGEST_FIRST if not lacking[level]), None)
        if level is None:
            each = "; ".join(f"the level {level} lacks {lacking[level]}" for level in STRONGEST_FIRST)
            raise _refused(f"Students' code cannot be kept apart safely on this host: {each}", host)
    elif lacking[wanted]:
        raise _refused(f"The isolation level {wanted!r} does not work on this host: it lacks {lacking[wanted]}", host)
    else:
        level = wanted
    return {"namespaces": _namespaces, "bubblewrap": _bubblewrap, "landlock": _landlock}[level](host)


def _refused(text: str, host: Host) -> IsolationError:
    notes = f" ({'; '.join(host.notes)})" if host.notes else ""
    return IsolationError(f"{text}{notes}. To grade without isolation all the same, write out --isolation none.")


def _lacks(level: str, host: Host) -> str:
    """What the level needs and the host has not; "" where nothing is missing."""
    needs = {
        "seccomp filters": host.seccomp,
        "Landlock": host.landlock or level == "namespaces",
        "namespaces (for root, or for users)": host.userns or level != "namespaces",
        "a bubblewrap (bwrap) that works": host.bubblewrap or level != "bubblewrap",
    }
    return " and ".join(name for name, there in needs.items() if not there)


NETWORK = "no call that makes, binds or connects a socket is answered, loopback and Unix sockets included (seccomp)"
PROCESSES = "Processes: a student's code can start no process and send no signal to another one (seccomp)"
MEMORY = (
    "Memory, processor time, open files and file size: limits of the process (rlimits), which hold for the whole group "
    "because it can make no other process; a process that holds more memory all the same is ended from outside"
)

THREADS = "Threads: their number is bounded by memory only."


def _namespaces(host: Host) -> Plan:
    means = (
        f"Network: a network namespace without any interface; {NETWORK}.",
        "Files: a root folder of its own with read-only views of Python and its libraries, and one scratch folder in "
        f"memory of limited size{_on_top(host)}.",
        f"{PROCESSES}; a process table of its own ends with the worker (PID namespace).",
        f"{MEMORY}.",
    )
    means += (_powers(host),)
    threads = host.root or host.threads
    gaps = () if threads else (THREADS,)
    return Plan("namespaces", means, gaps, counts_threads=threads)


def _on_top(host: Host) -> str:
    return f", with Landlock (version {host.landlock}) on top" if host.landlock else ""


def _powers(host: Host) -> str:
    dropped = "A student's code has no power of root and can gain none"
    return f"Rights: {dropped}; it runs as a user that owns nothing." if host.root else f"Rights: {dropped}."


def _bubblewrap(host: Host) -> Plan:
    means = (
        f"Network: a network namespace without any interface (bubblewrap); {NETWORK}.",
        "Files: a root folder of its own with read-only views of Python and its libraries (bubblewrap); each worker "
        f"reaches its own scratch folder only (Landlock, version {host.landlock}).",
        f"{PROCESSES}; a process table of their own ends with the grader (PID namespace).",
        f"{MEMORY}.",
        "Rights: A student's code has no power of root and can gain none.",
    )
    gaps = [
        "Threads: their number is bounded by memory only.",
        "Scratch: its size is bounded for all workers together.",
    ]
    if host.root:
        gaps.append("Rights: the code runs under the number of root, without root's powers.")
    return Plan("bubblewrap", means, tuple(gaps), prefix=bubblewrap_prefix(host.bubblewrap))


def _landlock(host: Host) -> Plan:
    private = host.root and open_to_all(real_paths(readable_paths(loaded=False)))
    means = (
        f"Network: {NETWORK}.",
        f"Files: only Python, its libraries and one scratch folder can be opened (Landlock, version {host.landlock}); "
        "modes, owners and times cannot be changed (seccomp).",
        f"{PROCESSES}.",
        f"{MEMORY}.",
    )
    means += (_powers(host) if private else "Rights: A student's code has no power of root and can gain none.",)
    gaps = [
        "Files: whether a path exists, and the size of a file there, can be asked if the path is known.",
        "Scratch: each file is bounded, the number of files and their total are not.",
    ]
    if not private:
        gaps.append(THREADS)
    if host.root and not private:
        gaps.append(
            "Rights: the code runs under the number of root, without root's powers, because Python lies in a folder "
            "that only root may enter."
        )
    return Plan("landlock", means, tuple(gaps), counts_threads=private)


def _none() -> Plan:
    return Plan(
        "none",
        ("Memory, processor time, open files and file size: limits of each process (rlimits).",),
        (
            "Network: open, as for the person who grades.",
            "Files: everything that the person who grades can read or write, tests and other submissions included.",
            "Processes: can be started, stay after the question, and each has limits of its own.",
        ),
        meets_floor=False,
    )


def bubblewrap_prefix(program: str, workers: int = 16) -> tuple[str, ...]:
    """The command that starts another one in bubblewrap, with what this Python needs to start."""
    size = workers * Limits().scratch_mb * 10**6
    base = Path(os.path.realpath(sys.executable))
    starts = [Path(sys.executable), base, base.parent.parent / "pyvenv.cfg", Path(sys.prefix) / "pyvenv.cfg"]
    named = [*readable_paths(loaded=False), *(path for path in starts if path.exists())]
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--proc", "/proc"]
    temporary = os.path.realpath(tempfile.gettempdir())
    command += ["--size", str(size), "--tmpfs", temporary]
    shown = real_paths(named)
    for path in shown:
        command += ["--dev-bind" if path.is_relative_to("/dev") else "--ro-bind", str(path), str(path)]
    for path in hidden_paths():
        if any(path.is_relative_to(other) for other in shown):
            command += ["--tmpfs", str(path)]
    links = {link: text for path in named for link, text in links_on(path).items()}
    for link, text in links.items():
        if not any(link.is_relative_to(path) for path in shown):
            command += ["--symlink", text, str(link)]
    return (*command, "--chdir", "/", "--")
