"""The assignment as one student got it: exercises that draw their parameters are drawn again from the secret."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from medtutor.errors import LessonError
from medtutor.grading import bundle
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.variants import draw, read_secret, with_parameters

UNKNOWN = (
    "Variants were drawn for each student of the class list, and this name is not on it: give the platform's own list "
    "as --roster, for release and for grade, or name the folder as the list does."
)


def for_students(
    task: Assignment, path: Path, students: Sequence[str], secret: Path | None = None
) -> list[Assignment | None]:
    """One assignment for each student; the same one where nothing is drawn, or all draw the same. None for somebody
    who was not on the class list when variants were drawn by student: which ones they answered is not known.

    Raises `LessonError` where a secret is needed and not given, `DataError` where it cannot be read or is another one.
    """
    if task.variants == "none":
        return [task] * len(students)
    if secret is None:
        raise LessonError(
            f"{task.name} was released with variants: give the file of the secret that drew them (--secret FILE)."
        )
    key = read_secret(secret)
    bundle.check_secret(path, key)
    if task.variants == "course":
        return [_drawn(task, key, None)] * len(students)
    known = {unicodedata.normalize("NFC", student) for student in bundle.read_info(path).get("students", ())}
    listed = [not known or unicodedata.normalize("NFC", student) in known for student in students]
    return [_drawn(task, key, one) if there else None for one, there in zip(students, listed, strict=True)]


def _drawn(task: Assignment, secret: bytes, student: str | None) -> Assignment:
    sha = hashlib.sha256(task.digest.encode())
    questions: list[Question] = []
    for question in task.questions:
        if question.kind == "cases" and question.tests.draw is not None:
            values = draw(question.tests, secret, task.course, student)
            exercise = with_parameters(question.tests, values)
            question = dataclasses.replace(question, tests=exercise, starters=(exercise.starter,))
            sha.update(json.dumps([question.id, values], sort_keys=True).encode())
        questions.append(question)
    return dataclasses.replace(task, questions=tuple(questions), digest=sha.hexdigest())
