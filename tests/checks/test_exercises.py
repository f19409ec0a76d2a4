"""Every exercise: its solution passes, its starter is no answer, its wrong answers fail as they should."""

import pytest

from medtutor.checks import engine, evaluate_answer, sheets

ALL = [exercise for sheet in sheets() for exercise in sheet.exercises.values()]


def outcome(exercise, code):
    namespace = {}
    exec(code, namespace)
    return evaluate_answer(exercise, namespace)


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)
def test_the_solution_gets_full_marks(exercise):
    assert outcome(exercise, exercise.solution) == engine.Outcome(engine.CORRECT)


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)
def test_the_starter_counts_as_not_attempted(exercise):
    assert outcome(exercise, exercise.starter).state == engine.NOT_ATTEMPTED


WRONG = [(exercise, name) for exercise in ALL for name in exercise.wrong]


@pytest.mark.parametrize("exercise, name", WRONG, ids=lambda v: getattr(v, "id", v))
def test_each_wrong_answer_fails_with_its_message(exercise, name):
    wrong = exercise.wrong[name]
    result = outcome(exercise, wrong.code)
    assert result.state == engine.NOT_YET, f"{exercise.id}: the wrong answer {name!r} is not caught"
    assert wrong.message in result.message


def test_the_kill_rate_is_all_of_them(capsys):
    caught = [outcome(exercise, exercise.wrong[name].code).state == engine.NOT_YET for exercise, name in WRONG]
    with capsys.disabled():
        print(f"\nexercises: {len(ALL)}, wrong answers caught: {sum(caught)} of {len(caught)}")
    assert all(caught) and len(caught) >= 3 * len(ALL)
