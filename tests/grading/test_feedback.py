"""Feedback: says the marks and why, holds nothing of others, and is safe and accessible to open."""

import os

import pytest
from grading.html_page import Page

from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.feedback import SAID, page, write
from medtutor.grading.results import STATUSES, Graded, Outcome

TASK = Assignment("Lesson 3", (Question("cnn.pool", "cases", 2), Question("cnn.same", "cases", 2)), "d1")


def graded(student="ann", reason="Pooling takes the mean here.", notes=(), **fields):
    outcomes = (
        Outcome("cnn.pool", "wrong", 0, 2, reason, ("Found by its name.",)),
        Outcome("cnn.same", "correct", 2, 2),
    )
    return Graded(student, outcomes, **{"total": 2.0, "maximum": 4, "notes": notes} | fields)


def test_the_page_says_total_results_points_and_reasons():
    text = Page(page(graded(), TASK)).text
    assert "2 of 4 points" in text and "not yet" in text and "0 of 2" in text
    assert "Pooling takes the mean here." in text and "Found by its name." in text and "late" not in text


def test_lateness_is_said_in_days_with_what_it_cost():
    text = Page(page(graded(total=1.6, late=1.5), TASK)).text
    assert "1.6 of 4 points" in text and "1.5 days late: 0.4 of 2 points were deducted" in text
    assert "1 day late: nothing was deducted" in Page(page(graded(late=1.0), TASK)).text


@pytest.mark.parametrize("status, words", [("needs marking", "can go up"), ("unreadable", "could not be read")])
def test_what_is_not_final_or_not_readable_is_said(status, words):
    assert words in Page(page(graded(status=status), TASK)).text


def test_every_status_has_words_for_students():
    assert set(SAID) == set(STATUSES)


def test_everything_of_the_student_is_escaped_and_nothing_is_loaded():
    evil = '"><script src=//x.example></script><img src=x onerror=alert(1)>\x00\u202e</td>'
    made = Page(page(graded(evil, evil, (evil,)), Assignment(evil, TASK.questions, "d")))
    assert not {"script", "img", "link", "iframe", "object", "svg", "form"} & {tag for tag, _ in made.tags}
    assert not any(name.startswith("on") or name in ("src", "href") for _, found in made.tags for name in found)
    assert "onerror=alert(1)" in made.text and "\x00" not in made.text


def test_the_page_forbids_itself_scripts_and_other_sources():
    policies = [a["content"] for a in Page(page(graded(), TASK)).all("meta") if "http-equiv" in a]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_the_page_is_accessible_language_title_headings_and_table_heads():
    made = Page(page(graded(notes=("A note.",)), TASK))
    assert made.all("html") == [{"lang": "en"}] and len(made.all("title")) == len(made.all("h1")) == 1
    assert {a.get("scope") for a in made.all("th")} == {"col", "row"} and len(made.all("caption")) == 1
    assert [tag for tag, _ in made.tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2"]
    assert "@media print" in page(graded(), TASK)


def test_of_a_hidden_test_the_page_holds_the_reason_and_nothing_of_the_tests():
    secret = Question("cnn.pool", "asserts", 2, starters=("STARTER",), tests="assert f(3) == 41  # HIDDEN")
    made = page(graded(), Assignment("Lesson 3", (secret,), "d1"))
    assert "HIDDEN" not in made and "41" not in Page(made).text and "STARTER" not in made


def test_only_pages_that_changed_are_written(tmp_path):
    class_ = [graded("ann"), graded("../Bob")]
    first = write(tmp_path, class_, TASK)
    assert len(first) == 2 and all(path.parent == tmp_path / "feedback" for path in first)
    assert first[0].name == "ann.html"
    os.utime(first[0], (1, 1))
    assert write(tmp_path, class_, TASK) == [] and first[0].stat().st_mtime == 1
    again = write(tmp_path, [graded("ann", total=1.0), class_[1]], TASK)
    assert again == [first[0]]


def test_students_whose_names_differ_in_capitals_only_get_a_page_each(tmp_path):
    written = write(tmp_path, [graded("ann"), graded("Ann")], TASK)
    assert len({path.name.casefold() for path in written}) == 2
