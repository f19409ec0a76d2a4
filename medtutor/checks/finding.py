"""Finding exercises: one module a lesson in `exercises/`, loaded by its path (they are no package)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from medtutor import resources
from medtutor.checks.asked import Essay, Guess, Predictions
from medtutor.checks.seeded import as_asked
from medtutor.checks.spec import Exercise, Quiz
from medtutor.errors import LessonError, unknown

Item = Exercise | Quiz | Essay | Predictions | Guess


@dataclass(frozen=True)
class Sheet:
    """The exercises and quizzes of one lesson, and what else it asks, by id and in the order of the module."""

    path: Path
    prefix: str
    exercises: dict[str, Exercise]
    quizzes: dict[str, Quiz]
    essays: dict[str, Essay] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    guesses: dict[str, Guess] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, dict[str, Item]]:
        """The kind of item, as `find` and the marks in a lesson call it, to the items."""
        return {
            "exercise": self.exercises,
            "quiz": self.quizzes,
            "essay": self.essays,
            "predictions": self.predictions,
            "guess": self.guesses,
        }


@cache
def load_sheet(path: Path) -> Sheet:
    """Run one module of `exercises/` and collect what it defines. Raises `LessonError` where ids are not in order."""
    spec = importlib.util.spec_from_file_location(f"medtutor_exercises_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    prefix = getattr(module, "prefix", None)
    if not isinstance(prefix, str) or not prefix.isidentifier():
        raise LessonError(f'{path.name}: it needs a line such as prefix = "cnn".')
    found = [value for value in vars(module).values() if isinstance(value, Item)]
    ids = [item.id for item in found]
    for item in found:
        head, _, word = item.id.partition(".")
        if head != prefix or not word.isidentifier():
            raise LessonError(f"{path.name}: the id {item.id!r} should be {prefix}.<word>.")
        if ids.count(item.id) > 1:
            raise LessonError(f"{path.name}: the id {item.id!r} is used twice.")
        if isinstance(item, Exercise) and not (item.visible_cases and item.hidden_cases):
            raise LessonError(f"{path.name}: {item.id} needs at least one visible and one hidden case.")
    kinds = (Exercise, Quiz, Essay, Predictions, Guess)
    items = [as_asked(item) if isinstance(item, Exercise) else item for item in found]
    return Sheet(path, prefix, *({item.id: item for item in items if isinstance(item, kind)} for kind in kinds))


def sheets() -> list[Sheet]:
    """The sheets of all lessons, in the order of the lessons."""
    return [load_sheet(path) for path in sorted(resources.folder("exercises").glob("[0-9][0-9]_*.py"))]


def sheet(prefix: str) -> Sheet:
    """The sheet whose ids begin with `prefix`. Raises `UnknownNameError` with the nearest."""
    known = {found.prefix: found for found in sheets()}
    if prefix not in known:
        raise unknown("set of exercises", prefix, known)
    return known[prefix]


def find(kind: str, id: str) -> Item:
    """The item of this kind ("exercise", "quiz", "essay", "predictions", "guess") with this id.

    Raises `UnknownNameError` with the nearest.
    """
    known = sheet(str(id).partition(".")[0]).groups[kind]
    if id not in known:
        raise unknown(kind, id, known)
    return known[id]
