"""The report: right numbers, honest intervals, what kept students' code in, and a page that loads nothing."""

import re

import pytest
from grading.html_page import Page
from scipy.stats import binomtest

from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.report import histogram, page, wilson
from medtutor.grading.results import Graded, Outcome

TASK = Assignment("Lesson 3", (Question("cnn.pool", "cases", 2), Question("cnn.same", "cases", 2)), "digest-1234567")
INFO = {
    "isolation": {"level": "namespaces", "means": ["no network"], "gaps": ["time of the processor <shared>"]},
    "seconds": 61.0,
    "jobs": 2,
    "per_submission": 0.153,
    "versions": {"medtutor": "0.4", "Python": "3.11.9"},
    "timeout": 30.0,
    "memory": 1024,
    "finished": "2026-03-01T23:59:00+01:00",
    "notes": ["README.md was left out."],
}


def graded(student, first, second=2.0, reason="Off by one.", **fields):
    def outcome(id, points):
        return Outcome(id, "correct" if points == 2 else "wrong", points, 2, "" if points == 2 else reason)

    outcomes = (outcome("cnn.pool", first), outcome("cnn.same", second))
    return Graded(student, outcomes, **{"total": first + second, "maximum": 4} | fields)


CLASS = [
    graded("ann", 2.0),
    graded("bob", 0.0),
    graded("cid", 0.0, 0.0, late=1.5, total=0.0),
    graded("dan", 2.0, status="needs marking"),
    Graded("eve", (), 0, 4, status="missing", notes=("Nothing was handed in.",)),
]


@pytest.mark.parametrize("right, n", [(0, 5), (1, 1), (3, 10), (624, 624)])
def test_the_interval_is_wilsons_as_scipy_computes_it(right, n):
    known = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right / n, n) == pytest.approx((known.low, known.high), abs=1e-6)


def test_the_histogram_counts_everyone_once_and_full_marks_in_the_last_class():
    classes = histogram([0, 0.99, 1, 9.999, 10, 10.5], 10)
    assert [count for *_, count in classes] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert classes[0][:2] == (0, 1) and classes[-1][:2] == (9, 10)
    assert histogram([0, 0], 0) == [(0, 0, 2)]


def test_the_report_counts_submissions_and_gives_the_median_of_those_that_came():
    text = Page(page(TASK, CLASS, INFO)).text
    assert "Submissions: 4, of 5 students." in text and "Median total: 3 of 4 points." in text
    assert "Waiting for a person (manual.csv): 1," in text


def test_the_hardest_question_comes_first_with_interval_and_reasons():
    made = page(TASK, CLASS, INFO)
    table = made.partition("Hardest first")[2].partition("</table>")[0]
    assert table.index("cnn.pool") < table.index("cnn.same")
    low, high = wilson(0.5, 4)
    assert f"50 % ({100 * low:.0f} to {100 * high:.0f})" in table and "2\u00d7 Off by one." in table


def test_what_waits_for_a_person_does_not_make_a_question_look_hard():
    waiting = Graded("x", (Outcome("cnn.pool", "needs marking", 0, 2),), 0, 4, status="needs marking")
    made = page(TASK, [waiting, graded("ann", 2.0)], {})
    assert "100 % (" in made and "50 % (" not in made


def test_the_histogram_has_a_title_a_description_and_the_same_numbers_as_a_table():
    made = page(TASK, CLASS, INFO)
    assert 'aria-labelledby="dist-title dist-desc"' in made and made.count("<svg") == 1
    bars = [int(count) for count in re.findall(r'text-anchor="middle">(\d+)</text><text[^>]*y="212"', made)]
    twin = made.partition("Totals, in numbers")[2].partition("</table>")[0]
    counts = [int(count) for count in re.findall(r'<td class="n">(\d+)</td>', twin)]
    assert sum(counts) == 4 and bars == [count for count in counts if count]


def test_late_ones_isolation_time_settings_and_limits_are_said():
    text = " ".join(Page(page(TASK, CLASS, INFO)).text.split())
    for words in (
        "Latest first",
        "1.5",
        "namespaces",
        "no network",
        "time of the processor <shared>",
        "61 s",
        "0.15 s",
    ):
        assert words in text
    for words in ("30 s", "1024 MB", "3.11.9", "digest-12345", "README.md was left out.", "cannot show who wrote it"):
        assert words in text


def test_without_isolation_the_report_warns_at_the_top():
    made = page(TASK, CLASS, {"isolation": {"level": "none", "means": [], "gaps": []}})
    assert made.index("WITHOUT isolation") < made.index("<h2>") and "WITHOUT" not in page(TASK, CLASS, INFO)


def test_students_link_to_their_feedback_and_need_no_luck_with_their_names():
    made = page(TASK, [graded("Ada & Co, 1", 2.0), graded("../x", 2.0)], {})
    targets = [a["href"] for a in Page(made).all("a")]
    assert len(targets) == 2 and all(re.fullmatch(r"feedback/[\w.%-]+\.html", target) for target in targets)


def test_everything_is_escaped_and_nothing_is_loaded():
    evil = "</table><script>alert(1)</script>"
    info = INFO | {"notes": [evil], "versions": {evil: evil}, "finished": evil}
    made = Page(page(Assignment(evil, TASK.questions, evil), [graded(evil, 0.0, reason=evil, notes=(evil,))], info))
    names = {tag for tag, _ in made.tags}
    assert "script" not in names and "img" not in names and "link" not in names


@pytest.mark.parametrize("class_", [[], [CLASS[4]]])
def test_an_empty_class_and_one_in_which_nobody_came_have_a_report(class_):
    assert f"Submissions: 0, of {len(class_)} students." in Page(page(TASK, class_, {})).text
