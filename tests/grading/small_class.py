"""A small assignment, and notebooks handed in for it, for the tests of the grader."""

import json
from pathlib import Path

from medtutor.checks.spec import Exercise, Wrong
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.submission import Submission

WRONG = {name: Wrong("x = 1", "no") for name in "abc"}


def exercise(id, starter, solution, visible=(), hidden=(), points=2):
    """An exercise with these cases; its three wrong answers are not used."""
    made = Exercise(
        id=id,
        points=points,
        prompt="p",
        starter=starter,
        solution=solution,
        hints=("a", "b"),
        wrong=WRONG,
    )
    made.visible_cases.extend(visible)
    made.hidden_cases.extend(hidden)
    return made


def question(made):
    """The question that grades an exercise."""
    return Question(
        made.id,
        "cases",
        made.points,
        names=(made.name,),
        markers=(made.id,),
        starters=(made.starter,),
        tests=made,
    )


def one(three):
    assert three(1) == 3, "Three times one is three."


def large(three):
    """A large number."""
    assert three(10**6) == 3 * 10**6, "Three times a million is three million."


THREE = exercise("t.three", "def three(x):\n    ...", "def three(x):\n    return 3 * x", [one], [large])


def first_is_kept(double):
    """A list that is not to be changed."""
    values = [1, 2]
    assert double(values) == [2, 4], "Twice each."
    assert values == [1, 2], "Leave the list as it is."


DOUBLE = exercise(
    "t.double",
    "def double(values):\n    ...",
    "def double(values):\n    return [2 * v for v in values]",
    [first_is_kept],
)


def assignment(*exercises, credit="all", more=()):
    """An assignment of these exercises."""
    return Assignment("small", tuple(map(question, exercises)) + tuple(more), "digest", credit=credit)


def cell(source, kind="code", **fields):
    return {"cell_type": kind, "source": source, "metadata": {}, "outputs": [], "execution_count": None} | fields


def notebook(*sources) -> bytes:
    """A notebook of code cells (or of cells made by `cell`)."""
    cells = [source if isinstance(source, dict) else cell(source) for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def hand_in(folder: Path, *sources, student="ada") -> Submission:
    """A submission of these cells."""
    path = folder / f"{student}.ipynb"
    path.write_bytes(notebook(*sources))
    return Submission(student, path)
