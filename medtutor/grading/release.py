"""`medtutor release`: the notebook that students get, and the bundle that an instructor keeps to grade with."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtutor.checks import Exercise, Predictions
from medtutor.checks.finding import Sheet, find, sheet
from medtutor.course import frontmatter
from medtutor.course.build import as_bytes, build, notebook_path
from medtutor.course.exercise_cells import marked
from medtutor.course.measured import write
from medtutor.errors import LessonError, StorageError, unknown
from medtutor.grading import bundle
from medtutor.grading.assignment import Policy, Question
from medtutor.grading.names import safe_names
from medtutor.grading.nbgrader_cells import cut, marks, read, student_notebook
from medtutor.grading.nodes import Node

_ANSWERED = re.compile(r"\A(?:#|<!--) medtutor: ([\w.]+)|^guess\(\"([\w.]+)\"", re.MULTILINE)
_LONG = 12  # characters of a line of a solution that may say something
_SAYS_LITTLE = re.compile(r"(def|class|import|from)\b|[#@]|raise NotImplementedError")


@dataclass(frozen=True)
class Release:
    """The notebooks for students, the bundle, and `notes` for the instructor, each a sentence."""

    student: tuple[Path, ...]
    bundle: Path
    notes: tuple[str, ...] = ()


def release(
    what: int | str | Path,
    out: str | Path,
    *,
    due: str = "",
    grace_minutes: int = 0,
    percent_per_day: float = 0.0,
    last_day: int = 0,
    credit: str = "all",
    points: Mapping[str, float] | None = None,
    quiz_points: float | None = None,
    labels: str | Path | None = None,
    course: str = "",
    variants: str = "none",
    secret: str | Path | None = None,
    roster: str | Path | Sequence[str] | None = None,
) -> Release:
    """Write `out/student/<name>.ipynb` and `out/<name>.bundle/` for a lesson (number or slug) or an nbgrader source.

    `points` by id go before those of the lesson or notebook; `quiz_points` are for each quiz (0: not graded; None: its
    own). `labels` is a folder with `<id>.csv` for each exercise that is answered by a file of predictions. `variants`
    "course" or "student" draw the parameters of seeded exercises from `secret` (a file; made where it is missing), for
    "student" once for each of `roster`: the notebooks are then `out/student/<student>/<name>.ipynb`.

    Raises `LessonError` where the source or a setting is not in order, `UnknownNameError` for a lesson or id that does
    not exist, `DataError` for a roster or secret that cannot be read, `StorageError`. Used in docs/instructors.md.
    """
    policy = Policy(due, grace_minutes, percent_per_day, last_day)
    path = Path(str(what))
    if path.suffix == ".ipynb" and (path.is_file() or len(path.parts) > 1):
        if variants != "none" or labels is not None or quiz_points is not None:
            raise LessonError("Variants, labels and quiz points are for lessons; an nbgrader notebook has none.")
        return _notebook(path, Path(out), policy, credit, dict(points or {}), course)
    lesson = frontmatter.lesson(what)
    drawn = _Drawn(course, variants, secret, roster)
    return _lesson(lesson, Path(out), policy, credit, dict(points or {}), quiz_points, labels, drawn)


# An nbgrader notebook


def _notebook(path: Path, out: Path, policy: Policy, credit: str, points: dict[str, float], course: str) -> Release:
    from medtutor.grading.nbgrader_source import questions

    source = read(path)
    graded = {marks(cell)["grade_id"]: marks(cell) for cell in source.cells if "points" in marks(cell)}
    for id in points:
        if id not in graded:
            raise unknown("question with points", id, graded)
    for id, value in points.items():
        graded[id]["points"] = value
    asked = questions(source, path.name)
    if not asked:
        raise LessonError(
            f"{path.name} asks nothing: no cell has nbgrader metadata with points. A lesson is released by its number."
        )
    entries = [{"id": one.id, "what": one.kind, "points": one.points} for one in asked]
    info = bundle.info_of(path.stem, "nbgrader", entries, policy, credit, course)
    made = student_notebook(source)
    for cell in source.cells:  # the source in the bundle: what decides marks, no outputs
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    where = out / "student" / path.name
    _write(where, made)
    saved = bundle.save(out / f"{path.stem}.bundle", info, {bundle.SOURCE: as_bytes(source)})
    secrets = {marks(cell)["grade_id"]: _secret_lines(cell) for cell in source.cells if marks(cell).get("grade_id")}
    return Release((where,), saved, (*_not_installed(asked), *shown_twice(made, secrets)))


def _not_installed(asked: Sequence[Question]) -> list[str]:
    """Sentences on modules that tests import and that are not there: grading on this machine would fail."""
    notes = []
    for question in asked:
        if question.kind != "asserts":
            continue
        tests = question.tests
        for node in ast.walk(ast.parse("\n".join((tests.setup, tests.visible, tests.hidden)))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for name in {name.partition(".")[0] for name in names}:
                if importlib.util.find_spec(name) is None:
                    notes.append(f"The tests of {question.id} import {name}, which is not installed here.")
    return list(dict.fromkeys(notes))


def _secret_lines(cell: Node) -> str:
    own, id = marks(cell), marks(cell).get("grade_id", "")
    found = [cut(cell.source, region, id)[1] for region in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")]
    if own.get("solution") and not found[0]:
        found[0] = cell.source
    return "\n".join(found)


def shown_twice(notebook: Node, secrets: Mapping[str, str]) -> list[str]:
    """Sentences on lines of solutions or hidden tests (id to text) that stand in the notebook for students as well."""
    notes = []
    for id, text in secrets.items():
        lines = {line.strip() for line in text.split("\n")}
        lines = {line for line in lines if len(line) >= _LONG and not _SAYS_LITTLE.match(line)}
        for index, cell in enumerate(notebook.cells):
            both = lines & {line.strip() for line in cell.source.split("\n")}
            if both:
                notes.append(f"Cell {index + 1} of the student notebook holds a line of {id}: {min(both)!r}.")
    return notes


# A lesson


class _Drawn:
    """Which notebooks a lesson is released as: for everybody, or for each student, with the values that are drawn."""

    def __init__(self, course: str, variants: str, secret: str | Path | None, roster: Any):
        self.course, self.variants, self.secret = course, variants, None
        self.students: list[str] = []
        if variants not in bundle.VARIANTS:
            raise LessonError(f"variants should be one of {', '.join(bundle.VARIANTS)}, got {variants!r}.")
        if variants == "none":
            return
        if secret is None:
            raise LessonError("Variants are drawn from a secret: name a file for it; it is made where it is missing.")
        from medtutor.grading.variants import new_secret, read_secret

        if variants == "student":
            if roster is None:
                raise LessonError("Variants for each student need the class list: a CSV file with a column student.")
            self.students = _students(roster)
        self.secret = read_secret(secret) if Path(secret).exists() else new_secret(secret)

    def values(self, exercises: Sequence[Exercise], student: str | None) -> dict[str, Mapping[str, Any]]:
        """Exercise id to its values, of those that draw any."""
        if self.secret is None:
            return {}
        from medtutor.grading.variants import draw

        found = {one.id: draw(one, self.secret, self.course, student) for one in exercises}
        return {id: values for id, values in found.items() if values}


def _students(roster: Any) -> list[str]:
    if isinstance(roster, str | Path):
        from medtutor.grading.roster import read_roster

        return [entry.student for entry in read_roster(Path(roster))]
    return list(dict.fromkeys(roster))


def _lesson(
    lesson: frontmatter.Lesson,
    out: Path,
    policy: Policy,
    credit: str,
    points: dict[str, float],
    quiz_points: float | None,
    labels: str | Path | None,
    drawn: _Drawn,
) -> Release:
    asked = marked(lesson.path.read_text(encoding="utf-8"))
    if not asked:
        raise LessonError(f"{lesson} asks nothing, so there is nothing to release.")
    module = _sheet(lesson, asked)
    items = {id: find(what, id) for what, id in asked}
    for id in points:
        if id not in items:
            raise unknown(f"question in {lesson.path.name}", id, items)
    worth = {
        id: points.get(id, items[id].points if what != "quiz" or quiz_points is None else quiz_points)
        for what, id in asked
    }
    name = notebook_path(lesson).stem
    entries = [{"id": id, "what": what, "points": worth[id]} for what, id in asked]
    info = bundle.info_of(
        name, "lesson", entries, policy, credit, drawn.course, drawn.variants, drawn.secret, lesson.slug
    )
    exercises = [item for item in items.values() if isinstance(item, Exercise)]
    if drawn.variants != "none" and not drawn.values(exercises, None):
        raise LessonError(f"{lesson}: none of its exercises draws parameters, so that variants would all be the same.")
    files = {bundle.MODULE: module.path.read_bytes()}
    files |= {f"{bundle.LABELS}/{id}.csv": _labels(labels, id) for id, item in items.items()
              if isinstance(item, Predictions)}  # fmt: skip
    shared = None if drawn.variants == "student" else drawn.values(exercises, None)
    source = build(lesson, "nbgrader", shared)
    _set_points(source, worth)
    files[bundle.SOURCE] = as_bytes(source)
    made: dict[Path, Node] = {}
    info["students"] = drawn.students  # whose variants were drawn: somebody else's cannot be marked
    folders = safe_names(drawn.students)
    for student in drawn.students if drawn.variants == "student" else [None]:
        notebook = build(lesson, "graded", drawn.values(exercises, student))
        _set_points(notebook, worth)
        for cell in notebook.cells:
            answered = _ANSWERED.search(cell.source)
            if answered:
                cell["id"] = bundle.answer_cell(answered[1] or answered[2])
        made[out / "student" / (folders[student] if student is not None else "") / f"{name}.ipynb"] = notebook
    for path, notebook in made.items():
        _write(path, notebook)
    saved = bundle.save(out / f"{name}.bundle", info, files)
    solutions = {one.id: _solution_lines(one) for one in exercises}
    return Release(tuple(made), saved, tuple(shown_twice(next(iter(made.values())), solutions)))


def _sheet(lesson: frontmatter.Lesson, asked: Sequence[tuple[str, str]]) -> Sheet:
    prefixes = sorted({id.partition(".")[0] for _, id in asked})
    if len(prefixes) > 1:
        raise LessonError(
            f"{lesson.path.name} marks exercises of several modules ({', '.join(prefixes)}); a released lesson has one."
        )
    return sheet(prefixes[0])


def _solution_lines(exercise: Exercise) -> str:
    starter = set(exercise.starter.split("\n"))
    return "\n".join(line for line in exercise.solution.split("\n") if line not in starter)


def _labels(folder: str | Path | None, id: str) -> bytes:
    if folder is None:
        raise LessonError(f"{id} is scored against labels: name the folder that holds {id}.csv.")
    from medtutor.grading.predictions import read_labels

    path = Path(folder) / f"{id}.csv"
    read_labels(path)
    return path.read_bytes()


def _set_points(notebook: Node, worth: Mapping[str, float]) -> None:
    """Say the points of the bundle in a notebook: in its text, and in metadata for nbgrader."""
    grades = {id.replace(".", "_"): value for id, value in worth.items()}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"(?m)^(.*`([\w.]+)`(?: \(|, ))\d+ points?",
                lambda found: f"{found[1]}{_points(worth[found[2]])}" if found[2] in worth else found[0],
                cell.source,
                count=1,
            )
        own = marks(cell)
        if own.get("grade"):
            own["points"] = grades.get(own["grade_id"].removeprefix("test_"), own["points"])


def _points(value: float) -> str:
    return f"{value:g} point{'' if value == 1 else 's'}"


def _write(path: Path, notebook: Node) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The folder {path.parent} cannot be made: {error.strerror or error}.") from error
    write(path, as_bytes(notebook))
