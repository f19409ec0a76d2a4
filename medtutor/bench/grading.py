"""`medtutor bench grading`: the same class graded by nbgrader and by medtutor in turn, start-up included."""

from __future__ import annotations

import csv
import importlib.util
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from medtutor.errors import DataError, MedtutorError

NAME = "bench"
MEMORY_SECONDS = 0.05  # between two looks at the memory of all processes

# Four questions on NumPy, as an instructor writes them: a solution, a test with a hidden part, and the wrong answer
# that some of the class give.
QUESTIONS = (
    (
        "window",
        "def window(image, low, high):\n    return np.clip((image - low) / (high - low), 0, 1)",
        "assert np.allclose(window(np.array([0.0, 5.0, 20.0]), 0, 10), [0, 0.5, 1])",
        "assert window(np.zeros((2, 3)), -1, 1).shape == (2, 3)",
        "def window(image, low, high):\n    return (image - low) / (high - low)",
    ),
    (
        "dice",
        "def dice(a, b):\n    total = a.sum() + b.sum()\n    return 1.0 if total == 0 else 2 * (a & b).sum() / total",
        "assert np.isclose(dice(np.array([True, True]), np.array([True, False])), 2 / 3)",
        "assert dice(np.zeros(4, bool), np.zeros(4, bool)) == 1.0",
        "def dice(a, b):\n    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)",
    ),
    (
        "sensitivity",
        "def sensitivity(truth, found):\n    return float((truth & found).sum() / truth.sum())",
        "assert sensitivity(np.array([True, True]), np.array([True, False])) == 0.5",
        "assert sensitivity(np.array([True, False]), np.array([True, True])) == 1.0",
        "def sensitivity(truth, found):\n    return float((truth & found).sum() / found.sum())",
    ),
    (
        "pad",
        "def pad(image, n):\n    return np.pad(image, n)",
        "assert pad(np.ones((2, 2)), 1).shape == (4, 4)",
        "assert pad(np.ones((2, 2)), 1).sum() == 4",
        "def pad(image, n):\n    return np.ones((image.shape[0] + 2 * n, image.shape[1] + 2 * n))",
    ),
)


def grading(students: int = 40, jobs: int = 2, seed: int = 0) -> dict[str, Any]:
    """Grade a generated class of `students` with nbgrader and with medtutor (`jobs` at once), both as commands.

    Returns seconds of both, their ratio, whether all marks are equal, and the memory that a second worker adds
    (proportional set size, MB). Raises `MedtutorError` where nbgrader (the extra `bench`) is not installed.
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise MedtutorError("This comparison needs nbgrader; install it with: pip install 'medtutor[bench]'")
    if students < 1 or jobs < 1:
        raise DataError(f"students and jobs should be at least 1, got {students} and {jobs}.")
    with tempfile.TemporaryDirectory(prefix="medtutor-bench-") as folder:
        course = Path(folder) / "course"
        expected = _make(course, students, seed)
        _nbgrader(course, "generate_assignment", NAME)
        theirs = _timed(lambda: _nbgrader(course, "autograde", NAME))
        _nbgrader(course, "export")
        their_marks = _read(course / "grades.csv", "student_id", "score")
        peak = {}
        for count in sorted({1, 2, jobs}):
            out = Path(folder) / f"out{count}"
            seconds, peak[count] = _medtutor(course, out, count)
            if count == jobs:
                ours, marks = seconds, _read(out / "summary.csv", "student", "total")
        return {
            "bench": "grading",
            "students": students,
            "jobs": jobs,
            "questions": len(QUESTIONS),
            "seed": seed,
            "nbgrader_s": round(theirs, 2),
            "medtutor_s": round(ours, 2),
            "ratio": round(theirs / ours, 1),
            "equal_marks": marks == their_marks == expected,
            "memory_mb": round(peak[jobs], 1),
            "worker_adds_mb": round(peak[2] - peak[1], 1),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        }


def table(result: dict[str, Any]) -> str:
    """The comparison in a few lines."""
    same = "the same marks" if result["equal_marks"] else "DIFFERENT MARKS"
    return "\n".join(
        [
            f"{result['students']} submissions of {result['questions']} questions, {same}:",
            f"  nbgrader autograde            {result['nbgrader_s']:8.2f} s",
            f"  medtutor grade --jobs {result['jobs']:<3}     {result['medtutor_s']:8.2f} s",
            f"  ratio                         {result['ratio']:8.1f}",
            f"  memory at the peak            {result['memory_mb']:8.1f} MB, a second worker adds "
            f"{result['worker_adds_mb']:.1f} MB",
            f"  on {result['machine']}",
        ]
    )


def _make(course: Path, students: int, seed: int) -> dict[str, float]:
    """Write the source and what a class handed in; returns the marks that each has earned."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    def marked(source: str, id: str, solution: bool) -> Any:
        fields = {"grade": not solution, "grade_id": id, "locked": not solution, "schema_version": 3}
        fields |= {"solution": solution, "task": False} | ({} if solution else {"points": 2})
        return new_code_cell(source, id=id, metadata={"nbgrader": fields})

    def notebook(answers: list[str]) -> Any:
        cells = [new_code_cell("import numpy as np", id="setup")]
        for (name, _, visible, hidden, _), answer in zip(QUESTIONS, answers, strict=True):
            cells.append(marked(answer, name, True))
            test = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
            cells.append(marked(test, f"test_{name}", False))
        made = new_notebook(cells=cells)
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return made

    def write(path: Path, made: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, path)

    solutions = [f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION" for _, solution, *_ in QUESTIONS]
    write(course / "source" / NAME / f"{NAME}.ipynb", notebook(solutions))
    (course / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "bench"\n')
    rng = random.Random(seed)
    marks = {}
    for number in range(students):
        right = [rng.random() < 0.7 for _ in QUESTIONS]
        answers = [question[1] if good else question[4] for question, good in zip(QUESTIONS, right, strict=True)]
        student = f"student{number:04d}"
        write(course / "submitted" / student / NAME / f"{NAME}.ipynb", notebook(answers))
        marks[student] = 2.0 * sum(right)
    return marks


def _nbgrader(course: Path, *arguments: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, env=os.environ | {"PATH": path})
    if done.returncode:
        raise MedtutorError(f"nbgrader {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")


def _timed(act: Any) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _medtutor(course: Path, out: Path, jobs: int) -> tuple[float, float]:
    """Seconds, and the largest memory of all its processes together (MB)."""
    command = [sys.executable, "-m", "medtutor.cli", "grade", str(course / "submitted"), "--out", str(out)]
    command += ["--assignment", str(course / "source" / NAME / f"{NAME}.ipynb"), "--jobs", str(jobs)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    while True:
        try:
            _, said = process.communicate(timeout=MEMORY_SECONDS)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, _memory(process.pid))
    if process.returncode:
        raise MedtutorError(f"medtutor grade failed: {(said.strip().splitlines() or ['?'])[-1]}")
    return time.monotonic() - began, peak


def _memory(pid: int) -> float:
    """Proportional set size (MB) of a process and all below it: what is shared counts once."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) / 1000
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended meanwhile, or its memory is shut
        return total
    return total + sum(_memory(int(child)) for child in children)


def _read(path: Path, student: str, score: str) -> dict[str, float]:
    with open(path, newline="", encoding="utf-8") as file:
        return {row[student]: float(row[score] or 0) for row in csv.DictReader(file)}


__all__ = ["grading", "table"]
