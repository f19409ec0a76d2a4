"""Run the cases of an exercise against an answer: correct, not yet (and why), or not attempted."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from medtutor.checks.spec import Case, Exercise

CORRECT, NOT_YET, NOT_ATTEMPTED = "correct", "not yet", "not attempted"


@dataclass(frozen=True)
class Outcome:
    """`state` is "correct", "not yet" or "not attempted"; `message` says why; `case` the case that said so."""

    state: str
    message: str = ""
    case: str = ""


def evaluate_answer(exercise: Exercise, namespace: Mapping[str, Any], hidden: bool = True) -> Outcome:
    """The outcome for the object named `exercise.name` in `namespace`: visible cases, then (if `hidden`) hidden ones.

    What the answer prints is swallowed. A case that fails ends the run: its message is the one to work on.
    """
    if exercise.name not in namespace:
        return Outcome(NOT_ATTEMPTED, f"`{exercise.name}` is not defined yet; run the cell with your answer first.")
    answer = namespace[exercise.name]
    if is_starter(exercise, answer):
        return Outcome(NOT_ATTEMPTED)
    for cases, unseen in ((exercise.visible_cases, False), (exercise.hidden_cases if hidden else [], True)):
        for case in cases:
            message = _failure(case, answer, unseen)
            if message is not None:
                return Outcome(NOT_YET, message, case.__name__)
    return Outcome(CORRECT)


def run_cases(id: str, answer: Any, hidden: bool = False, parameters: Mapping[str, Any] | None = None) -> None:
    """Run the visible (or hidden) cases of exercise `id` on `answer`; the first that fails raises `AssertionError`.

    For graders that run the tests in the notebook itself, such as nbgrader. `parameters`: values of a seeded exercise.
    """
    from medtutor.checks.finding import find
    from medtutor.checks.seeded import with_parameters

    exercise = find("exercise", id)
    if parameters:
        exercise = with_parameters(exercise, parameters)
    for case in exercise.hidden_cases if hidden else exercise.visible_cases:
        message = _failure(case, answer, hidden)
        if message is not None:
            raise AssertionError(message)


def is_starter(exercise: Exercise, answer: Any) -> bool:
    """Whether `answer` is still what the starter defines. By code (functions, classes) or as written."""
    namespace: dict[str, Any] = {}
    try:
        exec(compile(exercise.starter, "<starter>", "exec"), namespace)  # ours, from exercises/
    except Exception:  # a starter may use what earlier cells of the lesson define
        return False
    starter = namespace.get(exercise.name)
    if isinstance(starter, FunctionType) and isinstance(answer, FunctionType):
        return _fingerprint(starter.__code__) == _fingerprint(answer.__code__)
    if isinstance(starter, type) and isinstance(answer, type):
        mine, theirs = (
            {key: _fingerprint(value.__code__) for key, value in vars(kind).items() if isinstance(value, FunctionType)}
            for kind in (starter, answer)
        )
        return mine == theirs
    return type(starter) is type(answer) and repr(starter) == repr(answer)


def _fingerprint(code: CodeType) -> tuple:
    inner = tuple(_fingerprint(const) if isinstance(const, CodeType) else repr(const) for const in code.co_consts)
    return code.co_code, inner, code.co_names, code.co_varnames


def _failure(case: Case, answer: Any, hidden: bool) -> str | None:
    """None where the case passes, else the sentence for the student."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            case(answer)
    except AssertionError as error:
        return str(error) or case.__doc__ or f"The case {case.__name__!r} fails."
    except Exception as error:
        if isinstance(error, NotImplementedError) and not error.args:  # torch raises them too, with words
            return "It says that it is not implemented; replace the last line of the starter."
        where = f" Hidden case: {' '.join((case.__doc__ or case.__name__).split())}" if hidden else ""
        return f"Your code raises {type(error).__name__}: {error}.{where}"
    return None


def run_quiz(id: str, letters: Any) -> None:
    """Raise `AssertionError` with the feedback of what was chosen unless it is right. For graders as `run_cases`."""
    from medtutor.checks.finding import find

    question = find("quiz", id)
    chosen = {letter for letter in str(letters).lower() if letter.isalnum()}
    choices = question.lettered()
    if not chosen or not chosen <= set(choices):
        raise AssertionError(f"Choose out of {', '.join(choices)}.")
    if chosen != question.right():
        raise AssertionError(question.feedback(chosen))
