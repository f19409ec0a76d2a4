"""What an exercise and a quiz are. The modules in `exercises/` are written in these words (lesson 0).

An exercise asks for one object: a function, a class, or a value with a given name. Its cases are plain functions that
take that object and hold ordinary asserts with a message each, so that a grader can run them against a stand-in of
the student's object in another process. What is asked besides code (`Essay`, `Predictions`, `Guess`) is in `asked.py`.

An exercise may be *seeded*: a function decorated with `@exercise.parameters` draws plain values, and `<<name>>` in its
texts and code stands for one of them (`seeded.py` fills it in).
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from medtutor.errors import LessonError

Case = Callable[..., None]
# Neither Python as ruff writes it (`a << b >> c`), nor LaTeX in Markdown, nor the braces of format strings and dicts.
PLACEHOLDER = re.compile(r"<<([A-Za-z_]\w*)>>")
Draw = Callable[[random.Random], Mapping[str, Any]]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that must fail, with (a part of) the message that it must get: the test of the tests."""

    code: str
    message: str


@dataclass(frozen=True)
class Choice:
    """One choice of a quiz question, and what is said to someone who picks it."""

    text: str
    feedback: str
    right: bool = False


@dataclass(frozen=True)
class Quiz:
    """A question with one or more right choices. `id` is "<prefix>.<word>"; choices are lettered a, b, c, ...

    `points` count where a class is graded; 0 is for practice only.
    """

    id: str
    question: str
    choices: tuple[Choice, ...]
    points: int = 1

    def __post_init__(self):
        object.__setattr__(self, "choices", tuple(self.choices))
        whole_points(f"Quiz {self.id}", self.points, 0)
        if len(self.choices) < 2 or not any(choice.right for choice in self.choices):
            raise LessonError(f"Quiz {self.id}: it needs two choices or more, one of them right.")
        for choice in self.choices:
            if not choice.feedback.strip():
                raise LessonError(f"Quiz {self.id}: the choice {choice.text!r} has no feedback; say why.")

    def lettered(self) -> dict[str, Choice]:
        """Letter to choice, from "a" on."""
        return {chr(ord("a") + i): choice for i, choice in enumerate(self.choices)}

    def right(self) -> set[str]:
        """The letters of the right choices."""
        return {letter for letter, choice in self.lettered().items() if choice.right}

    def feedback(self, chosen: Collection[str]) -> str:
        """What is said to someone who picked these letters, all of which are choices."""
        choices = self.lettered()
        said = [f"({letter}) {choices[letter].feedback}" for letter in sorted(set(chosen))]
        if set(chosen) < self.right():
            said.append("That is not all of it: more than one choice is right.")
        return " ".join(said)


@dataclass(frozen=True)
class Exercise:
    """One exercise: texts, code, cases and the wrong answers that its cases must tell apart.

    `name` is the object that the student defines; without it, the last name that `starter` defines. `prompt` and
    `hints` are Markdown. Cases are added with the decorators `visible` and `hidden`; the docstring of a hidden case
    is what a student is told when its own code raises there.

    Seeded: `draw` is set by the decorator `parameters`. Then texts and code (those of the wrong answers too) may hold
    placeholders, and a case may take a second argument, a `seeded.Variant`. What is in a `Sheet` is filled already,
    with public values; `template` is what it was filled from, and `values` are those values.
    """

    id: str
    points: int
    prompt: str
    starter: str
    solution: str
    hints: tuple[str, str]
    wrong: dict[str, Wrong]
    name: str = ""
    visible_cases: list[Case] = field(default_factory=list)
    hidden_cases: list[Case] = field(default_factory=list)
    draw: Draw | None = None
    template: Exercise | None = field(default=None, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for part in ("prompt", "starter", "solution"):
            object.__setattr__(self, part, getattr(self, part).strip("\n") + "\n")
        if not self.name:
            object.__setattr__(self, "name", defined_names(self.starter, f"the starter of {self.id}")[-1])
        whole_points(f"Exercise {self.id}", self.points, 1)
        if len(self.hints) != 2:
            raise LessonError(f"Exercise {self.id}: two hints are needed, got {len(self.hints)}.")
        if len(self.wrong) < 3:
            raise LessonError(f"Exercise {self.id}: three named wrong answers are needed, got {len(self.wrong)}.")
        if self.name not in defined_names(self.solution, f"the solution of {self.id}"):
            raise LessonError(f"Exercise {self.id}: its solution does not define {self.name}.")

    def visible(self, case: Case) -> Case:
        """Add a case that students see."""
        self.visible_cases.append(case)
        return case

    def hidden(self, case: Case) -> Case:
        """Add a case of which students see the message only."""
        self.hidden_cases.append(case)
        return case

    def parameters(self, draw: Draw) -> Draw:
        """Make the exercise a seeded one: `draw(rng)` returns a dict of plain values, the same for the same `rng`.

        It takes all chance from `rng`. Values that stand in no text are known to the cases alone (hidden inputs).
        """
        object.__setattr__(self, "draw", draw)
        return draw


def defined_names(code: str, what: str) -> list[str]:
    """The names that `code` defines at its top level, in order. Raises `LessonError` where there is none."""
    names: list[str] = []
    for node in ast.parse(PLACEHOLDER.sub("0", code)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    if not names:
        raise LessonError(f"The code of {what} defines no name; it should define a function, a class or a value.")
    return names


def whole_points(what: str, points: Any, least: int) -> None:
    """Raises `LessonError` where `points` is no whole number of at least `least`."""
    if type(points) is not int or points < least:
        raise LessonError(f"{what}: points should be a whole number of at least {least}, got {points!r}.")
