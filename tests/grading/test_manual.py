"""Texts for a person: found, cut, and marked with the points that the person gave."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.checks import sheet
from medtutor.grading.assignment import Question
from medtutor.grading.manual import CUT, LONGEST, mark, text_of
from medtutor.grading.submission import Cell, Notebook

ESSAY = sheet("cnn").essays["cnn.which_threshold"]
MARK = "<!-- medtutor: cnn.which_threshold -->"
QUESTION = Question(ESSAY.id, "manual", 3, tests=ESSAY, grade_ids=("threshold",), cell_ids=("c1",),
                    starters=(f"{MARK}\n{ESSAY.starter}", "# YOUR CODE HERE\nraise NotImplementedError()"))  # fmt: skip
TEXT = "It changes how many are found, never the ranking."


def book(*cells):
    return Notebook(tuple(Cell(kind, source, i, **more) for i, (kind, source, more) in enumerate(cells)))


def written(source, kind="markdown", **more):
    return book(("markdown", "# Something else", {}), (kind, source, more))


@pytest.mark.parametrize(
    "notebook",
    [written(f"{MARK}\n{TEXT}"), written(f"{MARK}\r\n\r\n{TEXT}\r\n"), written(f"{MARK}\n{ESSAY.starter}\n\n{TEXT}"),
     written(f"# medtutor: {ESSAY.id}\n{TEXT}", "code"), written(f"<!--medtutor: {ESSAY.id}-->\n{TEXT}", "raw"),
     written(TEXT, id="c1"), written(TEXT, metadata={"nbgrader": {"grade_id": "threshold"}})],
)  # fmt: skip
def test_the_text_is_found_without_marker_and_starter(notebook):
    assert text_of(QUESTION, notebook) == TEXT


@pytest.mark.parametrize(
    "notebook",
    [written(f"{MARK}\n{ESSAY.starter}"), written(f"{MARK}\n  {ESSAY.starter}\n\n"), written(MARK), Notebook(()),
     written("YOUR ANSWER HERE", id="c1"), written("# YOUR CODE HERE\nraise NotImplementedError()", "code", id="c1"),
     written(f"{TEXT}"), written(f"<!-- medtutor: cnn.which_threshold_2 -->\n{TEXT}")],
)  # fmt: skip
def test_the_starter_as_it_was_is_not_attempted(notebook):
    assert text_of(QUESTION, notebook) is None
    assert mark(QUESTION, notebook, {}).status == "not attempted"


def test_a_marker_goes_before_metadata_and_an_empty_one_falls_back():
    cells = [("markdown", f"{MARK}\n{TEXT}", {}), ("markdown", "by id", {"id": "c1"})]
    assert text_of(QUESTION, book(*cells)) == TEXT
    assert text_of(QUESTION, book(("markdown", MARK, {}), cells[1])) == "by id"


def test_copies_are_read_once_and_different_texts_together():
    assert text_of(QUESTION, book(*[("markdown", f"{MARK}\n{TEXT}", {})] * 3)) == TEXT
    both = text_of(QUESTION, book(("markdown", f"{MARK}\nFirst.", {}), ("markdown", f"{MARK}\nSecond.", {})))
    assert both == "First.\n\n---\n\nSecond."


def test_a_long_text_is_cut_with_a_note():
    text = text_of(QUESTION, written(f"{MARK}\n{'long ' * 1_000_000}"))
    assert len(text) == LONGEST + 2 + len(CUT) and text.endswith(CUT)


def test_a_text_waits_for_a_person_and_says_where_it_is_too_short():
    found = mark(QUESTION, written(f"{MARK}\n{TEXT}"), {})
    assert (found.status, found.points, found.maximum) == ("needs marking", 0, 3)
    assert found.notes == ("9 words; 40 to 250 were asked for.",)
    assert mark(QUESTION, written(f"{MARK}\n{TEXT * 6}"), {}).notes == ()


@pytest.mark.parametrize("points, status", [(3, "correct"), (1.5, "partial"), (0, "wrong")])
def test_the_points_of_a_person_count(points, status):
    found = mark(QUESTION, written(f"{MARK}\n{TEXT}"), {ESSAY.id: points})
    assert (found.status, found.points) == (status, points)


@pytest.mark.parametrize("points", [4, -1, math.nan, "3", True])
def test_points_that_cannot_be_are_not_used(points):
    found = mark(QUESTION, written(f"{MARK}\n{TEXT}"), {ESSAY.id: points})
    assert (found.status, found.points) == ("needs marking", 0) and "from 0 to 3" in found.reason


def test_a_question_that_is_a_text_only_works_too():
    question = Question("q1", "manual", 2, tests="the rubric", grade_ids=("q1",))
    assert text_of(question, written("Mine.", metadata={"nbgrader": {"grade_id": "q1"}})) == "Mine."


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4), st.dictionaries(st.text(max_size=8), st.none() | st.text()))
def test_no_notebook_is_an_exception(texts, metadata):
    cells = [("markdown", f"{MARK}\n{text}", {"metadata": metadata}) for text in texts]
    assert mark(QUESTION, book(*cells), {}).status in ("needs marking", "not attempted")


@pytest.mark.parametrize("metadata", [{"nbgrader": 1}, {"nbgrader": {"grade_id": ["threshold"]}}, {"nbgrader": None}])
def test_strange_metadata_are_no_exception(metadata):
    assert text_of(QUESTION, written(TEXT, metadata=metadata)) is None


def test_a_short_starter_is_not_cut_out_of_the_middle_of_a_text():
    question = Question("q1", "manual", 2, grade_ids=("q1",), starters=("...",))
    assert text_of(question, written("Well ... it depends.", metadata={"nbgrader": {"grade_id": "q1"}})) == (
        "Well ... it depends."
    )
    assert text_of(question, written("...\nIt depends.", metadata={"nbgrader": {"grade_id": "q1"}})) == "It depends."
