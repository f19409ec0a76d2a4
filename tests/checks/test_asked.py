"""Essays, predictions, guesses and graded mode: what a lesson asks besides code and quizzes."""

import json
import math

import numpy as np
import pytest

from medtutor.checks import Essay, Guess, Predictions, answer, check, graded, guess, hint, mode, quiz, solution, store
from medtutor.checks.engine import run_cases, run_quiz
from medtutor.checks.finding import find, load_sheet
from medtutor.errors import DataError, LessonError, MedtutorError, StorageError, UnknownNameError

ID = "cnn.net_auc"


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("MEDTUTOR_GRADED", raising=False)
    monkeypatch.setattr(mode, "_values", {})


def test_the_first_guess_is_locked_with_its_time_and_says_what_the_lock_is_worth():
    said = guess(ID, 0.93)
    assert said.state == "locked" and "0.93 is locked" in said.head
    assert "proves nothing to others" in said.body
    kept = store.read()["guesses"][ID]
    assert kept["value"] == 0.93 and kept["time"].endswith("+00:00")


def test_a_second_guess_is_refused_with_a_sentence_and_the_same_one_is_not():
    guess(ID, 0.93)
    said = guess(ID, 0.99)
    assert said.head == f"{ID}: it stays 0.93." and "0.99 is not taken" in said.body
    assert guess(ID, 0.93).head.startswith(f"{ID}: 0.93, locked at ")
    assert store.read()["guesses"][ID]["value"] == 0.93


def test_no_guess_yet_locks_nothing():
    assert guess(ID, None).state == "open"
    assert store.read()["guesses"] == {}


@pytest.mark.parametrize("value", [2, 0.4, math.nan, math.inf, "0.9", True, [0.9]])
def test_what_is_no_number_within_the_bounds_is_refused(value):
    with pytest.raises(DataError, match=r"between 0\.5 and 1"):
        guess(ID, value)
    assert store.read()["guesses"] == {}


def test_a_number_of_numpy_is_a_number():
    assert guess(ID, np.float32(0.75)).state == "locked"


def test_an_unknown_guess_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"cnn\.net_auc"):
        guess("cnn.net_auk", 0.9)


def test_a_disk_that_refuses_leaves_the_guess_open_and_says_so(monkeypatch):
    def refuses(*_):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(store, "merge", refuses)
    said = guess(ID, 0.9)
    assert said.state == "open" and "not locked" in said.head and said.body == "The disk is full."


def test_of_two_progress_files_the_earlier_guess_stays():
    for first, second in (((0.9, "10"), (0.8, "11")), ((0.8, "11"), (0.9, "10"))):
        store.path().unlink(missing_ok=True)
        for value, hour in (first, second):
            store.merge({"guesses": {ID: {"value": value, "time": f"2024-01-01T{hour}:00:00+00:00"}}})
        assert store.read()["guesses"][ID]["value"] == 0.9


@pytest.mark.parametrize(
    "value",
    [1, {"value": 1}, {"value": "1", "time": "2024-01-01T10:00:00+00:00"}, {"value": 1, "time": "soon"},
     {"value": 1, "time": "2024-01-01T10:00:00"}, {"value": True, "time": "2024-01-01T10:00:00+00:00"},
     {"value": 1, "time": 5}, {"value": 10**400, "time": "2024-01-01T10:00:00+00:00"}],
)  # fmt: skip
def test_a_guess_in_a_file_that_is_not_as_it_should_be_is_left_out(value):
    content = json.dumps({"exercises": {}, "guesses": {ID: value}}).encode()
    assert store.parse(content, "x")["guesses"] == {}


def test_graded_mode_tries_the_visible_cases_only_and_keeps_no_correct():
    code = "def conv_weights(i, o, k, bias=True):\n    return o * i * k * k if not bias else 0"  # hidden cases fail
    namespace = {}
    exec(code, namespace)
    assert check("cnn.weights", namespace).state == "not yet"
    graded()
    said = check("cnn.weights", namespace)
    assert said.head == "cnn.weights: passes the cases shown here." and "graded" in said.body
    assert store.read()["exercises"]["cnn.weights"] == "not yet"


def test_graded_mode_keeps_a_quiz_silent_and_solutions_closed():
    graded()
    assert "(b) (8, 32, 14, 14)" in quiz("cnn.shape").body  # as text: a click does not stand in the file
    assert repr(answer("cnn.shape", "b")) == repr(answer("cnn.shape", "a")).replace("is a", "is b")
    assert store.read()["quizzes"] == {}
    with pytest.raises(DataError, match="choices a, b, c, d"):
        answer("cnn.shape", "z")
    for id in ("cnn.weights", "cnn.which_threshold"):
        with pytest.raises(MedtutorError, match="graded"):
            solution(id)


def test_graded_mode_asks_with_the_values_of_the_notebook():
    values = {"kernel": 3, "stride": 3}
    right = {"field_of_view": lambda layers: 3 if not layers else 9}
    assert check("cnn.receptive_field", dict(right)).state == "not yet"  # the public stem is another one
    graded({"cnn.receptive_field": values})
    assert check("cnn.receptive_field", dict(right)).state == "correct"
    hint("cnn.receptive_field")
    assert "width is 3 and the step 3" in hint("cnn.receptive_field").body
    with pytest.raises(LessonError, match="it has no 'size'"):
        graded({"cnn.receptive_field": {"size": 3}})
    with pytest.raises(LessonError, match="draws no parameters"):
        graded({"cnn.ppv": {"size": 3}})


def test_the_rubric_of_an_essay_is_its_solution():
    said = solution("cnn.which_threshold")
    assert said.head == "A good answer to cnn.which_threshold:" and "One point" in said.body


def test_run_quiz_and_run_cases_serve_graders_that_run_in_the_notebook():
    run_quiz("cnn.gap", "B, a")
    with pytest.raises(AssertionError, match="stride 1"):
        run_quiz("cnn.shape", "a")
    with pytest.raises(AssertionError, match="Choose out of a, b, c, d"):
        run_quiz("cnn.shape", "")
    with pytest.raises(AssertionError, match="3 pixels"):
        run_cases("cnn.receptive_field", lambda layers: 1, parameters={"kernel": 3, "stride": 2})


def essay(**change):
    return Essay(**(dict(id="x.e", points=1, prompt="p", rubric="r") | change))


def predictions(**change):
    parts = dict(id="x.p", points=4, prompt="p", file="p.csv", columns=("id", "score"), score="auc", bands=((0.8, 1),))
    return Predictions(**(parts | change))


def a_guess(**change):
    return Guess(**(dict(id="x.g", points=1, prompt="p", name="g", unit="AUC") | change))


@pytest.mark.parametrize(
    "make, change, words",
    [(essay, {"points": 0}, "points"), (essay, {"rubric": " "}, "rubric is empty"), (essay, {"words": (5, 2)}, "words"),
     (predictions, {"file": "a/p.csv"}, "file"), (predictions, {"file": "p.npy"}, "file"),
     (predictions, {"columns": ("id",)}, "columns"), (predictions, {"score": "magic"}, "score should be one of auc"),
     (predictions, {"bands": ((0.8, 2),)}, "bands"), (predictions, {"bands": ()}, "bands"),
     (predictions, {"low": 1}, "low"), (a_guess, {"name": "a b"}, "name"), (a_guess, {"points": 1.5}, "points"),
     (a_guess, {"low": 1, "high": 0}, "low below high")],
)  # fmt: skip
def test_what_is_not_whole_is_refused(make, change, words):
    with pytest.raises(LessonError, match=words):
        make(**change)


def test_bands_give_the_share_of_the_highest_that_is_reached():
    one = predictions(bands=((0.9, 1), (0.7, 0.25), (0.8, 0.5)))
    assert [one.share(value) for value in (0.69, 0.7, 0.85, 0.9, 1)] == [0, 0.25, 0.5, 1, 1]


@pytest.mark.parametrize(
    "low, high, words",
    [
        (0, 1, "between 0 and 1"),
        (0, math.inf, "of at least 0"),
        (-math.inf, 3, "of at most 3"),
        (-math.inf, math.inf, "that is finite"),
    ],
)
def test_a_guess_says_its_bounds(low, high, words):
    assert a_guess(low=low, high=high).bounds == words


def test_a_guess_without_bounds_still_has_to_be_a_number():
    assert a_guess().fits(3) and a_guess().fits(-1e9)
    assert not any(a_guess().fits(value) for value in (math.nan, True, None, "3"))


SHEET = """
from medtutor.checks import Essay, Guess, Predictions
prefix = "x"
a = Essay("x.a", 1, "p", "r")
b = Guess("x.{guess}", 1, "p", "g", "AUC")
c = Predictions("x.c", 1, "p", "c.csv", ("id", "score"), "auc", ((0.5, 1),))
"""


def test_a_sheet_collects_every_kind_and_ids_are_unique_across_them(tmp_path):
    (tmp_path / "01_a.py").write_text(SHEET.format(guess="b"))
    sheet = load_sheet(tmp_path / "01_a.py")
    assert (list(sheet.essays), list(sheet.guesses), list(sheet.predictions)) == (["x.a"], ["x.b"], ["x.c"])
    assert {kind: len(items) for kind, items in sheet.groups.items()} == {
        "exercise": 0, "quiz": 0, "essay": 1, "predictions": 1, "guess": 1
    }  # fmt: skip
    (tmp_path / "02_a.py").write_text(SHEET.format(guess="a"))
    with pytest.raises(LessonError, match=r"'x\.a' is used twice"):
        load_sheet(tmp_path / "02_a.py")


def test_find_knows_every_kind():
    assert isinstance(find("essay", "cnn.which_threshold"), Essay)
    assert isinstance(find("guess", ID), Guess)
    with pytest.raises(UnknownNameError, match="essay"):
        find("essay", "cnn.weights")
