"""From the line `# exercise: cnn.conv2d` (or `# quiz: cnn.shape`) in a lesson to the cells of its notebook.

Prompt, starter, solution and cases stand in `exercises/` only. Three kinds of notebook are made of one source:
"student" (the one that is committed), "solution" (the one that is run), and "nbgrader" (a source notebook for
`nbgrader generate_assignment`: metadata of schema 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from medtutor.checks import Exercise, Quiz
from medtutor.checks.finding import find
from medtutor.errors import LessonError

KINDS = ("student", "solution", "nbgrader")
_MARK = re.compile(r"\s*# (exercise|quiz): (\S+)\s*\Z")
_LOOKS_LIKE_ONE = re.compile(r"^\s*#\s*(exercise|quiz)\s*:", re.MULTILINE)


class Cell(NamedTuple):
    """A cell to be: "markdown" or "code", its source, and its metadata."""

    kind: str
    source: str
    metadata: Mapping[str, Any] = MappingProxyType({})


def expand(source: str, kind: str, where: str) -> list[Cell] | None:
    """The cells that a code cell with a mark stands for, or None for a cell without one.

    Raises `LessonError` for a mark that shares its cell with code, and `UnknownNameError` for an unknown id.
    """
    mark = _MARK.match(source)
    if mark is None:
        if _LOOKS_LIKE_ONE.search(source):
            raise LessonError(
                f"{where}: the line '# exercise: ID' or '# quiz: ID' needs a cell of its own: {source!r}."
            )
        return None
    what, id = mark.groups()
    item = find(what, id)
    return _quiz(item) if isinstance(item, Quiz) else _exercise(item, kind)


def ids(source: str) -> list[str]:
    """The ids of the exercises that a lesson's source marks, in order."""
    return re.findall(r"^# exercise: (\S+)\s*$", source, re.MULTILINE)


def _exercise(exercise: Exercise, kind: str) -> list[Cell]:
    points = f"{exercise.points} point{'s' if exercise.points > 1 else ''}"
    prompt = f"### Exercise `{exercise.id}` ({points})\n\n{exercise.prompt.strip()}"
    marker = f"# medtutor: {exercise.id}\n"
    if kind == "nbgrader":
        name = exercise.id.replace(".", "_")
        answer = f"{marker}### BEGIN SOLUTION\n{exercise.solution.strip()}\n### END SOLUTION"
        tests = (
            f'from medtutor.checks import run_cases\n\nrun_cases("{exercise.id}", {exercise.name})\n'
            f'### BEGIN HIDDEN TESTS\nrun_cases("{exercise.id}", {exercise.name}, hidden=True)\n### END HIDDEN TESTS'
        )
        return [
            Cell("markdown", prompt),
            Cell("code", answer, _nbgrader(name, solution=True)),
            Cell("code", tests, _nbgrader(f"test_{name}", points=exercise.points)),
        ]
    answer = exercise.solution if kind == "solution" else exercise.starter
    return [
        Cell("markdown", prompt),
        Cell("code", marker + answer.strip()),
        Cell("code", f'check("{exercise.id}")  # stuck? hint("{exercise.id}")'),
    ]


def _nbgrader(grade_id: str, solution: bool = False, points: int | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        fields["points"] = points
    return {"nbgrader": fields}


def _quiz(question: Quiz) -> list[Cell]:
    lines = [f"**Question `{question.id}`.** {question.question}", ""]
    lines += [f"- ({letter}) {choice.text}" for letter, choice in question.lettered().items()]
    return [
        Cell("markdown", "\n".join(lines)),
        Cell("code", f'quiz("{question.id}")  # or, without widgets: answer("{question.id}", "a")'),
    ]
