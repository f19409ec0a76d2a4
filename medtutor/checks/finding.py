"""Finding exercises: one module a lesson in `exercises/`, loaded by its path (they are no package)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from medtutor import resources
from medtutor.checks.spec import Exercise, Quiz
from medtutor.errors import LessonError, unknown


@dataclass(frozen=True)
class Sheet:
    """The exercises and quizzes of one lesson, by id and in the order of the module."""

    path: Path
    prefix: str
    exercises: dict[str, Exercise]
    quizzes: dict[str, Quiz]


@cache
def load_sheet(path: Path) -> Sheet:
    """Run one module of `exercises/` and collect what it defines. Raises `LessonError` where ids are not in order."""
    spec = importlib.util.spec_from_file_location(f"medtutor_exercises_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    prefix = getattr(module, "prefix", None)
    if not isinstance(prefix, str) or not prefix.isidentifier():
        raise LessonError(f'{path.name}: it needs a line such as prefix = "cnn".')
    found = [value for value in vars(module).values() if isinstance(value, Exercise | Quiz)]
    ids = [item.id for item in found]
    for item in found:
        head, _, word = item.id.partition(".")
        if head != prefix or not word.isidentifier():
            raise LessonError(f"{path.name}: the id {item.id!r} should be {prefix}.<word>.")
        if ids.count(item.id) > 1:
            raise LessonError(f"{path.name}: the id {item.id!r} is used twice.")
        if isinstance(item, Exercise) and not (item.visible_cases and item.hidden_cases):
            raise LessonError(f"{path.name}: {item.id} needs at least one visible and one hidden case.")
    return Sheet(
        path,
        prefix,
        {item.id: item for item in found if isinstance(item, Exercise)},
        {item.id: item for item in found if isinstance(item, Quiz)},
    )


def sheets() -> list[Sheet]:
    """The sheets of all lessons, in the order of the lessons."""
    return [load_sheet(path) for path in sorted(resources.folder("exercises").glob("[0-9][0-9]_*.py"))]


def sheet(prefix: str) -> Sheet:
    """The sheet whose ids begin with `prefix`. Raises `UnknownNameError` with the nearest."""
    known = {found.prefix: found for found in sheets()}
    if prefix not in known:
        raise unknown("set of exercises", prefix, known)
    return known[prefix]


def find(kind: str, id: str) -> Exercise | Quiz:
    """The exercise or quiz (`kind`) with this id. Raises `UnknownNameError` with the nearest."""
    found = sheet(str(id).partition(".")[0])
    known = found.exercises if kind == "exercise" else found.quizzes
    if id not in known:
        raise unknown(kind, id, known)
    return known[id]
