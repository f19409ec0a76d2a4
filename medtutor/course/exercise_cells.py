"""From the line `# exercise: cnn.conv2d` (or `# quiz: cnn.shape`) in a lesson to the cells of its notebook.

Prompt, starter, solution and cases stand in `exercises/` only. Besides exercises and quizzes a line may mark an essay,
predictions or a guess. Four kinds of notebook are made of one source: "student" (the one that is committed), "solution"
(the one that is run), "nbgrader" (a source notebook for `nbgrader generate_assignment`: metadata of schema 3), and
"graded" (for a class: what is answered stands in the file itself, solutions are closed).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from medtutor.checks import Essay, Exercise, Guess, Predictions, Quiz, with_parameters
from medtutor.checks.finding import find
from medtutor.checks.guesses import LIMITS
from medtutor.checks.seeded import shown_values
from medtutor.errors import LessonError

KINDS = ("student", "solution", "nbgrader", "graded")
Parameters = Mapping[str, Mapping[str, Any]]  # exercise id to the values of a seeded exercise
_WHAT = "exercise|quiz|essay|predictions|guess"
_MARK = re.compile(rf"\s*# ({_WHAT}): (\S+)\s*\Z")
_LOOKS_LIKE_ONE = re.compile(rf"^\s*#\s*({_WHAT})\s*:", re.MULTILINE)

GRADED = """\
# This notebook is graded: solutions stay closed, and check() tries only the cases that a grader need not hide. The
# others are public in the package too; what is handed in is also tried with values that only your course knows.
from medtutor.checks import graded

graded({parameters})"""


class Cell(NamedTuple):
    """A cell to be: "markdown" or "code", its source, and its metadata."""

    kind: str
    source: str
    metadata: Mapping[str, Any] = MappingProxyType({})


def expand(source: str, kind: str, where: str, parameters: Parameters | None = None) -> list[Cell] | None:
    """The cells that a code cell with a mark stands for, or None for a cell without one.

    `parameters`: the values of seeded exercises by id; without, the public ones. Raises `LessonError` for a mark that
    shares its cell with code, and `UnknownNameError` for an unknown id.
    """
    mark = _MARK.match(source)
    if mark is None:
        if _LOOKS_LIKE_ONE.search(source):
            raise LessonError(
                f"{where}: the line '# exercise: ID' or '# quiz: ID' needs a cell of its own: {source!r}."
            )
        return None
    item = find(*mark.groups())
    if isinstance(item, Exercise):
        given = (parameters or {}).get(item.id)
        return _exercise(with_parameters(item, given) if given else item, kind, bool(given))
    make = {Quiz: _quiz, Essay: _essay, Predictions: _predictions, Guess: _guess}[type(item)]
    return make(item, kind)


def ids(source: str) -> list[str]:
    """The ids of the exercises that a lesson's source marks, in order."""
    return [id for what, id in marked(source) if what == "exercise"]


def marked(source: str) -> list[tuple[str, str]]:
    """What a lesson's source marks, in order: ("exercise", "cnn.conv2d"), ("quiz", "cnn.shape"), ..."""
    return re.findall(rf"^# ({_WHAT}): (\S+)\s*$", source, re.MULTILINE)


def graded_cell(source: str, parameters: Parameters | None = None) -> Cell:
    """The cell after the setup cell of a graded notebook: graded mode, and the values that its reader may see."""
    shown = {}
    for id in ids(source):
        if (parameters or {}).get(id):
            shown[id] = shown_values(with_parameters(find("exercise", id), parameters[id]))
    lines = [f"    {id!r}: {values!r}," for id, values in shown.items() if values]
    return Cell("code", GRADED.format(parameters="\n".join(["{", *lines, "}"]) if lines else ""))


def _exercise(exercise: Exercise, kind: str, given: bool) -> list[Cell]:
    prompt = f"### Exercise `{exercise.id}` ({_points(exercise)})\n\n{exercise.prompt.strip()}"
    marker = f"# medtutor: {exercise.id}\n"
    if kind == "nbgrader":
        name = _grade_id(exercise)
        answer = f"{marker}### BEGIN SOLUTION\n{exercise.solution.strip()}\n### END SOLUTION"
        shown, every = (f", parameters={values!r}" if given and values else ""
                        for values in (shown_values(exercise), dict(exercise.values)))  # fmt: skip
        tests = (
            f'from medtutor.checks import run_cases\n\nrun_cases("{exercise.id}", {exercise.name}{shown})\n'
            f'### BEGIN HIDDEN TESTS\nrun_cases("{exercise.id}", {exercise.name}, hidden=True{every})\n'
            "### END HIDDEN TESTS"
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


def _points(item: Exercise | Quiz | Essay | Predictions | Guess) -> str:
    return f"{item.points} point{'s' if item.points != 1 else ''}"


def _grade_id(item: Exercise | Quiz | Essay) -> str:
    return item.id.replace(".", "_")


def _quiz(question: Quiz, kind: str) -> list[Cell]:
    points = f" ({_points(question)})" if kind in ("nbgrader", "graded") and question.points else ""
    lines = [f"**Question `{question.id}`{points}.** {question.question}", ""]
    lines += [f"- ({letter}) {choice.text}" for letter, choice in question.lettered().items()]
    text = Cell("markdown", "\n".join(lines))
    if not points:
        return [text, Cell("code", f'quiz("{question.id}")  # or, without widgets: answer("{question.id}", "a")')]
    # a click on a widget does not stand in the file that is handed in; a text does
    marker, name = f"# medtutor: {question.id}\n", f"choice_{question.id.partition('.')[2]}"
    if kind == "graded":
        return [text, Cell("code", f'{marker}{name} = ""  # the letter(s) of your choice, such as "a"')]
    right = json.dumps("".join(sorted(question.right())))
    asked = f'# {name} = "a", with the letter(s) of your choice'  # nbgrader takes the line with the name away
    answer = f"{marker}{asked}\n### BEGIN SOLUTION\n{name} = {right}\n### END SOLUTION"
    tests = (
        "from medtutor.checks import run_quiz\n\n### BEGIN HIDDEN TESTS\n"
        f'run_quiz("{question.id}", {name})\n### END HIDDEN TESTS'
    )
    return [
        text,
        Cell("code", answer, _nbgrader(_grade_id(question), solution=True)),
        Cell("code", tests, _nbgrader(f"test_{_grade_id(question)}", points=question.points)),
    ]


def _essay(question: Essay, kind: str) -> list[Cell]:
    prompt = f"### Question `{question.id}` ({_points(question)}, read by a person)\n\n{question.prompt.strip()}"
    marker = f"<!-- medtutor: {question.id} -->\n"
    if kind == "nbgrader":
        answer = f"{marker}### BEGIN SOLUTION\n{question.rubric.strip()}\n### END SOLUTION"
        fields = _nbgrader(_grade_id(question), solution=True, points=question.points)
        return [Cell("markdown", prompt), Cell("markdown", answer, fields)]
    if kind != "graded":
        prompt += f'\n\nWhen you have written it, `solution("{question.id}")` says what a good answer holds.'
    return [Cell("markdown", prompt), Cell("markdown", marker + question.starter)]


def _predictions(asked: Predictions, kind: str) -> list[Cell]:
    header = ",".join(asked.columns)
    text = (
        f"### Predictions `{asked.id}` ({_points(asked)})\n\n{asked.prompt.strip()}\n\nHand in the file "
        f"`{asked.file}` beside this notebook. Its first line is `{header}`; each line after it holds one image, with "
        f"values from {asked.low:g} to {asked.high:g}. It is scored by `medtutor.evaluate.{asked.score}`."
    )
    return [Cell("markdown", text)]


def _guess(asked: Guess, kind: str) -> list[Cell]:
    text = f"**Predict first (`{asked.id}`, {_points(asked)}).** {asked.prompt.strip()}\n\n{LIMITS}"
    code = (
        f"from medtutor.checks import guess\n\n{asked.name} = None  # your number {asked.bounds}: {asked.unit}\n"
        f'guess("{asked.id}", {asked.name})'
    )
    return [Cell("markdown", text), Cell("code", code)]
