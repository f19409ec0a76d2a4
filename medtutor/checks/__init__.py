"""Exercises and quizzes: what an exercise is, instant checks, hints, and progress in a local file.

Names are loaded when they are first used (PEP 562). An exercise module in `exercises/` needs `Exercise`, `Wrong`,
`Quiz`, `Choice` and `same`; a lesson uses `check`, `hint`, `solution`, `quiz`, `answer` and `progress`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "Choice": "spec",
    "Exercise": "spec",
    "Quiz": "spec",
    "Wrong": "spec",
    "Outcome": "engine",
    "Sheet": "finding",
    "answer": "classroom",
    "check": "classroom",
    "evaluate_answer": "engine",
    "hint": "classroom",
    "progress": "classroom",
    "quiz": "classroom",
    "run_cases": "engine",
    "same": "compare",
    "sheet": "finding",
    "sheets": "finding",
    "solution": "classroom",
}

__all__ = [*_NAMES]

if TYPE_CHECKING:
    from medtutor.checks.classroom import answer, check, hint, progress, quiz, solution
    from medtutor.checks.compare import same
    from medtutor.checks.engine import Outcome, evaluate_answer, run_cases
    from medtutor.checks.finding import Sheet, sheet, sheets
    from medtutor.checks.spec import Choice, Exercise, Quiz, Wrong


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'medtutor.checks' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"medtutor.checks.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
