"""Grade submissions with several judges at once on this machine.

The coordinator loads the tests, then forks a judge for each job; each judge has a worker of the clean process
(`zygote.py`). A judge that fails is started again, and its submission is tried once more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, Pipe, wait

from medtutor.grading import judge, store
from medtutor.grading.assignment import Assignment
from medtutor.grading.attempt import CLOCK, Settings
from medtutor.grading.pool import GraderError, Zygote
from medtutor.grading.results import Graded, Outcome
from medtutor.grading.submission import Submission

TRIES = 2
FAILED = "The grader itself failed on this submission; a person has to look at it."


def run(
    submissions: Sequence[Submission],
    assignments: Sequence[Assignment],
    zygote: Zygote,
    settings: Settings,
    jobs: int,
) -> Iterator[tuple[int, Graded]]:
    """Yield (place in `submissions`, result) as they come; `assignments` are those of each student."""
    todo = list(range(len(submissions)))[::-1]
    tries = [0] * len(submissions)
    judges: list[_Judge] = []
    try:
        while todo or any(one.at is not None for one in judges):
            while todo and len(judges) < min(jobs, len(submissions)):
                judges.append(_Judge(submissions, assignments, zygote, settings, judges))
            for one in judges:
                if todo and one.at is None:
                    one.start(todo.pop())
            ready = wait([one.connection for one in judges if one.at is not None], timeout=5)
            for one in list(judges):
                if one.at is None:
                    continue
                place, found = one.at, None
                if one.connection in ready:
                    found = one.result()
                elif time.monotonic() < one.deadline:
                    continue
                if found is not None:
                    yield place, found
                    continue
                one.close()
                judges.remove(one)
                tries[place] += 1
                if tries[place] < TRIES:
                    todo.append(place)
                else:
                    yield place, for_a_person(submissions[place], assignments[place], FAILED)
    finally:
        for one in judges:
            one.close()


def for_a_person(submission: Submission, assignment: Assignment, why: str) -> Graded:
    """A submission that is not marked here: every question waits for a person."""
    outcomes = tuple(Outcome(q.id, "needs marking", 0.0, q.points, why) for q in assignment.questions)
    return Graded(submission.student, outcomes, 0.0, assignment.maximum, 0.0, "needs marking", (why,))


class _Judge:
    """A forked process that grades one submission after another. `at` is the one that it is busy with."""

    def __init__(self, submissions, assignments, zygote, settings, others: list[_Judge]):
        self.connection, theirs = Pipe()
        self.at: int | None = None
        self.deadline = 0.0
        questions = max((len(one.questions) for one in assignments), default=0)
        # every one of three candidates of every question at its limit
        self._longest = 60 + 3 * CLOCK * settings.seconds * questions
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self.connection.close()
            for other in others:
                other.connection.close()
            try:
                _judge(theirs, submissions, assignments, zygote, settings)
            finally:
                os._exit(0)
        theirs.close()

    def start(self, place: int) -> None:
        self.at = place
        self.deadline = time.monotonic() + self._longest
        with contextlib.suppress(OSError):  # it has died: its result says so
            self.connection.send_bytes(json.dumps(place).encode())

    def result(self) -> Graded | None:
        """What it says of the submission; None where it died."""
        try:
            content = json.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            return None
        if "fault" in content:
            raise GraderError(content["fault"])
        self.at = None
        return store.from_dict(content)

    def close(self) -> None:
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _judge(connection: Connection, submissions, assignments, zygote: Zygote, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # the pool of threads of the process that forked us is not here
    try:
        worker = zygote.worker(str(os.getpid()))
    except GraderError as error:
        connection.recv_bytes()
        connection.send_bytes(json.dumps({"fault": str(error)}).encode())
        return
    while True:
        try:
            place = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        began = time.monotonic()
        graded = judge.grade(submissions[place], assignments[place], worker, settings)
        graded = dataclasses.replace(graded, seconds=round(time.monotonic() - began, 4))
        connection.send_bytes(json.dumps(dataclasses.asdict(graded)).encode())
