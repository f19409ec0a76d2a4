"""Mark one submission: the tests run here, against stand-ins of what the student's process holds (`attempt.py`)."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medtutor.checks.spec import Case, Exercise
from medtutor.grading import manual, predictions, quizzes
from medtutor.grading.answers import find_answers
from medtutor.grading.asserts import attempt_asserts
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.attempt import DEFAULT, Attempt, Settings, failure_of, seed, with_names
from medtutor.grading.intake import MISSING
from medtutor.grading.pool import Worker
from medtutor.grading.reader import SubmissionError, read_notebook
from medtutor.grading.results import Graded, Outcome
from medtutor.grading.session import Session
from medtutor.grading.submission import Answer, Notebook, Submission

NOTHING = "No answer was found, or the cell is as it was handed out."


def grade(
    submission: Submission,
    assignment: Assignment,
    worker: Worker,
    settings: Settings = DEFAULT,
) -> Graded:
    """Mark every question of a submission. Never raises for anything that a student handed in."""
    notes = list(submission.notes)
    notebook: Notebook | None = None
    if submission.notebook is None:
        status = "missing" if MISSING in submission.notes else "unreadable"
    else:
        try:
            notebook = read_notebook(submission.notebook)
            notes += notebook.notes
            status = "graded"
        except SubmissionError as error:
            notes.append(str(error))
            status = "unreadable"
    outcomes, texts = [], {}
    answers: dict[str, list[Answer]] = {}
    if notebook is not None:
        answers = find_answers(notebook, [q for q in assignment.questions if q.kind in ("cases", "asserts")])
    for question in assignment.questions:
        if notebook is None and not (question.kind == "predictions" and submission.files):
            what = "unreadable" if status == "unreadable" else "not attempted"
            why = notes[-1] if status == "unreadable" else ""
            outcomes.append(Outcome(question.id, what, 0.0, question.points, why))
            continue
        if question.kind == "quiz":
            outcomes.append(quizzes.mark(question, notebook, assignment.credit))
        elif question.kind == "predictions":
            outcomes.append(predictions.mark(question, submission))
        elif question.kind == "manual":
            text = manual.text_of(question, notebook)
            if text is not None:
                texts[question.id] = text
            outcomes.append(manual.mark(question, notebook, {}))
        else:
            outcomes.append(_mark_code(question, answers.get(question.id, []), assignment, worker, settings))
    total = round(sum(outcome.points for outcome in outcomes), 4)
    if status == "graded" and any(outcome.status == "needs marking" for outcome in outcomes):
        status = "needs marking"
    return Graded(
        submission.student, tuple(outcomes), total, assignment.maximum, 0.0, status, tuple(notes), manual=texts
    )


def _mark_code(
    question: Question, answers: Sequence[Answer], assignment: Assignment, worker: Worker, settings: Settings
) -> Outcome:
    """The best that a candidate earns: a copied or half-deleted cell costs nothing that another one has earned."""
    if not answers:
        return Outcome(question.id, "not attempted", 0.0, question.points, NOTHING)
    best, notes = Attempt(-1, "wrong"), ()
    attempt = _attempt_cases if question.kind == "cases" else attempt_asserts
    for answer in answers:
        found = attempt(question, answer.code, assignment.credit, worker, settings)
        if found.share > best.share:
            best, notes = found, answer.notes
        if best.share == 1:
            break
    points = round(best.share * question.points, 4)
    return Outcome(question.id, best.status, points, question.points, best.reason, tuple(notes))


def _attempt_cases(question: Question, code: str, credit: str, worker: Worker, settings: Settings) -> Attempt:
    exercise: Exercise = question.tests
    cases = [(case, False) for case in exercise.visible_cases] + [(case, True) for case in exercise.hidden_cases]
    passed, first, done = 0, None, 0
    while done < len(cases):
        ran, failure, one_passed = _run_cases(exercise, code, cases[done:], credit, worker, settings)
        passed += one_passed
        done += ran
        first = first or failure
        if failure is not None and (credit == "all" or failure.status == "time"):
            break
    if first is None:
        return Attempt(1.0, "correct")
    share = passed / len(cases) if credit == "cases" else 0.0
    return replace(first, share=share, status="partial" if share and first.status == "wrong" else first.status)


def _run_cases(
    exercise: Exercise, code: str, cases: list[tuple[Case, bool]], credit: str, worker: Worker, settings: Settings
) -> tuple[int, Attempt | None, int]:
    """Run cases in one process: how many ran, the first failure, how many passed. A process that ends stops it."""
    first, passed = None, 0

    def act(session: Session, found: dict[str, Any]) -> None:
        nonlocal first, passed, ran
        value = found[exercise.name]
        for case, hidden in cases:
            ran += 1
            failure = _case_failure(case, value, hidden, session)
            if failure is None:
                passed += 1
            elif first is None:
                first = failure
                if credit == "all":
                    return

    ran = 0
    over = with_names(code, (exercise.name,), worker, settings, act)
    if over is not None:
        return (ran or len(cases)), first or over, passed
    return ran, first, passed


def _case_failure(case: Case, value: Any, hidden: bool, session: Session) -> Attempt | None:
    seed()
    about = " ".join((case.__doc__ or case.__name__.replace("_", " ")).split())
    try:
        case(value)
    except Exception as error:
        return failure_of(error, session, _source(case), about if hidden else "")
    return None


def _source(case: Case) -> str:
    """The text of the module that a case stands in: the author's own words."""
    return "".join(linecache.getlines(inspect.unwrap(case).__code__.co_filename))
