"""Marks for quizzes and locked guesses, from what stands in the notebook's source. No student code runs."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from medtutor.checks import Guess, Quiz
from medtutor.grading.assignment import Question
from medtutor.grading.literals import UNREAD, assigned, calls, handed_out, has_marker, literal
from medtutor.grading.results import Outcome
from medtutor.grading.submission import Notebook

COMPUTED = 'The answer has to be written out in letters, such as "a"; what code computes is not read.'
_AND = re.compile(r"\b(and|or)\b")


def answer_of(question: Question, notebook: Notebook) -> str | None:
    """The letters that answer a quiz, sorted and each once ("ac"), whatever was written; None where nothing was.

    Looked at: cells with its marker and calls `answer("<id>", "ac")` (the last one counts), then cells that nbgrader's
    metadata or the cell's id gives away, then assignments to its name anywhere. Signs that are no choice stay in.
    """
    return _answer(question, notebook)[0]


def mark(question: Question, notebook: Notebook, credit: str = "all") -> Outcome:
    """Marks for a quiz (`question.tests` a `Quiz`) or for having made a guess (a `Guess`).

    A quiz gets its points for exactly the right choices. With `credit="cases"` one with several right choices gives a
    share: right ones minus wrong ones, over the number of right ones. The reason is the author's feedback.
    """
    if isinstance(question.tests, Guess):
        return _guess(question, notebook)
    letters, computed = _answer(question, notebook)
    if letters is None:
        return _outcome(question, "not attempted", 0, COMPUTED if computed else "No choice was made.")
    quiz: Quiz = question.tests
    choices, right = quiz.lettered(), quiz.right()
    if not set(letters) <= set(choices):
        return _outcome(question, "wrong", 0, f"The choices are {', '.join(choices)}; something else was written.")
    reason = quiz.feedback(letters)
    if set(letters) == right:
        return _outcome(question, "correct", 1, reason)
    share = 0.0
    if credit == "cases" and len(right) > 1:
        share = max(0, len(right & set(letters)) - len(set(letters) - right)) / len(right)
    return _outcome(question, "partial" if share else "wrong", share, reason)


def _outcome(question: Question, status: str, share: float, reason: str) -> Outcome:
    return Outcome(question.id, status, share * question.points, question.points, reason)


def _ids(question: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys((question.id, question.tests.id, *question.markers)))


def _answer(question: Question, notebook: Notebook) -> tuple[str | None, bool]:
    """The letters, and whether something was written that is no literal."""
    ids, names = _ids(question), _names(question)
    computed = False
    written = [(cell.index, 1, argument) for cell, argument in calls(notebook, "answer", ids)]
    marked = [cell for cell in notebook.cells if has_marker(cell, ids)]
    by_place = [(index, order, literal(argument)) for index, order, argument in written]
    by_place += [(cell.index, 0, value) for cell in marked for value in _in_cell(cell.source, names)]
    others = [cell for cell in notebook.cells if handed_out(cell, question.grade_ids, question.cell_ids)]
    groups = [
        [value for *_, value in sorted(by_place, key=lambda one: one[:2])],
        [value for cell in others for value in _in_cell(cell.source, names)],
        [value for cell in notebook.cells if cell.kind == "code" and any(name in cell.source for name in names)
         for name, value in assigned(cell.source) if name in names],
    ]  # fmt: skip
    for values in groups:
        letters = [text for value in values if (text := _letters(value))]
        if letters:
            return letters[-1], False
        computed = computed or any(value is UNREAD for value in values)
    return None, computed


def _names(question: Question) -> tuple[str, ...]:
    return question.names or (f"choice_{question.tests.id.partition('.')[2]}",)


def _in_cell(source: str, names: tuple[str, ...]) -> list[Any]:
    """The values in the cell where the answer belongs: of its name, else of any."""
    found = assigned(source)
    known = {name: value for name, value in found if value is not UNREAD}
    found += [(name, known.get(letter, letter)) for name, letter in _bare(source)]
    named = [value for name, value in found if name in names]
    return named or [value for _, value in found]


def _bare(source: str) -> list[tuple[str, Any]]:
    """`choice = b`, the letter without quotes: it would not run, but says what is meant."""
    return re.findall(r"^[ \t]*(\w+)[ \t]*=[ \t]*([A-Za-z])[ \t]*(?:#.*)?\r?$", source[:10_000], re.MULTILINE)


def _letters(value: Any) -> str:
    """What was written as sorted letters; "" where it says nothing (empty, None, not read)."""
    if value is UNREAD or value is None:
        return ""
    parts = value if isinstance(value, list) else [value]
    text = " ".join(part[:200] if isinstance(part, str) else "?" for part in parts[:50])
    text = _AND.sub(" ", text.lower())
    return "".join(sorted({sign for sign in text if sign.isalnum() or sign == "?"}))[:40]


def _guess(question: Question, notebook: Notebook) -> Outcome:
    """Points for a number within the bounds that stands in the source; whether it came true does not matter."""
    asked: Guess = question.tests
    ids, names, values = _ids(question), {asked.name, *question.names}, []
    for cell, argument in calls(notebook, "guess", ids):
        if isinstance(argument, ast.Name):
            values += [value for name, value in assigned(cell.source) if name == argument.id]
            names.add(argument.id)
        else:
            values.append(literal(argument))
    if not any(type(value) in (int, float) for value in values):
        values = [
            value for cell in notebook.cells if cell.kind == "code" and any(name in cell.source for name in names)
            for name, value in assigned(cell.source) if name in names
        ]  # fmt: skip
    numbers = [value for value in values if type(value) in (int, float) and abs(value) < math.inf]
    if any(asked.fits(number) for number in numbers):
        return _outcome(question, "correct", 1, "You wrote a number down; whether it came true does not count.")
    if numbers:
        return _outcome(question, "wrong", 0, f"The guess should be a number {asked.bounds}: {asked.unit}.")
    return _outcome(question, "not attempted", 0, "No number was written down.")
