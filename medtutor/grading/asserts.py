"""Run the test cells of an nbgrader notebook on an answer."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from medtutor.grading.assignment import Question
from medtutor.grading.attempt import Attempt, Settings, failure_of, with_names
from medtutor.grading.pool import Worker
from medtutor.grading.session import Session


class Names(dict):
    """The names of a test cell. What it binds anew or deletes of the student's, it does in the student's process too:
    so a test can put a function of its own in the place of a helper."""

    def __init__(self, session: Session, found: dict[str, Any]):
        super().__init__(found, __name__="tests")
        self._session, self._theirs = session, set(found)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if name in self._theirs:
            self._session.bind(name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        if name in self._theirs:
            self._session.unbind(name)


def attempt_asserts(question: Question, code: str, credit: str, worker: Worker, settings: Settings) -> Attempt:
    """Mark an answer by an autograded cell. The last value of the cell may be a number of points (partial credit).

    Where the answer fails, it is tried once more with what the instructor's own cells gave it: the student's notebook
    may have lost them.
    """
    first = _attempt(question, code, worker, settings)
    if first.share == 1 or first.status == "time" or not question.tests.given.strip():
        return first
    second = _attempt(question, f"{question.tests.given}\n{code}", worker, settings)
    return second if second.share > first.share else first


def _attempt(question: Question, code: str, worker: Worker, settings: Settings) -> Attempt:
    tests = question.tests
    outcome: list[Attempt] = []

    def act(session: Session, found: dict[str, Any]) -> None:
        namespace = Names(session, found)
        value = None
        for part, hidden in ((tests.setup, True), (tests.visible, False), (tests.hidden, True)):
            if not part.strip():
                continue
            value, failure = _run_part(part, namespace, session, hidden)
            if failure is not None:
                outcome.append(failure)
                return
        outcome.append(_points(value, question.points))

    over = with_names(code, question.names, worker, settings, act)
    return over or outcome[0]


def _points(value: Any, maximum: float) -> Attempt:
    if type(value) in (int, float) and 0 <= value < maximum:
        return Attempt(value / maximum, "partial" if value else "wrong", "The tests give a part of the points.")
    return Attempt(1.0, "correct")


def _run_part(source: str, namespace: dict, session: Session, hidden: bool) -> tuple[Any, Attempt | None]:
    """Run a part of a test cell; the value of its last expression, and the failure if there is one."""
    tree = ast.parse(source)
    value = None
    for i, node in enumerate(tree.body):
        last = i == len(tree.body) - 1 and isinstance(node, ast.Expr)
        try:
            if last:
                value = eval(compile(ast.Expression(node.value), "<tests>", "eval"), namespace)
            else:
                exec(compile(ast.Module([node], []), "<tests>", "exec"), namespace)
        except Exception as error:
            about = "" if hidden else f"The test: {ast.unparse(node)[:200]}"
            failure = failure_of(error, session, source, "")
            if failure.reason == "A test fails.":
                failure = replace(failure, reason="A hidden test fails." if hidden else about)
            return None, failure
    return value, None
