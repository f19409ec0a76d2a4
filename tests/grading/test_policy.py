"""Lateness: grace, begun days, the last day, and due times that cannot be read."""

from datetime import UTC, datetime

import pytest

from medtutor.errors import LessonError
from medtutor.grading.assignment import Policy
from medtutor.grading.policy import deducted, due_time, lateness
from medtutor.grading.submission import Submission

DUE = "2026-03-01T23:59:00+01:00"
AT_DUE = datetime(2026, 3, 1, 22, 59, tzinfo=UTC).timestamp()


def handed_in(when=None, late_minutes=None):
    return Submission("ann", None, when=when, late_minutes=late_minutes)


def test_what_comes_on_time_is_not_late():
    assert lateness(Policy(due=DUE), handed_in(AT_DUE)) == 0
    assert lateness(Policy(due=DUE), handed_in(AT_DUE - 5000)) == 0


def test_lateness_is_counted_in_days_from_the_due_time_in_its_own_zone():
    assert lateness(Policy(due=DUE), handed_in(AT_DUE + 36 * 3600)) == pytest.approx(1.5)
    assert lateness(Policy(due="2026-03-01T22:59:00Z"), handed_in(AT_DUE + 86400)) == pytest.approx(1)


def test_the_grace_is_free_and_days_count_from_its_end():
    policy = Policy(due=DUE, grace_minutes=30)
    assert lateness(policy, handed_in(AT_DUE + 30 * 60)) == 0
    assert lateness(policy, handed_in(AT_DUE + 30 * 60 + 86400)) == pytest.approx(1)


def test_what_the_platform_says_goes_before_the_time_of_the_file():
    assert lateness(Policy(due=DUE), handed_in(AT_DUE + 10 * 86400, late_minutes=0)) == 0
    assert lateness(Policy(), handed_in(late_minutes=720)) == pytest.approx(0.5)


def test_an_unknown_time_or_no_due_time_is_not_late():
    assert lateness(Policy(due=DUE), handed_in()) == 0
    assert lateness(Policy(), handed_in(AT_DUE + 1e9)) == 0
    assert lateness(Policy(due=DUE), handed_in(late_minutes=float("nan"))) == 0


@pytest.mark.parametrize(
    "days, left", [(0, 8), (1e-6, 7.2), (1, 7.2), (1.0000000001, 7.2), (1.01, 6.4), (9.5, 0), (40, 0)]
)
def test_each_begun_day_costs_its_share_and_points_never_fall_below_zero(days, left):
    assert deducted(8, Policy(percent_per_day=10), days) == left


def test_after_the_last_day_nothing_is_left():
    policy = Policy(percent_per_day=10, last_day=2)
    assert deducted(10, policy, 2) == 8
    assert deducted(10, policy, 2.001) == 0
    assert deducted(10, Policy(last_day=2), 1.5) == 10


def test_points_are_rounded_to_two_decimals():
    assert deducted(10 / 3, Policy(percent_per_day=10), 1) == 3.0
    assert deducted(10 / 3, Policy(), 0) == 3.33


def test_a_due_time_without_an_offset_is_an_error_that_says_what_to_write():
    with pytest.raises(LessonError, match=r"does not say its offset.*2026-03-01T23:59\+01:00"):
        due_time(Policy(due="2026-03-01T23:59"))
    with pytest.raises(LessonError, match="no ISO 8601 time; write it like"):
        due_time(Policy(due="next Friday"))
