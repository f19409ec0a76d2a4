"""Start the clean process, and get a student's process for a question from it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from medtutor.errors import MedtutorError
from medtutor.grading import sandbox
from medtutor.grading.sandbox import scratch
from medtutor.grading.session import Session

START_SECONDS = 120


class GraderError(MedtutorError):
    """The grader's own processes do not start or answer; nothing about a submission."""


class Zygote:
    """The clean process. `modules` are imported there before any answer runs; `plan` says how answers are shut in."""

    def __init__(self, plan: sandbox.Plan, limits: sandbox.Limits, modules: Sequence[str] = ()):
        self.plan, self.limits = plan, limits
        self._folder = Path(tempfile.mkdtemp(prefix="medtutor-grade-"))
        os.chmod(self._folder, 0o711)
        self._count = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        start = f"from medtutor.grading.zygote import main; main({theirs.fileno()})"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self._process = subprocess.Popen(
            [*plan.prefix, sys.executable, "-I", "-B", "-c", start],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=_environment(self._folder),
            cwd=self._folder,
        )
        theirs.close()
        self._control = ours
        ours.send(json.dumps(list(modules)).encode())

    def wait(self) -> None:
        """Wait until the imports are done. Raises `GraderError`."""
        self._control.settimeout(START_SECONDS)
        try:
            ready = self._control.recv(16)
        except OSError:
            ready = b""
        if ready != b"ready":
            raise GraderError(f"The process for answers did not start: {self._said()}")
        self._control.settimeout(None)

    def worker(self, label: str = "") -> Worker:
        """A worker in a sandbox of its own, with a folder of its own."""
        self._count += 1
        own = self._folder / f"{label or os.getpid()}-{self._count}"
        own.mkdir(mode=0o700)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = {
            "plan": dataclasses.asdict(self.plan),
            "limits": dataclasses.asdict(self.limits),
            "scratch": str(own),
        }
        socket.send_fds(self._control, [json.dumps(settings).encode()], [theirs.fileno()])
        theirs.close()
        ours.settimeout(START_SECONDS)
        try:
            ready = ours.recv(1 << 16)
        except OSError:
            ready = b""
        if ready != b"{}":
            raise GraderError(f"A worker for answers did not start: {self._said()}")
        return Worker(ours, self)

    def close(self) -> None:
        """End it, and remove its folder."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        with contextlib.suppress(OSError):
            scratch.empty(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _said(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing."


class Worker:
    """Gives one process at a time. Its files are removed between questions."""

    def __init__(self, control: socket.socket, zygote: Zygote):
        self._control, self._zygote = control, zygote
        self.last: dict = {}

    @contextlib.contextmanager
    def session(self, seconds: float) -> Iterator[Session]:
        """A fresh student process for one answer; it is killed at the end. `last` says afterwards how it had ended."""
        ours, theirs = socket.socketpair()
        session = Session(ours, seconds)
        try:
            socket.send_fds(self._control, [b'{"do": "start"}'], [theirs.fileno()])
            theirs.close()
            self._reply()
            yield session
        finally:
            ours.close()
            self._control.send(json.dumps({"do": "end", "gone": session.over == "crashed"}).encode())
            self.last = self._reply()

    def _reply(self) -> dict:
        try:
            reply = self._control.recv(1 << 16)
        except OSError:
            reply = b""
        if not reply:
            raise GraderError("A worker for answers ended before it should; grade again, what is done is kept.")
        return json.loads(reply)

    def close(self) -> None:
        """End the worker and whatever runs in it."""
        self._control.close()


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the instructor's environment reaches an answer but where the system keeps its libraries."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "TZ") if key in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(home),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "JOBLIB_MULTIPROCESSING": "0",
        "MEDTUTOR_OFFLINE": "1",
        "MEDTUTOR_CACHE": str(home),
    }
