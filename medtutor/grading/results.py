"""What grading says: one outcome for each question of each submission."""

from __future__ import annotations

from dataclasses import dataclass, field

# "needs marking": a person has to read it. "not attempted": no answer, or the starter as it was.
STATUSES = ("correct", "partial", "wrong", "not attempted", "needs marking", "time", "memory", "crashed", "unreadable")


@dataclass(frozen=True)
class Outcome:
    """Of one question: `status` (one of `STATUSES`), `points` given, `reason` in the author's words, and `notes`."""

    id: str
    status: str
    points: float
    maximum: float
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graded:
    """Of one submission: its outcomes, and what was noticed about the file. `total` is after lateness, `late` in days.

    `status`: "graded", "needs marking" (some question waits for a person), "unreadable" (no notebook could be read),
    "missing" (on the roster, nothing handed in).
    """

    student: str
    outcomes: tuple[Outcome, ...]
    total: float
    maximum: float
    late: float = 0.0
    status: str = "graded"
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    manual: dict[str, str] = field(default_factory=dict)  # question id to the text that a person reads
