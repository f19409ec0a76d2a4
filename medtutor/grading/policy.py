"""Lateness: how late a submission is, and what is left of its points."""

from __future__ import annotations

import math
from datetime import datetime

from medtutor.errors import LessonError
from medtutor.grading.assignment import Policy
from medtutor.grading.submission import Submission

DAY = 24 * 60.0  # minutes


def due_time(policy: Policy) -> datetime | None:
    """When it is due, with its offset from UTC; None where nothing is due. Raises `LessonError`."""
    if not policy.due:
        return None
    try:
        due = datetime.fromisoformat(policy.due)
    except ValueError:
        raise LessonError(
            f"The due time {policy.due!r} is no ISO 8601 time; write it like 2026-03-01T23:59+01:00."
        ) from None
    if due.utcoffset() is None:
        raise LessonError(
            f"The due time {policy.due!r} does not say its offset from UTC; "
            f"write it with one, like {due.isoformat(timespec='minutes')}+01:00 (or Z for UTC)."
        )
    return due


def lateness(policy: Policy, submission: Submission) -> float:
    """Days late, counted from the end of the grace; 0.0 where it is in time, or where nobody knows when it came.

    What the learning platform says (`late_minutes`) goes before the time of the file.
    """
    due = due_time(policy)
    if submission.late_minutes is not None:
        minutes = submission.late_minutes
    elif due is not None and submission.when is not None:
        minutes = (submission.when - due.timestamp()) / 60
    else:
        return 0.0
    days = (minutes - policy.grace_minutes) / DAY
    return days if days > 0 and math.isfinite(days) else 0.0


def deducted(points: float, policy: Policy, days: float) -> float:
    """What is left of `points` when handed in `days` late (from `lateness`): rounded to 2 decimals, never below 0.

    Each begun day costs `policy.percent_per_day` of the points; later than `policy.last_day` days, nothing is left.

    >>> deducted(8, Policy(percent_per_day=10), 1.2)  # two days are begun
    6.4
    """
    if days <= 0:
        return round(max(points, 0.0), 2)
    days = round(days, 6)  # a time in seconds since 1970 is no exact number of days
    if policy.last_day and days > policy.last_day:
        return 0.0
    share = 1 - math.ceil(days) * policy.percent_per_day / 100
    return round(max(points * share, 0.0), 2)
