"""`medtutor grade`: a whole class in one command. Results are kept as they come; only what changed is graded again."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import medtutor
from medtutor.course.measured import write
from medtutor.grading import bundle, feedback, intake, marks, personal, policy, report, sandbox, store, workers
from medtutor.grading.assignment import Assignment
from medtutor.grading.attempt import DEFAULT, Settings
from medtutor.grading.modules import modules_of
from medtutor.grading.pool import GraderError, Zygote
from medtutor.grading.results import Graded
from medtutor.grading.submission import Submission


@dataclasses.dataclass(frozen=True)
class Done:
    """What a run has graded, and what its report says of how."""

    assignment: Assignment
    graded: list[Graded]
    info: marks.Info


def grade_class(
    assignment: Path,
    submissions: Path,
    out: Path,
    *,
    jobs: int | None = None,
    settings: Settings = DEFAULT,
    isolation: str = "auto",
    dask: str | None = None,
    force: bool = False,
    secret: Path | None = None,
    roster: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Done:
    """Grade every submission, write grades.csv, summary.csv, feedback and report.html, and return what they hold.

    `assignment` is a bundle that `release` wrote, or an nbgrader source notebook. `jobs` are judges at once (default:
    the cores). `isolation` is "auto" or a level of `sandbox.LEVELS`. `dask` is the address of a Dask scheduler.
    Raises `sandbox.IsolationError` below the floor, `GraderError` where the grader's own processes fail, `LessonError`
    for an assignment that cannot be read, `DataError` for submissions that are not there. Lesson: docs/instructors.md.
    """
    began = time.monotonic()
    if not hasattr(os, "fork"):
        raise GraderError("Grading needs Linux; use a Linux machine, WSL or a container.")
    plan = sandbox.plan(isolation)
    # the clean process imports while the tests are loaded here
    zygote = None if dask else Zygote(plan, settings.limits, modules_of(assignment))
    try:
        task = bundle.load(assignment)
        came_in = intake.gather(submissions, roster, task.name)
        handed_in = came_in.submissions
        tasks = personal.for_students(task, assignment, [one.student for one in handed_in], secret)
        keyed = dataclasses.asdict(settings)
        keys = [store.key(one, mine or task, keyed) for one, mine in zip(handed_in, tasks, strict=True)]
        found: list[Graded | None] = [
            workers.for_a_person(one, task, personal.UNKNOWN)
            if mine is None
            else None
            if force
            else store.kept(out, key, one.student)
            for key, one, mine in zip(keys, handed_in, tasks, strict=True)
        ]
        todo = [place for place, graded in enumerate(found) if graded is None]
        if progress is not None:
            progress(0, len(todo))
        jobs = max(1, min(jobs or _cores(), len(todo) or 1))
        class_ = _Class(assignment, [handed_in[i] for i in todo], [tasks[i] for i in todo], settings, jobs)
        came = class_.on_cluster(dask, isolation, secret) if dask else class_.here(zygote)
        with contextlib.closing(came):  # its processes end before the one that they came from
            for done, (place, graded) in enumerate(came, 1):
                store.keep(out, keys[todo[place]], graded)
                found[todo[place]] = graded
                if progress is not None:
                    progress(done, len(todo))
    finally:
        if zygote is not None:
            zygote.close()
    seconds = time.monotonic() - began
    result = finish(out, task, handed_in, found)
    info: marks.Info = {
        "isolation": {"level": plan.level, "means": list(plan.means), "gaps": list(plan.gaps)},
        "seconds": round(seconds, 2),
        "jobs": jobs,
        "graded": len(todo),
        "per_submission": round(seconds / len(todo), 3) if todo else 0.0,
        "versions": {"medtutor": medtutor.__version__, "Python": sys.version.split()[0]},
        "timeout": settings.seconds,
        "memory": settings.memory_mb,
        "students": came_in.students,
        "notes": [*came_in.notes, *_unknown(handed_in, tasks)],
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    marks.write_all(out, task, result, info)
    feedback.write(out, result, task)
    write(out / "report.html", report.page(task, result, info).encode("utf-8", "replace"))
    return Done(task, result, info)


def _unknown(handed_in: Sequence[Submission], tasks: Sequence[Assignment | None]) -> list[str]:
    names = [one.student for one, mine in zip(handed_in, tasks, strict=True) if mine is None]
    return [f"{len(names)} were not marked. {personal.UNKNOWN} They are: {', '.join(names)}."] if names else []


def finish(
    out: Path, task: Assignment, handed_in: Sequence[Submission], found: Sequence[Graded | None]
) -> list[Graded]:
    """Results with what a person has marked, and with lateness."""
    by_hand = marks.read_manual(out)
    finished = []
    for one, graded in zip(handed_in, found, strict=True):
        if graded is None:
            raise GraderError(f"{one.student} was not graded; run the command again, what is done is kept.")
        outcomes = tuple(_by_hand(outcome, by_hand.get((one.student, outcome.id))) for outcome in graded.outcomes)
        days = policy.lateness(task.policy, one)
        total = policy.deducted(sum(outcome.points for outcome in outcomes), task.policy, days)
        status = graded.status
        if status == "needs marking" and not any(outcome.status == "needs marking" for outcome in outcomes):
            status = "graded"
        finished.append(dataclasses.replace(graded, outcomes=outcomes, total=total, late=days, status=status))
    return finished


def _by_hand(outcome, given):
    if given is None or outcome.status != "needs marking":
        return outcome
    points, comment = given
    status = "correct" if points >= outcome.maximum else "partial" if points else "wrong"
    return dataclasses.replace(outcome, points=points, status=status, reason=comment)


@dataclasses.dataclass(frozen=True)
class _Class:
    """What there is to grade, and by what."""

    assignment: Path
    submissions: list[Submission]
    tasks: list[Assignment]
    settings: Settings
    jobs: int

    def here(self, zygote: Zygote) -> Iterator[tuple[int, Graded]]:
        """Grade on this machine."""
        if not self.submissions:
            return
        zygote.wait()
        yield from workers.run(self.submissions, self.tasks, zygote, self.settings, self.jobs)

    def on_cluster(self, address: str, isolation: str, secret: Path | None) -> Iterator[tuple[int, Graded]]:
        """Grade on a Dask cluster."""
        from medtutor.grading import cluster

        if self.submissions:
            yield from cluster.run(address, self.assignment, self.submissions, self.settings, isolation, secret)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
