"""The files of marks in OUT: grades.csv, summary.csv, and manual.csv with the pages that a person reads and fills in.

Text of others is guarded against running as a formula (`tables.guard`: an apostrophe goes before it). Everything is
written whole or not at all. `.medtutor/students.json` keeps what the exporters need and no CSV file has a place for.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from medtutor.course.measured import write
from medtutor.errors import DataError, StorageError
from medtutor.grading import pages
from medtutor.grading.assignment import Assignment
from medtutor.grading.names import safe_names
from medtutor.grading.results import Graded
from medtutor.grading.tables import guard, number, read_csv, unguard, write_csv

GRADES = ("student", "exercise", "points", "max", "status", "reason")
SUMMARY = ("student", "total", "max", "late", "status")
MANUAL = ("student", "exercise", "points", "max", "comment")
STATE = ".medtutor"


class Isolation(TypedDict):
    """What kept student code in: the level's name, what it is made of, and what it does not cover."""

    level: str
    means: list[str]
    gaps: list[str]


class Info(TypedDict, total=False):
    """What is known of a grading run besides its marks. Every key may be left out."""

    students: dict[str, dict[str, str]]  # student to ids, as `intake.gather` gives them
    anonymous: bool  # hide names in manual.csv and the pages to read
    isolation: Isolation
    seconds: float  # wall time of the run
    jobs: int  # processes that graded at once
    per_submission: float  # seconds for one submission, on average
    graded: int  # submissions that this run graded; the others had not changed
    versions: dict[str, str]  # package to version
    timeout: float  # seconds for one question
    memory: float  # MB for one question
    finished: str  # when, as ISO 8601
    notes: list[str]  # on the batch: what was left out of it


def write_all(out: Path, assignment: Assignment, graded: Sequence[Graded], info: Info | None = None) -> None:
    """Write all files of marks. Points that a person put into manual.csv stay. Raises `StorageError`, `DataError`."""
    out, info = Path(out), info or {}
    try:
        (out / STATE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{out} cannot be made: {error.strerror or error}.") from error
    graded = sorted(graded, key=lambda one: one.student)
    write_csv(out / "grades.csv", GRADES, [row for one in graded for row in _grades(assignment, one)])
    summary = [
        (guard(one.student), number(one.total), number(one.maximum), number(one.late), one.status) for one in graded
    ]
    write_csv(out / "summary.csv", SUMMARY, summary)
    state = _state(out)
    ids, hidden = info.get("students", {}), bool(info.get("anonymous"))
    students = {one.student: ids.get(one.student) or state["students"].get(one.student, {}) for one in graded}
    waiting = _waiting(assignment, graded)
    codes = {code(assignment, *pair): pair for pair in waiting} if hidden else {}
    filled = _typed(out, state["codes"])  # read before the codes change
    state = {
        "assignment": assignment.name,
        "maximum": assignment.maximum,
        "students": students,
        "codes": {**state["codes"], **{name: list(pair) for name, pair in codes.items()}},
    }
    write(out / STATE / "students.json", (json.dumps(state, indent=1, ensure_ascii=True) + "\n").encode())
    _write_manual(out, assignment, graded, waiting, filled, hidden)


def _grades(assignment: Assignment, one: Graded) -> list[tuple[str, ...]]:
    """A row for each question, also where nothing could be graded."""
    known = {outcome.id: outcome for outcome in one.outcomes}
    rows = []
    for question in assignment.questions:
        if question.id in known:
            outcome = known[question.id]
            points, most, status, reason = outcome.points, outcome.maximum, outcome.status, outcome.reason
        else:
            points, most, reason = 0.0, question.points, " ".join(one.notes)
            status = "unreadable" if one.status == "unreadable" else "not attempted"
        rows.append((guard(one.student), guard(question.id), number(points), number(most), status, guard(reason)))
    return rows


def _waiting(assignment: Assignment, graded: Sequence[Graded]) -> dict[tuple[str, str], float]:
    """What a person marks, by exercise and then by student: (student, exercise) to its points at most."""
    pairs: dict[tuple[str, str], float] = {}
    for question in assignment.questions:
        for one in graded:
            waits = any(o.id == question.id and o.status == "needs marking" for o in one.outcomes)
            if waits or question.id in one.manual:
                pairs[one.student, question.id] = question.points
    return pairs


def code(assignment: Assignment, student: str, exercise: str) -> str:
    """The name under which an answer is read without its student's name: the same in every run."""
    text = "\0".join((assignment.name, exercise, student))
    return "answer-" + hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _state(out: Path) -> dict:
    """What students.json of an earlier run says; empty where there is none that can be read."""
    try:
        state = json.loads((out / STATE / "students.json").read_text(encoding="utf-8"))
        return {"students": dict(state["students"]), "codes": dict(state["codes"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"students": {}, "codes": {}}


def _typed(out: Path, codes: dict[str, list[str]]) -> dict[tuple[str, str], tuple[int, str, str, str]]:
    """manual.csv as it stands: (student, exercise) to its line, points, max and comment, unchecked."""
    path = out / "manual.csv"
    if not path.exists():
        return {}
    table = read_csv(path)
    places = [table.need(name) for name in MANUAL]
    found: dict[tuple[str, str], tuple[int, str, str, str]] = {}
    for row in table.rows:
        student, exercise, points, most, comment = (row.cells[place] for place in places)
        student, exercise = unguard(student), unguard(exercise)
        pair = tuple(codes.get(student, (student, exercise)))
        if pair in found and found[pair][1].strip() != points.strip() and points.strip():
            if found[pair][1].strip():
                raise DataError(f"manual.csv, line {row.line}: {student}, {exercise} has points in another line too.")
        elif pair in found:
            continue
        found[pair] = (row.line, points.strip(), most.strip(), unguard(comment))
    return found


def read_manual(out: Path) -> dict[tuple[str, str], tuple[float, str]]:
    """What a person has marked: (student, exercise) to points and comment. Rows without points still wait.

    Raises `DataError` with the line, the column and what is wrong.
    """
    out = Path(out)
    marked = {}
    for (student, exercise), (line, points, most, comment) in _typed(out, _state(out)["codes"]).items():
        if not points:
            continue
        where = f"manual.csv, line {line}"
        value, highest = _number(points), _number(most)
        if value is None:
            raise DataError(
                f"{where}: points should be a number of at least 0, got {points!r} ({student}, {exercise})."
            )
        if highest is None:
            raise DataError(f"{where}: max should be a number of at least 0, got {most!r} ({student}, {exercise}).")
        if value > highest:
            raise DataError(f"{where}: points {points} is above max {most} ({student}, {exercise}).")
        marked[student, exercise] = (value, comment)
    return marked


def _number(text: str) -> float | None:
    """A number of at least 0, with a decimal point or comma; None for anything else."""
    if re.fullmatch(r"\d+,\d+", text):  # as spreadsheets write it in much of the world
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _write_manual(out, assignment, graded, waiting, filled, hidden: bool) -> None:
    """manual.csv: what waits, with what a person has typed; and the pages. Rows with a person's work are never lost."""
    if not waiting and not filled:
        return
    kept = {pair: row for pair, row in filled.items() if pair not in waiting and (row[1] or row[3])}
    lines = []
    for pair, most in waiting.items():
        _, points, _, comment = filled.get(pair, (0, "", "", ""))
        lines.append((pair, points, number(most), comment))
    lines += [(pair, points, most, comment) for pair, (_, points, most, comment) in kept.items()]
    rows = []
    for (student, exercise), points, most, comment in lines:
        name = code(assignment, student, exercise) if hidden else student
        rows.append((guard(name), guard(exercise), points, most, guard(comment)))
    if hidden:  # in the order of the codes, which says nothing about the students
        order = {question.id: place for place, question in enumerate(assignment.questions)}
        rows.sort(key=lambda row: (order.get(unguard(row[1]), len(order)), row[0]))
    write_csv(out / "manual.csv", MANUAL, rows)
    names = safe_names(question.id for question in assignment.questions)
    for question in assignment.questions:
        texts = [(one.student, one.manual[question.id]) for one in graded if question.id in one.manual]
        if texts:
            (out / "manual").mkdir(exist_ok=True)
            page = _page(assignment, question, texts, filled, hidden)
            write(out / "manual" / f"{names[question.id]}.html", page.encode())


def _page(assignment, question, texts, filled, hidden: bool) -> str:
    """All answers to one question, to be read by a person."""
    parts = []
    if isinstance(question.tests, str) and question.tests.strip():
        parts.append(f"<h2>What was asked</h2><pre>{pages.text(question.tests)}</pre>")
    parts.append(
        f"<p>{len(texts)} answers, at most {number(question.points)} points each. Points go into manual.csv.</p>"
    )
    named = [(code(assignment, student, question.id) if hidden else student, student, said) for student, said in texts]
    for name, student, said in sorted(named):
        points = filled.get((student, question.id), (0, "", "", ""))[1]
        mark = f"<p>Marked: {pages.text(points)} of {number(question.points)}</p>" if points else ""
        parts.append(f"<section><h2>{pages.text(name)}</h2>{mark}<pre>{pages.text(said)}</pre></section>")
    return pages.shell(f"{assignment.name}: {question.id}", "\n".join(parts))
