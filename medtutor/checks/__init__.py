"""Exercises and quizzes: what an exercise is, instant checks, hints, and progress in a local file.

Names are loaded when they are first used (PEP 562). An exercise module in `exercises/` needs `Exercise`, `Wrong`,
`Quiz`, `Choice` and `same` (and `Essay`, `Predictions`, `Guess`); a lesson uses `check`, `hint`, `solution`, `quiz`,
`answer`, `guess` and `progress`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "Choice": "spec",
    "Essay": "asked",
    "Exercise": "spec",
    "Guess": "asked",
    "Predictions": "asked",
    "Quiz": "spec",
    "Wrong": "spec",
    "Outcome": "engine",
    "Sheet": "finding",
    "answer": "classroom",
    "check": "classroom",
    "evaluate_answer": "engine",
    "graded": "mode",
    "guess": "guesses",
    "hint": "classroom",
    "progress": "classroom",
    "quiz": "classroom",
    "run_cases": "engine",
    "run_quiz": "engine",
    "same": "compare",
    "sheet": "finding",
    "sheets": "finding",
    "solution": "classroom",
    "with_parameters": "seeded",
}

__all__ = [*_NAMES]

if TYPE_CHECKING:
    from medtutor.checks.asked import Essay, Guess, Predictions
    from medtutor.checks.classroom import answer, check, hint, progress, quiz, solution
    from medtutor.checks.compare import same
    from medtutor.checks.engine import Outcome, evaluate_answer, run_cases, run_quiz
    from medtutor.checks.finding import Sheet, sheet, sheets
    from medtutor.checks.guesses import guess
    from medtutor.checks.mode import graded
    from medtutor.checks.seeded import with_parameters
    from medtutor.checks.spec import Choice, Exercise, Quiz, Wrong


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'medtutor.checks' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"medtutor.checks.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
