"""What was graded already, a file for each student: an interrupted run goes on, only what changed is graded anew."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import medtutor
from medtutor.course.measured import write
from medtutor.grading.assignment import Assignment
from medtutor.grading.results import Graded, Outcome
from medtutor.grading.submission import Submission

FOLDER = ".medtutor"


def key(submission: Submission, assignment: Assignment, settings: dict) -> str:
    """A hash of everything that the marks of a submission follow from, but for when it came."""
    sha = hashlib.sha256()
    parts = [medtutor.__version__, assignment.digest, json.dumps(settings, sort_keys=True), submission.student]
    for text in (*parts, *submission.notes):
        sha.update(text.encode("utf-8", "surrogatepass") + b"\0")
    files = {"": submission.notebook} if submission.notebook else {}
    for name, path in sorted((files | submission.files).items()):
        sha.update(name.encode("utf-8", "surrogatepass") + b"\0")
        try:
            with open(path, "rb") as file:
                sha.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            sha.update(str(error.errno).encode())
    return sha.hexdigest()


def keep(out: Path, key: str, graded: Graded) -> None:
    """Write one result, whole or not at all."""
    folder = out / FOLDER / "results"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"key": key, "graded": dataclasses.asdict(graded)}
    write(_path(out, graded.student), (json.dumps(content, indent=1) + "\n").encode("utf-8", "surrogatepass"))


def kept(out: Path, key: str, student: str) -> Graded | None:
    """The result that was kept under this key, or None."""
    try:
        content = json.loads(_path(out, student).read_bytes())
        return from_dict(content["graded"]) if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that was cut off or edited: grade again
        return None


def from_dict(content: dict) -> Graded:
    """A `Graded` back from `dataclasses.asdict`."""
    outcomes = tuple(Outcome(**{**one, "notes": tuple(one["notes"])}) for one in content["outcomes"])
    return Graded(**{**content, "outcomes": outcomes, "notes": tuple(content["notes"])})


def _path(out: Path, student: str) -> Path:
    name = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return out / FOLDER / "results" / f"{name}.json"
