"""medtutor: learn deep learning for medical images in notebooks. Not for clinical use.

Names are loaded when they are first used (PEP 562), so that `import medtutor` is quick. Import medtutor before
torch: it sets the number of threads from the container's quota.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from medtutor import threads as _threads

__version__ = "0.1.0"

_threads.prepare()

_NAMES = {
    "load": "medtutor.data",
    "cards": "medtutor.data",
    "card": "medtutor.data",
    "fit": "medtutor.training",
    "predict": "medtutor.training",
    "start": "medtutor.course",
    "record": "medtutor.course",
    "check": "medtutor.checks",
    "hint": "medtutor.checks",
    "solution": "medtutor.checks",
    "quiz": "medtutor.checks",
    "answer": "medtutor.checks",
    "guess": "medtutor.checks",
    "progress": "medtutor.checks",
}
_ROOMS = (
    *("bench", "checks", "course", "data", "errors", "evaluate", "figures", "grading", "nets", "training", "widgets"),
)

__all__ = [*_NAMES, *_ROOMS, "__version__"]

if TYPE_CHECKING:
    from medtutor import bench, checks, course, data, errors, evaluate, figures, grading, nets, training, widgets
    from medtutor.checks import answer, check, guess, hint, progress, quiz, solution
    from medtutor.course import record, start
    from medtutor.data import card, cards, load
    from medtutor.training import fit, predict


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"medtutor.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'medtutor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
