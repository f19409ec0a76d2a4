"""Gradescope: one results.json a student, as an autograder writes it.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medtutor.course.measured import write
from medtutor.errors import unknown
from medtutor.grading.export.source import Student, folder, read
from medtutor.grading.names import safe_names
from medtutor.grading.tables import number

VISIBILITY = ("hidden", "after_due_date", "after_published", "visible")


def export(out: Path, to: Path, *, visibility: str = "after_published", notes: list[str] | None = None) -> list[Path]:
    """Write TO/<student>/results.json for each student who handed in, and return them.

    `visibility` says when students see their results (one of `VISIBILITY`); what the grader prints stays hidden.
    """
    if visibility not in VISIBILITY:
        raise unknown("visibility in Gradescope", visibility, VISIBILITY)
    marks = read(out)
    names = safe_names(marks.students)
    written = []
    for student in marks.students.values():
        if student.status == "missing":
            if notes is not None:
                notes.append(f"{student.name} handed in nothing: no results.json.")
            continue
        path = folder(Path(to) / names[student.name]) / "results.json"
        text = json.dumps(results(student, visibility), indent=2, ensure_ascii=False, allow_nan=False)
        write(path, f"{text}\n".encode("utf-8", "backslashreplace"))
        written.append(path)
    return written


def results(student: Student, visibility: str) -> dict[str, Any]:
    """The contents of results.json. The score at the top is after lateness, so it can be below the sum of the tests."""
    said = [f"{number(student.total)} of {number(student.maximum)} points."]
    if student.late > 0:
        said.append(f"Handed in {number(student.late)} days late.")
    if student.status == "needs marking":
        said.append("A person still has to mark some of it: the total can go up.")
    tests = []
    for place, line in enumerate(student.lines, 1):
        test = {
            "name": line.exercise,
            "name_format": "text",
            "number": str(place),
            "output": line.reason or line.status,
            "output_format": "text",
            "visibility": visibility,
        }
        if line.status != "needs marking":  # without a score, Gradescope shows the text alone
            test |= {
                "score": line.points,
                "max_score": line.maximum,
                "status": "passed" if line.points >= line.maximum else "failed",
            }
        tests.append(test)
    return {
        "score": student.total,
        "output": " ".join(said),
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"status": student.status, "late_days": student.late},
    }
