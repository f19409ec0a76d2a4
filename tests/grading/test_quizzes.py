"""Quizzes and guesses are marked from what is written in the notebook, whatever else it holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.checks import Guess, sheet
from medtutor.grading.assignment import Question
from medtutor.grading.quizzes import answer_of, mark
from medtutor.grading.submission import Cell, Notebook

CNN = sheet("cnn")
ONE = Question("cnn.shape", "quiz", 2, tests=CNN.quizzes["cnn.shape"], markers=("cnn.shape",))  # right: b
MANY = Question("cnn.gap", "quiz", 2, tests=CNN.quizzes["cnn.gap"])  # right: a and b of a to d
GUESS = Question("cnn.net_auc", "quiz", 1, tests=CNN.guesses["cnn.net_auc"])


def notebook(*sources, kind="code"):
    return Notebook(tuple(Cell(kind, source, index) for index, source in enumerate(sources)))


def marker(value, name="choice_shape", id="cnn.shape"):
    return f'# medtutor: {id}\n{name} = {value}  # the letter(s) of your choice, such as "a"'


@pytest.mark.parametrize(
    "value, letters",
    [('"b"', "b"), ("'B'", "b"), ('" (b) "', "b"), ('"b and a"', "ab"), ('"b, a"', "ab"), ('["b", "a"]', "ab"),
     ('{"a", "b"}', "ab"), ('("b",)', "b"), ('[["b"], [["a"]]]', "ab"), ('"a" "b"', "ab"), ("b", "b"), ('"bb"', "b"),
     ('""', None), ("None", None), ("[]", None), ('"z"', "z"), ("2", "?")],
)  # fmt: skip
def test_letters_are_read_however_they_are_written(value, letters):
    assert answer_of(ONE, notebook("import torch", marker(value))) == letters


def test_a_call_of_answer_counts_anywhere_and_the_last_one_wins():
    calls = ['answer("cnn.shape", "a")', 'if True:\n    medtutor.answer("cnn.shape", ["b"])']
    assert answer_of(ONE, notebook(*calls)) == "b"
    assert answer_of(ONE, notebook(*calls, marker('"c"'))) == "c"
    assert answer_of(ONE, notebook(marker('"c"'), *calls)) == "b"
    assert answer_of(ONE, notebook('answer("cnn.shape", "a"); answer("cnn.shape", "d")')) == "d"
    assert answer_of(ONE, notebook('answer("cnn.depth", "a")')) is None


def test_an_empty_copy_of_the_cell_takes_nothing_back():
    assert answer_of(ONE, notebook(marker('"b"'), marker('""'))) == "b"


def test_the_name_of_the_answer_goes_before_other_values_in_its_cell():
    assert answer_of(ONE, notebook('# medtutor: cnn.shape\nnote = "d"\nchoice_shape = "b"\nother = "c"')) == "b"
    assert answer_of(ONE, notebook('# medtutor: cnn.shape\nmine = "b"')) == "b"
    assert answer_of(ONE, notebook('# medtutor: cnn.shape\nb = "a"\nchoice_shape = b')) == "a"


def test_a_lost_marker_costs_nothing():
    question = Question("q", "quiz", 1, tests=ONE.tests, grade_ids=("cnn_shape",), cell_ids=("c1",))
    for cell in (
        Cell("code", 'choice_shape = "b"', 0),
        Cell("code", 'x = "b"', 0, id="c1"),
        Cell("code", 'x = "b"', 0, metadata={"nbgrader": {"grade_id": "cnn_shape"}}),
        Cell("markdown", marker('"b"'), 0),
        Cell("code", "%time\n!ls\n" + marker('"b"'), 0),
        Cell("code", "this is not Python\n" + marker('"b"') + "\n(((", 0),
    ):
        assert mark(question, Notebook((cell,))).status == "correct", cell


def test_right_wrong_and_nothing():
    right = mark(ONE, notebook(marker('"b"')))
    assert (right.status, right.points, right.maximum) == ("correct", 2, 2) and right.reason.startswith("(b) Yes")
    wrong = mark(ONE, notebook(marker('"a"')))
    assert (wrong.status, wrong.points) == ("wrong", 0) and "stride 1" in wrong.reason
    assert mark(ONE, notebook(marker('""'))).status == "not attempted"
    assert mark(ONE, Notebook(())).status == "not attempted"


def test_a_letter_that_is_no_choice_is_wrong_and_not_repeated():
    found = mark(ONE, notebook(marker('"<script>zz"')))
    assert found.status == "wrong" and found.reason == "The choices are a, b, c, d; something else was written."


@pytest.mark.parametrize("letters, share", [("ab", 1), ("a", 0.5), ("abc", 0.5), ("ac", 0), ("cd", 0), ("abcd", 0)])
def test_a_share_is_given_only_where_the_assignment_says_so(letters, share):
    book = notebook(f'answer("cnn.gap", "{letters}")')
    assert mark(MANY, book).points == (2 if share == 1 else 0)
    found = mark(MANY, book, credit="cases")
    assert found.points == 2 * share
    assert found.status == ("correct" if share == 1 else "partial" if share else "wrong")


def test_an_incomplete_choice_is_told_that_there_is_more_and_one_right_choice_gives_no_share():
    assert "more than one choice is right" in mark(MANY, notebook('answer("cnn.gap", "a")')).reason
    assert mark(ONE, notebook(marker('"ab"')), credit="cases").points == 0


HOSTILE = [
    'choice_shape = f"{chr(98)}"',
    'choice_shape = "".join(["b"])',
    "choice_shape = chr(98)",
    'choice_shape = "b" + ""',
    'choice_shape = ["b", chr(97)]',
    "choice_shape = (lambda: 'b')()",
    "choice_shape: str",
    "choice_shape = __import__('os').system('true')",
]


@pytest.mark.parametrize("code", HOSTILE)
def test_an_answer_that_has_to_be_computed_is_not_read(code):
    found = mark(ONE, notebook(f"# medtutor: cnn.shape\n{code}"))
    assert found.status == "not attempted" and found.points == 0


def test_a_computed_answer_is_told_to_write_letters():
    assert "written out" in mark(ONE, notebook(f"# medtutor: cnn.shape\n{HOSTILE[0]}")).reason


@pytest.mark.parametrize(
    "value",
    [
        "-" * 90_000 + "1",
        "(" * 50_000,
        "[" * 50_000 + "]" * 50_000,
        "1+" * 40_000 + "1",
        '"' + "b" * 900_000 + '"',
        "9" * 5000,
        "\x00",
        "'\\ud800'",
        "1e999",
        "b'b'",
        "...",
        "{**{}}",
        "{'b': 1}",
        '"\\d"',
        "[" + '"b",' * 20_000 + "]",
        "\n" * 99_000,
        " " * 99_000 + "x",
        "\ud800",
        "[" * 150 + '"b"' + "]" * 150,
    ],
    ids=range(19),
)
def test_whatever_stands_in_the_cell_gives_an_outcome(value):
    for source in (
        marker(value),
        f'# medtutor: cnn.shape\nanswer("cnn.shape", {value})',
        f'guess("cnn.net_auc", {value})',
    ):
        for question in (ONE, GUESS):
            found = mark(question, notebook(source))
            assert 0 <= found.points <= found.maximum and len(found.reason) < 500


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=4), st.sampled_from([ONE, MANY, GUESS]))
def test_no_notebook_is_an_exception(texts, question):
    sources = [f"# medtutor: {question.id}\nx = {text}" for text in texts] + [
        f'answer("{question.id}", {t})' for t in texts
    ]
    assert mark(question, notebook(*sources), credit="cases").points <= question.points


@pytest.mark.parametrize(
    "source, status",
    [
        ('guess("cnn.net_auc", 0.93)', "correct"),
        ('guess_net = 0.93\nguess("cnn.net_auc", guess_net)', "correct"),
        ('mine = .7\nmedtutor.checks.guess("cnn.net_auc", mine)', "correct"),
        ("guess_net = 0.8", "correct"),
        ('guess_net = None\nguess("cnn.net_auc", guess_net)', "not attempted"),
        ("", "not attempted"),
        ('guess("cnn.net_auc", 93)', "wrong"),
        ('guess("cnn.net_auc", -0.9)', "wrong"),
        ('guess("cnn.net_auc", "0.9")', "not attempted"),
        ('guess("cnn.net_auc", True)', "not attempted"),
        ('guess("cnn.net_auc", 1e999)', "not attempted"),
        ('guess("cnn.net_auc", 1 - 0.1)', "not attempted"),
        ('guess("cnn.other", 0.93)', "not attempted"),
    ],
)
def test_a_guess_is_marked_for_being_made(source, status):
    found = mark(GUESS, notebook("import torch", source))
    assert (found.status, found.points) == (status, 1 if status == "correct" else 0)


def test_a_guess_in_the_cell_before_counts_too():
    assert mark(GUESS, notebook("guess_net = 0.9", 'guess("cnn.net_auc", guess_net)')).status == "correct"


def test_a_negative_guess_is_read():
    asked = Guess("x.g", 1, "p", "g", "dB", low=-10, high=0)
    assert mark(Question("x.g", "quiz", 1, tests=asked), notebook('guess("x.g", -3.5)')).status == "correct"
