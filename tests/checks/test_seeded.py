"""Seeded exercises: filled from drawn values, right for every draw, and the same for everybody in public."""

import random

import pytest

from medtutor.checks import Exercise, Wrong, engine, evaluate_answer, same, sheets, with_parameters
from medtutor.checks.finding import load_sheet
from medtutor.checks.seeded import as_asked, drawn, public_values, shown_values
from medtutor.errors import LessonError

SEEDED = [exercise for sheet in sheets() for exercise in sheet.exercises.values() if exercise.draw]


def outcome(exercise, code):
    namespace = {}
    exec(code, namespace)
    return evaluate_answer(exercise, namespace)


def draws(exercise, count):
    return [with_parameters(exercise, drawn(exercise, random.Random(seed))) for seed in range(count)]


def test_lesson_3_has_seeded_exercises():
    assert sum(exercise.id.startswith("cnn.") for exercise in SEEDED) >= 2


@pytest.mark.parametrize("exercise", SEEDED, ids=lambda e: e.id)
def test_the_solution_passes_for_twenty_draws(exercise):
    for filled in draws(exercise, 20):
        assert outcome(filled, filled.solution) == engine.Outcome(engine.CORRECT), filled.values
        assert outcome(filled, filled.starter).state == engine.NOT_ATTEMPTED


@pytest.mark.parametrize("exercise", SEEDED, ids=lambda e: e.id)
def test_every_wrong_answer_fails_with_its_message_for_ten_draws(exercise):
    for filled in draws(exercise, 10):
        for name, wrong in filled.wrong.items():
            result = outcome(filled, wrong.code)
            assert result.state == engine.NOT_YET and wrong.message in result.message, (name, filled.values, result)


@pytest.mark.parametrize("id", ["cnn.conv2d", "cnn.receptive_field"])
def test_the_public_solution_fails_where_what_is_asked_was_drawn_otherwise(id):
    (exercise,) = (one for one in SEEDED if one.id == id)
    shown = shown_values(exercise)
    others = [filled for filled in draws(exercise, 12) if shown_values(filled) != shown]
    assert len(others) >= 6
    assert all(outcome(filled, exercise.solution).state == engine.NOT_YET for filled in others)


def template(**change):
    parts = dict(
        id="x.a",
        points=1,
        prompt="Times <<n>>: $\\frac{{a}}{b}$, {x!r}.",
        starter="def f(x):\n    return None  # <<n>>",
        solution="def f(x):\n    return x * <<n>>",
        hints=("It is <<n>>.", "2"),
        wrong={name: Wrong("def f(x):\n    return x + <<n>>", "times <<n>>") for name in "abc"},
    )
    exercise = Exercise(**(parts | change))

    @exercise.parameters
    def draw(rng):
        return {"n": rng.randint(3, 9), "at": [rng.randint(10, 99)]}

    @exercise.visible
    def plain(f):
        same(f(0), 0, "zero")

    @exercise.hidden
    def elsewhere(f, variant):
        """At a drawn place."""
        same(f(variant.at[0]), variant.reference(variant.at[0]), f"It should be times {variant.n}.")
        variant.at.clear()  # a case may spoil its own copy only

    return exercise


def test_every_text_is_filled_and_braces_stay():
    filled = with_parameters(template(), {"n": 7, "at": [11]})
    assert filled.prompt == "Times 7: $\\frac{{a}}{b}$, {x!r}.\n"
    assert (filled.solution, filled.hints[0]) == ("def f(x):\n    return x * 7\n", "It is 7.")
    assert filled.wrong["a"] == Wrong("def f(x):\n    return x + 7", "times 7")
    assert filled.name == "f" and "# 7" in filled.starter
    assert shown_values(filled) == {"n": 7}


def test_a_case_gets_the_variant_with_its_reference_and_keeps_its_docstring():
    filled = with_parameters(template(), {"n": 7, "at": [11]})
    assert filled.hidden_cases[0].__doc__ == "At a drawn place."
    for _ in range(2):  # the second time too: the first spoilt nothing
        assert evaluate_answer(filled, {"f": lambda x: 7 * x}) == engine.Outcome(engine.CORRECT)
    assert evaluate_answer(filled, {"f": lambda x: 8 * x}).message == "It should be times 7."


def test_an_exercise_that_was_filled_is_filled_again_from_its_template():
    one = with_parameters(template(), {"n": 7})
    assert with_parameters(one, {"n": 4}).solution == "def f(x):\n    return x * 4\n"
    assert with_parameters(one, {}).values == public_values(template())


def test_the_public_values_are_the_same_for_everybody():
    assert as_asked(template()).values == as_asked(template()).values == public_values(template())


@pytest.mark.parametrize(
    "value", [{"n": object()}, {"reference": 1}, {"_n": 1}, {"a b": 1}, [1], {"n": [object()]}, {"n": {"a": {1}}}]
)
def test_only_plain_values_with_a_name_are_drawn(value):
    exercise = template()
    exercise.parameters(lambda rng: value)
    with pytest.raises(LessonError, match="numbers, texts"):
        drawn(exercise, random.Random(0))


def test_a_placeholder_without_a_value_is_refused_when_the_sheet_loads(tmp_path):
    with pytest.raises(LessonError, match="<<m>>"):
        as_asked(template(solution="def f(x):\n    return x * <<m>>"))
    (tmp_path / "01_a.py").write_text(
        "from medtutor.checks import Exercise, Wrong\nprefix = 'x'\n"
        "a = Exercise(id='x.a', points=1, prompt='<<n>>', starter='a = None', solution='a = 1', hints=('1', '2'),\n"
        "             wrong={name: Wrong('a = 2', 'm') for name in 'abc'})\n"
        "a.visible(lambda a: None)\na.hidden(lambda a: None)\n"
    )
    with pytest.raises(LessonError, match="does not draw"):
        load_sheet(tmp_path / "01_a.py")


def test_a_case_that_asks_for_what_is_not_drawn_is_told_what_is():
    exercise = template()
    exercise.hidden(lambda f, variant: variant.size)
    with pytest.raises(AttributeError, match="draws no 'size'; it draws n, at"):
        with_parameters(exercise, {}).hidden_cases[-1](None)
