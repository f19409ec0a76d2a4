"""Every family of nbgrader sources through the judge: full marks for solutions, the stated ones for attempts."""

import nbformat
import pytest
from grading import sources

from medtutor.grading.bundle import load
from medtutor.grading.judge import grade
from medtutor.grading.submission import Submission

CASES = [(name, None) for name in sources.SOURCES]
CASES += [(name, attempt) for name, attempts in sources.ATTEMPTS.items() for attempt in attempts]


@pytest.mark.parametrize(("name", "attempt"), CASES, ids=str)
def test_an_attempt_gets_the_points_that_it_has_earned(name, attempt, worker, quick, tmp_path):
    source = sources.SOURCES[name]()
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(source))
    task = load(tmp_path / "sheet.ipynb")
    handed_in = tmp_path / "handed_in.ipynb"
    handed_in.write_text(nbformat.writes(sources.handed_in(source, attempt and attempt.answers)))
    graded = grade(Submission("ada", handed_in), task, worker, quick)
    tested = [question for question in task.questions if question.kind == "asserts"]
    expected = {one.id: attempt.points.get(one.id, one.points) if attempt else one.points for one in tested}
    found = {outcome.id: outcome.points for outcome in graded.outcomes if outcome.id in expected}
    assert found == expected, [(one.id, one.status, one.reason) for one in graded.outcomes]
