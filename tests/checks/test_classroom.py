"""What a student sees: three states, hints, solutions, quizzes, and progress that survives."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medtutor.checks import Choice, Exercise, Quiz, Wrong, answer, check, classroom, engine, hint, progress, same, store
from medtutor.checks import quiz as show_quiz
from medtutor.checks import solution as show_solution
from medtutor.checks.finding import load_sheet
from medtutor.errors import DataError, LessonError, MedtutorError, StorageError, UnknownNameError


@pytest.fixture(autouse=True)
def _own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "home" / "progress.json"))
    monkeypatch.delenv("MEDTUTOR_GRADED", raising=False)


def weights(code):
    namespace = {}
    exec(code, namespace)
    return check("cnn.weights", namespace)


RIGHT = "def conv_weights(i, o, kernel, bias=True): return o * (i * kernel**2 + int(bias))"
WRONG = "def conv_weights(i, o, kernel, bias=True): return o * kernel**2"


def test_check_knows_three_states():
    assert check("cnn.weights", {}).state == "not attempted"
    assert "`conv_weights` is not defined" in check("cnn.weights", {}).body
    said = weights(WRONG)
    assert said.state == "not yet" and "input map" in said.body and "hint('cnn.weights')" in said.body
    assert repr(weights(RIGHT)) == "cnn.weights: correct. (1 point)"


def test_a_starter_that_was_run_is_not_attempted():
    starter = classroom.find("exercise", "cnn.weights").starter
    assert weights(starter).state == "not attempted"
    assert weights(starter + "\n# a comment changes nothing\n").state == "not attempted"


def test_what_the_answer_prints_and_raises_is_told_in_words(capsys):
    said = weights("def conv_weights(i, o, kernel, bias=True): print('x' * 1000); return 1 / 0")
    assert "raises ZeroDivisionError: division by zero" in said.body
    assert capsys.readouterr().out == ""
    said = weights("def conv_weights(*a, **k): raise NotImplementedError")
    assert "not implemented" in said.body


def test_a_hidden_case_shows_its_sentence_and_nothing_else():
    code = "def conv_weights(i, o, kernel, bias=True):\n    if i == 4: raise ValueError('four')\n"
    said = weights(code + "    return o * (i * kernel**2 + int(bias))")
    assert "raises ValueError: four. Hidden case: The count is compared with torch's" in said.body
    assert "assert" not in said.body


def test_check_reads_the_notebooks_names_when_there_is_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(user_ns={})))
    assert check("cnn.weights").state == "not attempted"
    namespace = {}
    exec(RIGHT, namespace)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(user_ns=namespace)))
    assert check("cnn.weights").state == "correct"


def test_an_unknown_id_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'cnn.weights'"):
        check("cnn.weight", {})
    with pytest.raises(UnknownNameError, match="set of exercises 'cmn'"):
        check("cmn.weights", {})


def test_hints_come_one_by_one():
    assert hint("cnn.conv2d").head == "Hint 1 of 2."
    assert hint("cnn.conv2d").head == "Hint 2 of 2."
    assert "solution('cnn.conv2d')" in hint("cnn.conv2d").body
    assert hint("cnn.weights").head == "Hint 1 of 2."


def test_the_solution_is_closed_in_graded_mode(monkeypatch):
    assert "return channels_out" in show_solution("cnn.weights").body
    monkeypatch.setenv("MEDTUTOR_GRADED", "1")
    with pytest.raises(MedtutorError, match="graded"):
        show_solution("cnn.weights")


def test_a_quiz_says_why_for_each_choice():
    assert answer("cnn.shape", "b").state == "correct"
    said = answer("cnn.shape", "A")
    assert said.state == "not yet" and "stride 1" in said.body
    assert answer("cnn.gap", "ab").state == "correct"
    assert "more than one choice" in answer("cnn.gap", "a").body
    with pytest.raises(DataError, match="choices a, b, c, d; got 'e'"):
        answer("cnn.shape", "e")


def test_a_quiz_without_widgets_is_text(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    text = repr(show_quiz("cnn.shape"))
    assert "(d) (8, 32, 13, 13)" in text and 'answer("cnn.shape", "a")' in text


@pytest.mark.parametrize("id, pick", [("cnn.shape", "b"), ("cnn.gap", "ab")])
def test_a_quiz_widget_answers_when_its_button_is_pressed(monkeypatch, id, pick):
    pytest.importorskip("ipywidgets")
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(classroom, "_in_notebook", lambda: True)
    box = show_quiz(id)
    _, control, button, said = box.children
    button.click()
    assert "Choose first" in said.value
    if len(pick) == 1:
        control.value = pick
    else:
        for letter in pick:
            control.children[ord(letter) - ord("a")].value = True
    button.click()
    assert "correct" in said.value and 'role="status"' in said.value


def test_progress_counts_and_survives_a_change_of_machine(tmp_path, monkeypatch):
    weights(RIGHT)
    answer("cnn.shape", "b")
    hint("cnn.weights")
    assert "exercises 1 of 5, quiz 1 of 4" in repr(progress())
    assert "Download your progress" in progress()._repr_html_()
    file = progress().download(str(tmp_path / "saved.json"))
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "other" / "progress.json"))
    assert "exercises 0 of 5" in repr(progress())
    check("cnn.conv2d", {})
    progress().upload(file)
    assert "exercises 1 of 5, quiz 1 of 4" in repr(progress())
    assert hint("cnn.weights").head == "Hint 2 of 2."


def test_a_worse_state_never_replaces_a_better_one():
    weights(RIGHT)
    weights(WRONG)
    assert store.read()["exercises"]["cnn.weights"] == "correct"


def test_a_damaged_progress_file_is_set_aside():
    weights(RIGHT)
    store.path().write_text("{half")
    assert "exercises 0 of 5" in repr(progress())
    assert store.path().with_name("progress.json.damaged").read_text() == "{half"


@pytest.mark.parametrize("content", ["[]", "{", '{"exercises": 1}'])
def test_another_file_is_refused_as_progress(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match="no progress file of medtutor"):
        progress().upload(str(tmp_path / "x.json"))


def test_only_known_states_are_taken_over(tmp_path):
    kept = {"exercises": {"cnn.weights": "<script>"}, "hints": {"a": "b"}, "evil": {"x": 1}}
    (tmp_path / "x.json").write_text(json.dumps(kept))
    progress().upload(str(tmp_path / "x.json"))
    assert store.read() == {group: {} for group in store.GROUPS}


def test_a_disk_that_refuses_does_not_spoil_a_check(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "file" / "progress.json"))
    assert weights(RIGHT).state == "correct"
    with pytest.raises(StorageError, match="MEDTUTOR_PROGRESS"):
        progress().download(str(tmp_path / "file" / "progress.json"))


def exercise(**change):
    parts = dict(id="x.a", points=1, prompt="p", starter="a = None", solution="a = 1", hints=("1", "2"))
    parts["wrong"] = {name: Wrong("a = 2", "m") for name in "abc"}
    return Exercise(**(parts | change))


@pytest.mark.parametrize(
    "change, words",
    [({"points": 0}, "points"), ({"hints": ("1",)}, "two hints"), ({"wrong": {}}, "three named wrong answers"),
     ({"solution": "b = 1"}, "does not define a"), ({"starter": "pass"}, "defines no name")],
)  # fmt: skip
def test_an_exercise_that_is_not_whole_is_refused(change, words):
    with pytest.raises(LessonError, match=words):
        exercise(**change)


def test_a_quiz_that_is_not_whole_is_refused():
    with pytest.raises(LessonError, match="one of them right"):
        Quiz("x.q", "?", (Choice("a", "f"), Choice("b", "f")))
    with pytest.raises(LessonError, match="no feedback"):
        Quiz("x.q", "?", (Choice("a", "f", True), Choice("b", " ")))


SHEET = """
from medtutor.checks import Exercise, Wrong
prefix = "x"
a = Exercise(id="{id}", points=1, prompt="p", starter="a = None", solution="a = 1", hints=("1", "2"),
             wrong={{name: Wrong("a = 2", "m") for name in "abc"}})
"""


def test_a_sheet_with_a_wrong_id_or_without_cases_is_refused(tmp_path):
    for name, code, words in (
        ("01_a.py", SHEET.format(id="y.a"), "should be x.<word>"),
        ("02_a.py", SHEET.format(id="x.a"), "one visible and one hidden case"),
        ("03_a.py", "prefix = None", "prefix ="),
    ):
        (tmp_path / name).write_text(code)
        with pytest.raises(LessonError, match=words):
            load_sheet(tmp_path / name)


def test_an_answer_that_is_a_value_is_compared_with_its_starter():
    asked = exercise()
    asked.visible(lambda a: same(a, 1, "It is one."))
    assert engine.evaluate_answer(asked, {"a": None}).state == "not attempted"
    assert engine.evaluate_answer(asked, {"a": 1}).state == "correct"
    assert engine.evaluate_answer(asked, {"a": 2}).message == "It is one."


@pytest.mark.parametrize(
    "actual, expected, words",
    [(None, 1, "return"), (1, "a", "my message"), (torch.zeros(3), torch.zeros(2), "shape should be"),
     (np.ones(2), torch.ones(2) * 2, "my message"), ([1, 2], {"a": 1}, "a dict"), ({"b": 1}, {"a": 1}, "the keys"),
     ("x", 1.0, "got str"), ([torch.zeros(1)], [torch.zeros(1), torch.zeros(1)], "Expected 2 things"),
     (torch.ones(2), torch.ones(2, dtype=torch.bool), "boolean mask"), (object(), 1, "got object")],
)  # fmt: skip
def test_same_says_what_differs(actual, expected, words):
    with pytest.raises(AssertionError, match=words):
        same(actual, expected, "my message")


@pytest.mark.parametrize(
    "actual, expected",
    [(1.0000001, 1), (torch.tensor(2.0), 2.0), ((1, 2), [1, 2]), ({"a": torch.ones(2)}, {"a": np.ones(2)}),
     (float("nan"), float("nan")), ("a", "a"), (None, None), (torch.tensor([True]), np.array([True]))],
)  # fmt: skip
def test_same_takes_numbers_arrays_and_tensors_alike(actual, expected):
    same(actual, expected)
