"""Questions that a person reads: find the text, and use the points that the person gave."""

from __future__ import annotations

import re
from collections.abc import Mapping

from medtutor.checks import Essay
from medtutor.grading.assignment import Question
from medtutor.grading.literals import handed_out, has_marker
from medtutor.grading.results import Outcome
from medtutor.grading.submission import Notebook

LONGEST = 20_000  # characters that a person is asked to read
CUT = f"[Cut here: only the first {LONGEST:,} characters are kept.]"
_MARKER = re.compile(r"^[ \t]*(?:#[ \t]*medtutor:.*|<!--[ \t]*medtutor:[^\n>]*-->)[ \t]*$", re.MULTILINE)
_STUBS = ("YOUR ANSWER HERE", "# YOUR CODE HERE\nraise NotImplementedError()")  # nbgrader's


def text_of(question: Question, notebook: Notebook) -> str | None:
    """What was written, without marker and starter; None where nothing was.

    From the cells with the question's marker comment (in markdown an HTML comment), else those that nbgrader's
    metadata or the cell's id gives away. Several different texts are joined; a long one is cut, with a note.
    """
    ids = dict.fromkeys((question.id, *question.markers))
    groups = (
        [cell for cell in notebook.cells if has_marker(cell, ids)],
        [cell for cell in notebook.cells if handed_out(cell, question.grade_ids, ())],
        [cell for cell in notebook.cells if handed_out(cell, (), question.cell_ids)],
    )
    for cells in groups:
        texts = [text for cell in cells if (text := _written(question, cell.source[: 4 * LONGEST]))]
        if texts:
            whole = "\n\n---\n\n".join(dict.fromkeys(texts))
            return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}\n\n{CUT}"
    return None


def mark(question: Question, notebook: Notebook, manual: Mapping[str, float]) -> Outcome:
    """Marks from `manual`, question id to the points that a person gave this student; without, "needs marking".

    Nothing written and no points: "not attempted".
    """
    text, given, most = text_of(question, notebook), manual.get(question.id), question.points
    if given is not None:
        if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given <= most:
            reason = f"The points given should be a number from 0 to {most:g}; they are not used."
            return Outcome(question.id, "needs marking", 0, most, reason)
        status = "correct" if given == most else "partial" if given > 0 else "wrong"
        return Outcome(question.id, status, float(given), most, "Read by a person.")
    if text is None:
        return Outcome(question.id, "not attempted", 0, most, "Nothing was written.")
    return Outcome(question.id, "needs marking", 0, most, "A person reads this.", _notes(question, text))


def _notes(question: Question, text: str) -> tuple[str, ...]:
    """How long the text is, where the question says how long it should be."""
    if not isinstance(question.tests, Essay):
        return ()
    words, (fewest, most) = len(text.split()), question.tests.words
    return () if fewest <= words <= most else (f"{words} words; {fewest} to {most} were asked for.",)


def _written(question: Question, source: str) -> str:
    """The student's own part of a cell."""
    text = _MARKER.sub("", source.replace("\r\n", "\n")).strip()
    starters = [*question.starters, *_STUBS]
    if isinstance(question.tests, Essay):
        starters.append(question.tests.starter)
    for starter in starters:
        bare = _MARKER.sub("", starter.replace("\r\n", "\n")).strip()
        if " ".join(text.split()) == " ".join(bare.split()):
            return ""
        if bare:  # some leave it and write below
            text = re.sub(rf"^[ \t]*{re.escape(bare)}[ \t]*$", "", text, flags=re.MULTILINE).strip()
    return text
