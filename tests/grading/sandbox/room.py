"""A sandbox to try things in: a clean process, one worker in it, and a process for each piece of code."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtutor import resources
from medtutor.grading import sandbox

HARNESS = Path(__file__).with_name("harness.py").read_text()
NOBODY = 65534


@dataclass(frozen=True)
class Reply:
    """What came of a piece of code: what it called `result`, or its error; how its process ended (None: killed)."""

    value: Any
    error: str
    status: int | None
    confine: float
    left: list[str]


class Room:
    """One sandbox. `user` is "us", or where the tests run as root: "nobody" to try as an ordinary user, "root" to try
    as root with a Python that everybody can read.
    """

    def __init__(
        self,
        level: str,
        user: str = "us",
        imports: tuple[str, ...] = (),
        limits: sandbox.Limits | None = None,
        package: Path = resources.PACKAGE,
    ):
        bare = level == "bare"  # namespaces as on a host without Landlock
        self.limits = limits or sandbox.Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="medtutor-room-"))
        self.folder.chmod(0o755)
        self.secret = self.folder / "secret.txt"
        self.secret.write_text("another submission")
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        python = sys.executable if user == "us" else python_for_all()
        before = () if user != "nobody" else ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        if user == "nobody":
            os.chown(self.scratch, NOBODY, NOBODY)
            os.chown(self.secret, NOBODY, NOBODY)
        self.plan = plan_of("namespaces" if bare else level, (*before, python), package)
        ours, theirs = socket.socketpair()
        given = {
            "before": [str(package.parent)],
            "after": [] if user == "us" else [sysconfig.get_path("purelib")],
            "imports": imports,
            "plan": dataclasses.asdict(self.plan),
            "limits": dataclasses.asdict(self.limits),
            "scratch": str(self.scratch),
            "bare": bare,
            "control": theirs.fileno(),
        }
        command = [*before, *self.plan.prefix, python, "-I", "-c", HARNESS, json.dumps(given)]
        environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "2"}
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, cwd="/", **quiet)
        theirs.close()
        self.control = ours
        ours.settimeout(120)
        told = ours.recv(4096)
        if not told:
            raise RuntimeError(self.process.communicate()[1].decode()[-2000:])
        self.entered = json.loads(told)

    def run(self, code: str, seconds: float = 20.0) -> Reply:
        """Run the code as a student's."""
        with self.start(code, seconds) as ours:
            parts = []
            try:
                while part := ours.recv(65536):
                    parts.append(part)
            except ConnectionError:
                pass
        if not (answer := self.control.recv(65536)):
            raise RuntimeError(f"the worker ended: {self.process.communicate()[1].decode()[-2000:]}")
        told = json.loads(answer)
        said = json.loads(b"".join(parts) or '{"value": null, "error": "nothing was said", "confine": 0}')
        return Reply(status=told["status"], left=told["left"], **said)

    def start(self, code: str, seconds: float) -> socket.socket:
        """Start the code, and return the connection that its reply comes over."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [json.dumps(seconds).encode()], [theirs.fileno()])
        ours.settimeout(seconds + 20)
        with contextlib.suppress(ConnectionError):
            ours.sendall(textwrap.dedent(code).encode() + b"\0")
        return ours

    def processes(self) -> list[int]:
        """The clean process and all below it."""
        parents = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def close(self) -> list[int]:
        """End it; returns the processes that are still there."""
        before = self.processes() if self.process.poll() is None else []
        self.control.close()
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.communicate()
            shutil.rmtree(self.folder)
        return gone_or_left(before)


def gone_or_left(pids: list[int], seconds: float = 5.0) -> list[int]:
    """Those of the processes that are still there after a while."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def plan_of(level: str, python: tuple[str, ...], package: Path = resources.PACKAGE) -> sandbox.Plan:
    """The plan for a level, as the user and the Python of this command see the host. Raises `IsolationError`."""
    source = (
        f"import sys, json, dataclasses; sys.path[:0] = [{str(package.parent)!r}]; "
        f"sys.path += [{sysconfig.get_path('purelib')!r}]; "
        "from medtutor.grading import sandbox; "
        f"print(json.dumps(dataclasses.asdict(sandbox.plan({level!r}))))"
    )
    done = subprocess.run([*python, "-I", "-c", source], capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise sandbox.IsolationError(done.stderr.strip().splitlines()[-1])
    return sandbox.Plan(**{key: tuple(v) if isinstance(v, list) else v for key, v in json.loads(done.stdout).items()})


def python_for_all() -> str | None:
    """A Python of this version that an ordinary user can start, or None."""
    base = Path(os.path.realpath(sys.executable))
    for candidate in (base, Path("/usr/bin/python3")):
        if not sandbox.paths.open_to_all([candidate]):
            continue
        told = subprocess.run([candidate, "-I", "-c", "import sys; print(sys.version_info[:2])"], capture_output=True)
        if told.stdout.decode().strip() == str(sys.version_info[:2]):
            return str(candidate)
    return None
