"""What a student gets back: one page that stands alone, with the marks and, for each question, why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medtutor.course.measured import write as write_file
from medtutor.errors import StorageError
from medtutor.grading.assignment import Assignment
from medtutor.grading.names import safe_names
from medtutor.grading.pages import paragraphs, shell, table, text
from medtutor.grading.results import Graded
from medtutor.grading.tables import number

# How each status of an outcome is said to a student.
SAID = {
    "correct": "correct",
    "partial": "partly correct",
    "wrong": "not yet",
    "not attempted": "not attempted",
    "needs marking": "waits for a person",
    "time": "took too long",
    "memory": "used too much memory",
    "crashed": "ended the Python process",
    "unreadable": "could not be read",
}
_NOTICES = {
    "needs marking": "A person still has to mark some of it: the total can go up.",
    "unreadable": "The notebook could not be read. Hand it in again as an .ipynb file, or ask.",
    "missing": "No notebook was handed in.",
}


def page(graded: Graded, assignment: Assignment) -> str:
    """The page for one submission. All text is escaped; of hidden tests it holds only what `Outcome.reason` says."""
    earned = round(sum(outcome.points for outcome in graded.outcomes), 2)
    parts = [f"<p>For {text(graded.student)}</p>"]
    parts.append(f'<p class="total"><strong>{number(graded.total)} of {number(graded.maximum)} points</strong></p>')
    if graded.late > 0:
        days = f"{number(graded.late)} {'day' if number(graded.late) == '1' else 'days'}"
        lost = round(earned - graded.total, 2)
        cost = f"{number(lost)} of {number(earned)} points were deducted" if lost > 0 else "nothing was deducted"
        parts.append(f"<p>Handed in {days} late: {cost}.</p>")
    if graded.status in _NOTICES:
        parts.append(f'<p class="notice">{_NOTICES[graded.status]}</p>')
    if graded.notes:
        parts.append(f"<h2>About what you handed in</h2>{paragraphs(graded.notes)}")
    rows = [
        (
            text(outcome.id),
            text(SAID.get(outcome.status, outcome.status)),
            f"{number(outcome.points)} of {number(outcome.maximum)}",
            _reason(outcome.reason, outcome.notes),
        )
        for outcome in graded.outcomes
    ]
    if rows:
        parts.append("<h2>Questions</h2>")
        parts.append(table("Points for each question", ("Question", "Result", "Points", "Why"), rows, numbers=(2,)))
    return shell(f"Feedback: {assignment.name}", "\n".join(parts))


def _reason(reason: str, notes: Sequence[str]) -> str:
    said = text(reason).replace("\n", "<br>")
    return f"{said}{paragraphs(notes)}"


def write(out: Path, graded: Sequence[Graded], assignment: Assignment) -> list[Path]:
    """Write OUT/feedback/<student>.html where it changed, and return those written. Raises `StorageError`.

    Give all of the class: names that differ in capitals only are told apart among those given.
    """
    folder = Path(out) / "feedback"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror or error}.") from error
    names = safe_names(one.student for one in graded)
    written = []
    for one in graded:
        path, content = folder / f"{names[one.student]}.html", page(one, assignment).encode()
        try:
            if path.read_bytes() == content:
                continue
        except OSError:
            pass  # not there yet
        write_file(path, content)
        written.append(path)
    return written
