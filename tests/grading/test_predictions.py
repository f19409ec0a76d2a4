"""Files of predictions: scored where they can be, and a clear sentence without labels or student text otherwise."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor import evaluate
from medtutor.checks import Predictions
from medtutor.errors import LessonError
from medtutor.grading import predictions
from medtutor.grading.assignment import Question
from medtutor.grading.predictions import Scored, mark
from medtutor.grading.submission import Submission

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 120)
IDS = [f"img{i:03}" for i in range(120)]
GOOD = np.clip(LABELS * 0.4 + RNG.uniform(0, 0.6, 120), 0, 1)
ASKED = Predictions("x.p", 4, "p", "mine.csv", ("id", "score"), "auc", ((0.75, 0.5), (0.9, 1)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    rows = "\n".join(f"{id},{label}" for id, label in zip(IDS, LABELS, strict=True))
    (folder / "labels.csv").write_text(f"id,label\n{rows}\n")
    return folder


def table(scores=GOOD, ids=IDS, header="id,score", sign=","):
    return "\n".join([header, *(f"{id}{sign}{score}" for id, score in zip(ids, scores, strict=True))]) + "\n"


@pytest.fixture
def marked(folder, tmp_path):
    def run(content, asked=ASKED, name="mine.csv", labels="labels.csv"):
        path = tmp_path / "handed_in"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        question = Question("x.p", "predictions", 4, tests=Scored(asked, folder / labels))
        return mark(question, Submission("anna", None, {name: path}))

    return run


def test_good_predictions_get_their_points_and_the_score_with_its_interval(marked):
    found = marked(table())
    assert (found.status, found.points) == ("correct", 4)
    assert (
        found.reason == f"auc {evaluate.bootstrap(evaluate.auc, LABELS, GOOD)}. Points: 50% from 0.75, 100% from 0.9."
    )


def test_the_order_of_the_rows_does_not_matter(marked):
    order = RNG.permutation(120)
    assert marked(table(GOOD[order], [IDS[i] for i in order])) == marked(table())


@pytest.mark.parametrize("noise, status, points", [(0.5, "partial", 2), (3, "wrong", 0)])
def test_weaker_predictions_get_a_share_or_nothing(marked, noise, status, points):
    weak = np.clip(LABELS * 0.3 + np.random.default_rng(1).uniform(0, 0.2 + noise, 120), 0, 9) / 9
    found = marked(table(weak))
    assert (found.status, found.points) == (status, points), found.reason


def test_a_hidden_score_is_not_told(marked):
    hidden = Predictions("x.p", 4, "p", "mine.csv", ("id", "score"), "auc", ((0.9, 1),), hide=True)
    assert marked(table(), hidden).reason == "100% of the points."


@pytest.mark.parametrize(
    "content",
    ["\ufeff" + table(), table(sign=";", header="id;score"), table(sign="\t", header="id\tscore"), "\n\n" + table(),
     table().replace("\n", "\r\n"), table(header="ID , Score"), table().replace("img001", " img001 "),
     "\n".join(f'"{line.replace(",", chr(34) + "," + chr(34))}"' for line in table().split("\n") if line),
     "\n".join((f"{i}," if i else ",") + line for i, line in enumerate(table().strip().split("\n")))],
    ids=["BOM", "semicolons", "tabs", "blank lines", "CRLF", "header", "spaces", "quotes", "an index column"],
)  # fmt: skip
def test_what_table_programs_write_is_read(marked, content):
    assert marked(content).status == "correct"


def test_the_name_may_differ_in_capitals_and_a_missing_file_is_not_attempted(marked):
    assert marked(table(), name="Mine.CSV").status == "correct"
    found = marked(table(), name="other.csv")
    assert (found.status, found.reason) == ("not attempted", "There is no file mine.csv beside the notebook.")


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("id,score\n", "no row after"),
        ("a,b\n1,2\n", "columns id,score"),
        ("id,score,score\n" + "a,1,1\n", "each once"),
        (table().replace("img000,", "img001,"), "1 are missing, 0 are unknown, 1 occur"),
        (table(ids=["x" + id for id in IDS]), "120 are missing, 120 are unknown, 0 occur"),
        (table(GOOD[1:], IDS[1:]), "1 are missing"),
        (table(["nan"] + list(GOOD[1:])), "1 values are no finite"),
        (table(["secret words", "", "1_0"] + list(GOOD[3:])), "3 values are no finite"),
        (table(["inf"] + list(GOOD[1:])), "1 values are no finite"),
        (table([1.5, -1] + list(GOOD[2:])), "2 values lie outside of 0 to 1"),
        (table(["0,5"] * 120), "decimal point"),
        (table(["0,5"] * 120, header="id;score", sign=";"), "decimal point"),
        ("id,score\n" + "a,1,2,3\n", "1 rows have another number"),
        ('id,score\n"' + "x" * 200_000 + "\n", "no CSV file"),
        ("id,score\n" + "," * 500 + "\n", "columns"),
        ("id,score\n" + "a\x00,1\n", ""),
    ],
)
def test_a_file_that_cannot_be_scored_is_told_why_in_our_words(marked, content, words):
    found = marked(content)
    assert (found.status, found.points) == ("wrong", 0)
    assert found.reason.startswith("mine.csv: ") and words in found.reason
    assert "secret words" not in found.reason and "img" not in found.reason


def test_limits_on_size_and_rows_hold(marked, monkeypatch):
    monkeypatch.setattr(predictions, "BYTES", 1_000)
    assert "more than 0 MB" in marked(table()).reason
    monkeypatch.setattr(predictions, "BYTES", 10_000_000)
    monkeypatch.setattr(predictions, "ROWS", 50)
    assert "more than 50 rows" in marked(table()).reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
def test_links_pipes_and_folders_are_not_read(folder, tmp_path):
    question = Question("x.p", "predictions", 4, tests=Scored(ASKED, folder / "labels.csv"))
    (tmp_path / "real.csv").write_text(table())
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("link.csv", "pipe.csv", "folder.csv", "gone.csv"):
        found = mark(question, Submission("anna", None, {"mine.csv": tmp_path / name}))
        assert found.status == "wrong" and found.reason in (
            "mine.csv: it cannot be read.", "mine.csv: it is no ordinary file."
        ), name  # fmt: skip


def test_equal_predictions_are_scored_as_a_coin_and_noted(marked):
    found = marked(table([0.5] * 120))
    assert (found.status, found.notes) == ("wrong", ("All predictions are the same.",))
    assert found.reason.startswith("auc 0.500")


def test_a_score_that_does_not_exist_says_nothing_of_the_labels(marked):
    nobody = Predictions("x.p", 4, "p", "mine.csv", ("id", "score"), "ppv", ((0.5, 1),))
    found = marked(table([0.1] * 120), nobody)
    assert found.status == "wrong" and "cannot be computed from these values" in found.reason


def test_several_columns_are_a_probability_for_each_class(marked, folder):
    classes = RNG.integers(0, 3, 120)
    (folder / "three.csv").write_text("id,label\n" + "\n".join(f"{i},{c}" for i, c in zip(IDS, classes, strict=True)))
    three = Predictions("x.p", 4, "p", "mine.csv", ("id", "a", "b", "c"), "accuracy", ((0.9, 1),))
    rows = [",".join(map(str, np.where(np.arange(3) == c, 0.8, 0.1))) for c in classes]
    assert marked(table(rows, header="id,a,b,c"), three, labels="three.csv").status == "correct"
    rows = ["0.5,0.5,0.5"] * 120
    assert "sum to 1" in marked(table(rows, header="id,a,b,c"), three, labels="three.csv").reason


def test_whole_numbers_as_ids_survive_a_table_program(marked, folder):
    (folder / "numbers.csv").write_text("id,label\n" + "\n".join(f"{i},{c}" for i, c in enumerate(LABELS)))
    assert marked(table(ids=[f"{i}.0" for i in range(120)]), labels="numbers.csv").status == "correct"


@pytest.mark.parametrize("content", ["", "id,label\n", "id,label\na,b\n", "id,label\na,1\na,0\n", "id,label\na,1\nb\n"])
def test_labels_that_cannot_be_used_are_the_instructors_error(marked, folder, content):
    (folder / "bad.csv").write_text(content)
    with pytest.raises(LessonError, match="ids and whole numbers"):
        marked(table(), labels="bad.csv")


def test_missing_labels_are_the_instructors_error(marked):
    with pytest.raises(LessonError, match="nowhere"):
        marked(table(), labels="nowhere.csv")


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=300) | st.text(max_size=300).map(lambda t: ("id,score\n" + t).encode("utf-8", "replace"))
)
def test_no_file_is_an_exception(folder, tmp_path_factory, content):
    path = tmp_path_factory.mktemp("x") / "mine.csv"
    path.write_bytes(content)
    question = Question("x.p", "predictions", 4, tests=Scored(ASKED, folder / "labels.csv"))
    assert mark(question, Submission("anna", None, {"mine.csv": path})).points == 0
