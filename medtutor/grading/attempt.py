"""One answer in one process: what it defines is handed to a function that tests it, and what is said where it fails.

Every reason is in the author's words or in ours; what a student's process sent is cut out (`taint.py`).
"""

from __future__ import annotations

import contextlib
import io
import math
import random
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medtutor.grading.pool import Worker
from medtutor.grading.sandbox import Limits
from medtutor.grading.session import NotPlain, Session, SessionOver, StudentRaised, TestFault

CLOCK = 3  # how much more time may pass on the clock than a process may compute

# A question that ends its process: what to say, after (seconds, MB) are filled in.
_OVER = {
    "time": "Your answer takes longer than the {seconds:g} seconds that a question has. Is there an endless loop?",
    "memory": "Your answer needs more memory than the {memory} MB that a question has.",
    "crashed": "Your answer ends its own process (it calls exit, or it crashes).",
}


MODULE_MISSING = "The test imports a module that is not installed where it is graded."


@dataclass(frozen=True)
class Settings:
    """How long a question may take, and how much memory it may use (MB, beyond what is loaded).

    `seconds` are of processor time, so that a busy machine costs no marks; three times as many may pass on the clock.
    """

    seconds: float = 30.0
    memory_mb: int = 1024

    @property
    def limits(self) -> Limits:
        """What the process of a question may use."""
        return Limits(memory_mb=self.memory_mb, cpu_seconds=math.ceil(self.seconds))


DEFAULT = Settings()


@dataclass(frozen=True)
class Attempt:
    """Of one candidate: the share of the points (0 to 1), the status, and why."""

    share: float
    status: str
    reason: str = ""


def with_names(
    code: str, names: Sequence[str], worker: Worker, settings: Settings, act: Callable[[Session, dict], None]
) -> Attempt | None:
    """Run the answer in a fresh process and call `act` with what it defines; an attempt where that cannot be."""
    session: Session | None = None
    try:
        with worker.session(CLOCK * settings.seconds) as session:
            seed()
            found, missing = session.run(code, names)
            if missing:
                return Attempt(0.0, "wrong", session.taint.clean(missing, missing))
            with quiet():
                act(session, found)
    except SessionOver as over:
        why = over.why
        if why == "crashed" and worker.last.get("signal") == signal.SIGKILL:  # by a limit: nobody else can
            why = "memory" if worker.last["grown_mb"] > settings.memory_mb / 2 else "time"
        return Attempt(0.0, why, _OVER[why].format(seconds=settings.seconds, memory=settings.memory_mb))
    except StudentRaised as error:  # while it was run
        return _raised(error, settings)
    return None


def failure_of(error: Exception, session: Session, author: str, about: str) -> Attempt:
    """What to say about a test that raised `error`: the author's message, never what the student's process wrote."""
    if isinstance(error, TestFault):
        return Attempt(0.0, "needs marking", f"{error} A person has to look at it.")
    if isinstance(error, ModuleNotFoundError) and not isinstance(error, StudentRaised):
        return Attempt(0.0, "needs marking", f"{MODULE_MISSING} A person has to look at it.")
    where = f" Hidden case: {about}" if about else ""
    if isinstance(error, StudentRaised):
        if getattr(error, "memory", False):
            return Attempt(0.0, "memory", f"Your answer runs out of memory.{where}")
        kind = getattr(error, "kind", "an exception")
        if kind == "NotImplementedError" and not str(error):
            return Attempt(0.0, "wrong", "It says that it is not implemented; replace the last line of the starter.")
        said = "" if about else " ".join(str(error).split())[:200]  # a visible test has nothing to hide
        return Attempt(0.0, "wrong", f"Your code raises {kind}{f': {said}' if said else ''}.{where}")
    if isinstance(error, NotPlain):
        return Attempt(0.0, "wrong", f"{error}{where}")
    if isinstance(error, AssertionError):
        try:
            said = str(error)
        except Exception:  # a message that formats what the answer returned
            said = ""
        said = session.taint.clean(said, author)
        return Attempt(0.0, "wrong", said or about or "A test fails.")
    return Attempt(0.0, "wrong", f"What your answer returns makes the test raise {type(error).__name__}.{where}")


def _raised(error: StudentRaised, settings: Settings) -> Attempt:
    if getattr(error, "memory", False):
        return Attempt(0.0, "memory", _OVER["memory"].format(seconds=settings.seconds, memory=settings.memory_mb))
    return Attempt(0.0, "wrong", f"Your code raises {getattr(error, 'kind', 'an exception')}.")


def seed() -> None:
    """Every test begins with the same random state, so that marks do not depend on what ran before."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@contextlib.contextmanager
def quiet():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
