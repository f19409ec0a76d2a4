"""What an exercise and a quiz are. The modules in `exercises/` are written in these words (lesson 0).

An exercise asks for one object: a function, a class, or a value with a given name. Its cases are plain functions that
take that object and hold ordinary asserts with a message each, so that a grader can run them against a stand-in of
the student's object in another process.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from medtutor.errors import LessonError

Case = Callable[[Any], None]


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
    """A question with one or more right choices. `id` is "<prefix>.<word>"; choices are lettered a, b, c, ..."""

    id: str
    question: str
    choices: tuple[Choice, ...]

    def __post_init__(self):
        object.__setattr__(self, "choices", tuple(self.choices))
        if len(self.choices) < 2 or not any(choice.right for choice in self.choices):
            raise LessonError(f"Quiz {self.id}: it needs two choices or more, one of them right.")
        for choice in self.choices:
            if not choice.feedback.strip():
                raise LessonError(f"Quiz {self.id}: the choice {choice.text!r} has no feedback; say why.")

    def lettered(self) -> dict[str, Choice]:
        """Letter to choice, from "a" on."""
        return {chr(ord("a") + i): choice for i, choice in enumerate(self.choices)}


@dataclass(frozen=True)
class Exercise:
    """One exercise: texts, code, cases and the wrong answers that its cases must tell apart.

    `name` is the object that the student defines; without it, the last name that `starter` defines. `prompt` and
    `hints` are Markdown. Cases are added with the decorators `visible` and `hidden`; the docstring of a hidden case
    is what a student is told when its own code raises there.
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

    def __post_init__(self):
        for part in ("prompt", "starter", "solution"):
            object.__setattr__(self, part, getattr(self, part).strip("\n") + "\n")
        if not self.name:
            object.__setattr__(self, "name", defined_names(self.starter, f"the starter of {self.id}")[-1])
        if self.points < 1:
            raise LessonError(f"Exercise {self.id}: points should be a whole number of at least 1, got {self.points}.")
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


def defined_names(code: str, what: str) -> list[str]:
    """The names that `code` defines at its top level, in order. Raises `LessonError` where there is none."""
    names: list[str] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    if not names:
        raise LessonError(f"The code of {what} defines no name; it should define a function, a class or a value.")
    return names
