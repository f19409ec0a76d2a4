"""Graded mode: a notebook that a class hands in says so in one cell, and then checks and solutions behave otherwise.

It keeps honest people from spoiling their own work. It is no lock: the cases and solutions are public in this
package. Marks rest on parameters that a course draws from its secret, and on what a person reads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from medtutor.checks.finding import find
from medtutor.checks.seeded import with_parameters
from medtutor.checks.spec import Exercise

_values: dict[str, Mapping[str, Any]] = {}  # of this process: exercise id to its values in this notebook


def graded(parameters: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Say that this notebook is graded: solutions stay closed, checks try the visible cases only, quizzes are silent.

    `parameters`: the values that its seeded exercises were drawn with, by id. Raises `LessonError` or
    `UnknownNameError` where they belong to no exercise.
    """
    for id, values in (parameters or {}).items():
        with_parameters(find("exercise", id), values)
        _values[id] = dict(values)
    os.environ["MEDTUTOR_GRADED"] = "1"  # for what this notebook starts, too


def is_graded() -> bool:
    """Whether this notebook is graded (`MEDTUTOR_GRADED=1`)."""
    return os.environ.get("MEDTUTOR_GRADED", "") not in ("", "0")


def asked_here(id: str) -> Exercise:
    """Exercise `id` as this notebook asks it. Raises `UnknownNameError`."""
    exercise = find("exercise", id)
    return with_parameters(exercise, _values[id]) if is_graded() and id in _values else exercise
