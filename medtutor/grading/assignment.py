"""What is graded: an assignment is a list of questions with points (read from a bundle or an nbgrader source)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from medtutor.errors import LessonError

Kind = Literal["cases", "asserts", "quiz", "manual", "predictions"]
CREDITS = ("all", "cases")


@dataclass(frozen=True)
class Policy:
    """When an assignment is due and what lateness costs.

    `due` is an ISO 8601 time with its offset, or "" for none; `grace_minutes` are free; then each begun day costs
    `percent_per_day` of the points that were earned, and after `last_day` days (0: never) nothing is given.
    """

    due: str = ""
    grace_minutes: int = 0
    percent_per_day: float = 0.0
    last_day: int = 0


@dataclass(frozen=True)
class Question:
    """One thing with marks.

    `kind`: "cases" (an exercise of medtutor), "asserts" (an autograded cell of an nbgrader notebook), "quiz", "manual"
    (a person reads it), "predictions" (a file, scored against labels that the student does not have).

    `names` are what the answer has to define; `markers` the ids in its marker comments (`# medtutor: <id>`);
    `grade_ids` and `cell_ids` those of the cells where it was asked for. `starters` are the texts that such a cell
    had when it was handed out (an answer equal to one is not attempted). `tests` belongs to the kind: see `bundle.py`.
    """

    id: str
    kind: Kind
    points: float
    names: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    grade_ids: tuple[str, ...] = ()
    cell_ids: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()
    tests: Any = None

    def __post_init__(self):
        if not self.points >= 0:
            raise LessonError(f"Question {self.id}: points should be a number of at least 0, got {self.points}.")


@dataclass(frozen=True)
class Assignment:
    """Questions in the order of the notebook, with what decides marks. `digest` changes when any of it does.

    `credit` "all" gives the points of an exercise where every case passes, "cases" a share for each case that does.
    `course` and `variants` are used where an exercise draws its parameters from a secret (`variants.py`).
    """

    name: str
    questions: tuple[Question, ...]
    digest: str
    policy: Policy = field(default_factory=Policy)
    credit: str = "all"
    course: str = ""
    variants: str = "none"  # "none", "course" or "student"

    @property
    def maximum(self) -> float:
        """Points in all."""
        return sum(question.points for question in self.questions)
