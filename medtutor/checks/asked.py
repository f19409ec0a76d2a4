"""What a lesson asks besides code and quizzes: a text that a person reads, a file of predictions, a locked guess."""

from __future__ import annotations

import math
from dataclasses import dataclass

from medtutor.checks.spec import whole_points
from medtutor.errors import LessonError

# Names in medtutor.evaluate; the higher, the better.
SCORES = ("auc", "accuracy", "sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True)
class Essay:
    """A question that is answered in words, about `words` (fewest, most) of them, and read by a person.

    `rubric` is for that person, and for a self-learner afterwards: what a good answer says.
    """

    id: str
    points: int
    prompt: str
    rubric: str
    words: tuple[int, int] = (20, 200)

    def __post_init__(self):
        whole_points(f"Essay {self.id}", self.points, 1)
        _said(f"Essay {self.id}", prompt=self.prompt, rubric=self.rubric)
        if not 0 < self.words[0] <= self.words[1]:
            raise LessonError(f"Essay {self.id}: words should be (fewest, most), got {self.words}.")

    @property
    def starter(self) -> str:
        """What stands where the answer goes until a student replaces it."""
        return f"*Write your answer here, in place of this line ({self.words[0]} to {self.words[1]} words).*"


@dataclass(frozen=True)
class Predictions:
    """A CSV file of predictions beside the notebook, scored against labels that the student does not have.

    `file` is its name; `columns` its header: the id of the image, then one column of scores (or one a class).
    `score` is a metric of `medtutor.evaluate`, out of `SCORES`. `bands` are pairs (at least, share of the points):
    `((0.8, 0.5), (0.9, 1))` gives half of the points from 0.8 on. Predictions lie between `low` and `high`. `hide`
    keeps the score itself out of the feedback.
    """

    id: str
    points: int
    prompt: str
    file: str
    columns: tuple[str, ...]
    score: str
    bands: tuple[tuple[float, float], ...]
    low: float = 0.0
    high: float = 1.0
    hide: bool = False

    def __post_init__(self):
        what = f"Predictions {self.id}"
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "bands", tuple(sorted(map(tuple, self.bands))))
        whole_points(what, self.points, 1)
        _said(what, prompt=self.prompt)
        if not self.file.lower().endswith(".csv") or any(sign in self.file for sign in "/\\"):
            raise LessonError(f"{what}: file should be the name of a .csv file without a folder, got {self.file!r}.")
        if len(self.columns) < 2 or len(set(self.columns)) < len(self.columns):
            raise LessonError(f"{what}: columns should be the id and one or more scores, got {self.columns}.")
        if self.score not in SCORES:
            raise LessonError(f"{what}: score should be one of {', '.join(SCORES)}, got {self.score!r}.")
        if not self.bands or not all(0 < share <= 1 for _, share in self.bands):
            raise LessonError(f"{what}: bands should be pairs (at least, share of the points), got {self.bands}.")
        if not self.low < self.high:
            raise LessonError(f"{what}: low should be below high, got {self.low} and {self.high}.")

    def share(self, value: float) -> float:
        """The share of the points that a score gets."""
        return max((share for least, share in self.bands if value >= least), default=0.0)


@dataclass(frozen=True)
class Guess:
    """A number that is written down before a run, and then locked (`guesses.py`). Marked for being made, never for
    being right.

    `name` is the variable that holds it in the notebook; `unit` says what it is a number of; `low` and `high` bound it.
    """

    id: str
    points: int
    prompt: str
    name: str
    unit: str
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self):
        whole_points(f"Guess {self.id}", self.points, 1)
        _said(f"Guess {self.id}", prompt=self.prompt, unit=self.unit)
        if not self.name.isidentifier() or not self.low < self.high:
            raise LessonError(
                f"Guess {self.id}: name should be the name of a variable, and low below high, got "
                f"{self.name!r}, {self.low} and {self.high}."
            )

    def fits(self, value: object) -> bool:
        """Whether `value` is a number, and within the bounds."""
        return type(value) in (int, float) and self.low <= value <= self.high  # nan is not

    @property
    def bounds(self) -> str:
        """The bounds in words, such as "between 0.5 and 1"."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"between {self.low:g} and {self.high:g}"
        if math.isfinite(self.low):
            return f"of at least {self.low:g}"
        return f"of at most {self.high:g}" if math.isfinite(self.high) else "that is finite"


def _said(what: str, **texts: str) -> None:
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise LessonError(f"{what}: its {name} is empty.")
