"""An nbgrader course tree with medtutor's marks, which nbgrader's own commands accept: version 0.9, imported nowhere.

`nbgrader autograde` would run what was handed in, in the instructor's account. In this tree it does not: its
configuration file puts the marks of `marks.json` in place of running (preprocessors:
https://nbgrader.readthedocs.io/en/stable/config_options.html), and so fills the gradebook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from medtutor.course.build import as_bytes
from medtutor.course.measured import write
from medtutor.errors import DataError, StorageError
from medtutor.grading import bundle
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.export import source as export_source
from medtutor.grading.export.nbgrader_files import CONFIG, OURS, README
from medtutor.grading.export.nbgrader_notebooks import autograded, submitted
from medtutor.grading.export.source import Line, Student
from medtutor.grading.names import safe_names
from medtutor.grading.nbgrader_cells import SCHEMA, marks, read, student_notebook
from medtutor.grading.reader import SubmissionError, read_notebook
from medtutor.grading.submission import Notebook, Submission


def export(
    out: str | Path,
    to: str | Path,
    *,
    assignment: str | Path,
    submissions: str | Path,
    roster: str | Path | None = None,
    course: str = "",
    notes: list[str] | None = None,
) -> list[Path]:
    """Write the course tree into `to`, from the marks in `out` and what was handed in; returns the files.

    `assignment` is the bundle or nbgrader source that was graded; `notes` is filled with sentences on who is left out.
    Raises `DataError` where `out` holds no marks, or `to` an nbgrader course that is not ours; `LessonError` for the
    assignment; `StorageError`.
    """
    from medtutor.grading.intake import gather

    out, to, assignment = Path(out), Path(to), Path(assignment)
    task = bundle.load(assignment)
    source = read(assignment if assignment.suffix == ".ipynb" else assignment / bundle.SOURCE)
    cells = _with_all(source, task)
    given = export_source.read(out).students
    config = to / "nbgrader_config.py"
    if config.is_file() and not config.read_text(encoding="utf-8", errors="replace").startswith(OURS):
        raise DataError(f"{to} is an nbgrader course already; choose an empty folder.")
    handed_in = gather(Path(submissions), Path(roster) if roster else None, task.name)
    by_name = {one.student: one for one in handed_in.submissions}
    folders = safe_names(given)
    name = re.sub(r"[+/\\]", "-", task.name)
    release = student_notebook(source)
    book: dict[str, Any] = {}
    made: dict[Path, bytes] = {
        to / "source" / name / f"{name}.ipynb": as_bytes(source),
        to / "release" / name / f"{name}.ipynb": as_bytes(release),
    }
    for student, marked in given.items():
        entry = _entry(task, cells, marked)
        book[folders[student]] = entry
        handed = by_name.get(student)
        if marked.status == "missing":
            continue  # nbgrader has no line for those who have handed in nothing
        if handed is None:
            if notes is not None:
                notes.append(f"{student} has marks and is not in {submissions}: left out of the course tree.")
            continue
        notebook = submitted(release, _read(handed))
        place = Path(folders[student]) / name
        made[to / "submitted" / place / f"{name}.ipynb"] = as_bytes(notebook)
        made[to / "autograded" / place / f"{name}.ipynb"] = as_bytes(autograded(notebook, source, entry))
        if handed.when is not None:
            stamp = datetime.fromtimestamp(handed.when, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC\n").encode()
            made |= {to / step / place / "timestamp.txt": stamp for step in ("submitted", "autograded")}
    quoted = f'"{name}"' if re.search(r"\s", name) else name
    made[config] = CONFIG.replace("{course!r}", repr(course)).encode()
    made[to / "marks.json"] = (json.dumps(book, indent=1) + "\n").encode()
    made[to / "students.csv"] = ("\n".join(["id", *(f'"{folder}"' for folder in folders.values())]) + "\n").encode()
    made[to / "README.md"] = README.format(name=name, quoted=quoted).encode()
    for path, content in made.items():
        _write(path, content)
    return list(made)


def _with_all(source: NotebookNode, task: Assignment) -> dict[str, NotebookNode]:
    """The source's cell of each question; one that nbgrader has no cell for gets one at the end."""
    known = {marks(cell)["grade_id"]: cell for cell in source.cells if "points" in marks(cell)}
    found = {}
    for question in task.questions:
        plain = question.id.replace(".", "_")
        cell = next((known[id] for id in (question.id, f"test_{plain}", plain) if id in known), None)
        if cell is None:
            cell = _cell_for(question, f"test_{plain}")
            source.cells.append(cell)
        marks(cell)["points"] = question.points
        found[question.id] = cell
    asked = {marks(cell)["grade_id"] for cell in found.values()}
    for id, cell in known.items():
        if id not in asked:
            marks(cell)["points"] = 0  # a quiz that is not graded
    return found


def _cell_for(question: Question, grade_id: str) -> NotebookNode:
    text = f"# {question.id} is marked by medtutor.\nraise NotImplementedError('nbgrader cannot mark this')"
    fields = {"grade": True, "locked": True, "solution": False, "task": False, "schema_version": SCHEMA}
    own = fields | {"grade_id": grade_id, "points": question.points}
    metadata = NotebookNode({"nbgrader": NotebookNode(own)})
    return NotebookNode({"cell_type": "code", "id": grade_id.replace("_", "-")[:64], "metadata": metadata,
                         "source": text, "outputs": [], "execution_count": None})  # fmt: skip


def _entry(task: Assignment, cells: Mapping[str, NotebookNode], student: Student) -> dict[str, Any]:
    """The marks of one student, as the configuration file of the tree reads them."""
    outputs, by_hand, before = {}, {}, 0.0
    given = {line.exercise: line for line in student.lines}
    for question in task.questions:
        line = given.get(question.id) or Line(question.id, 0.0, question.points, "not attempted", "")
        own = marks(cells[question.id])
        before += line.points
        if not own.get("solution") and not own.get("task"):
            outputs[own["grade_id"]] = _outputs(min(line.points, question.points), question.points, line.reason)
        elif line.status != "needs marking":
            by_hand[own["grade_id"]] = line.points
    return {"outputs": outputs, "by_hand": by_hand, "late": round(max(0.0, before - student.total), 2)}


def _outputs(value: float, maximum: float, reason: str) -> list[dict[str, Any]]:
    """Outputs that nbgrader reads as this many points: none for all, an error for none, a number between."""
    if value >= maximum:
        return []
    if value <= 0:
        said = reason or "No points."
        return [{"output_type": "error", "ename": "Marks", "evalue": said, "traceback": [said]}]
    result = {"text/plain": repr(value)}
    said = [{"output_type": "stream", "name": "stdout", "text": f"{reason}\n"}] if reason else []
    return [*said, {"output_type": "execute_result", "execution_count": None, "data": result, "metadata": {}}]


def _read(handed: Submission) -> Notebook:
    try:
        return read_notebook(handed.notebook) if handed.notebook else Notebook(())
    except SubmissionError:
        return Notebook(())


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.chmod(0o644)  # nbgrader makes its files read-only
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}.") from error
    write(path, content)
