"""A bundle: what an instructor keeps to grade with. A folder `<name>.bundle/`, written by `medtutor release`.

    bundle.json      name, kind, policy, credit, and the questions with their points, in order
    exercises.py     of a lesson: its exercises as they were released; mend a test here, and everything is graded again
    source.ipynb     of an nbgrader notebook: the source. In a lesson's bundle: its source notebook for nbgrader
    labels/<id>.csv  the labels that predictions are scored against

Nothing but the instructor's own `exercises.py` is ever run from it. Students must never get it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import linecache
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import medtutor
from medtutor.checks import Essay, Exercise, Guess, Predictions, Quiz
from medtutor.checks.finding import Item, Sheet, load_sheet
from medtutor.errors import LessonError, MedtutorError, StorageError
from medtutor.grading.assignment import CREDITS, Assignment, Policy, Question

FORMAT = 1
INFO, MODULE, SOURCE, LABELS = "bundle.json", "exercises.py", "source.ipynb", "labels"
VARIANTS = ("none", "course", "student")


def load(path: str | Path) -> Assignment:
    """The assignment in a bundle, or in an nbgrader source notebook (`.ipynb`).

    Raises `LessonError` where `path` is neither, was made by a newer medtutor, lacks a file, or where a question is not
    in order.
    """
    path = Path(path)
    if path.suffix == ".ipynb":
        from medtutor.grading.nbgrader_cells import read
        from medtutor.grading.nbgrader_source import questions

        notebook = read(path)
        found = questions(notebook, path.name)
        if not found:
            raise LessonError(f"{path.name} asks nothing: no cell has nbgrader metadata with points.")
        return Assignment(path.stem, found, _digest({"name": path.stem}, {}, notebook))
    info = read_info(path)
    policy = _policy(info, path)
    if info["kind"] == "lesson":
        sheet = _sheet(path)
        found = tuple(_question(entry, sheet, path) for entry in info["questions"] if _counts(entry))
        files = {MODULE: _bytes(path / MODULE)}
        files |= {one.tests.labels.name: _bytes(one.tests.labels) for one in found if one.kind == "predictions"}
        digest = _digest(info, files, None)
    else:
        from medtutor.grading.nbgrader_cells import read
        from medtutor.grading.nbgrader_source import questions

        _bytes(path / SOURCE)
        notebook = read(path / SOURCE)
        points = {entry["id"]: entry["points"] for entry in info["questions"]}
        found = tuple(replace(one, points=points.get(one.id, one.points)) for one in questions(notebook, SOURCE))
        missing = sorted(set(points) - {one.id for one in found})
        if missing:
            raise LessonError(f"{path / INFO} lists the question {missing[0]}, which {SOURCE} does not have.")
        digest = _digest(info, {}, notebook)
    return Assignment(info["name"], found, digest, policy, info["credit"], info["course"], info["variants"])


def lesson_question(item: Item, points: float, labels: Path) -> Question:
    """What a lesson asks, as a question. `labels` is the folder of labels, for predictions."""
    word = item.id.partition(".")[2]
    asked = Question(
        id=item.id,
        kind="cases",
        points=points,
        markers=(item.id,),
        grade_ids=(item.id.replace(".", "_"),),  # where the class got the lesson's notebook for nbgrader
        cell_ids=(answer_cell(item.id),),
        tests=item,
    )
    if isinstance(item, Exercise):
        return replace(asked, names=(item.name,), starters=(item.starter,))
    if isinstance(item, Quiz):
        return replace(asked, kind="quiz", names=(f"choice_{word}",))
    if isinstance(item, Guess):
        return replace(asked, kind="quiz", names=(item.name,))
    if isinstance(item, Essay):
        return replace(asked, kind="manual", starters=(item.starter,))
    from medtutor.grading.predictions import Scored

    return replace(asked, kind="predictions", tests=Scored(item, labels / f"{item.id}.csv"))


def answer_cell(id: str) -> str:
    """The id of the cell of a released lesson in which `id` is answered."""
    return f"answer-{id.replace('.', '-')}"[:64]


def info_of(
    name: str,
    kind: str,
    questions: list[dict[str, Any]],
    policy: Policy,
    credit: str,
    course: str = "",
    variants: str = "none",
    secret: bytes | None = None,
    lesson: str = "",
) -> dict[str, Any]:
    """What `bundle.json` holds. Raises `LessonError` where a setting is not in order."""
    info = {
        "format": FORMAT,
        "medtutor": medtutor.__version__,
        "name": name,
        "kind": kind,
        "lesson": lesson,
        "policy": asdict(policy),
        "credit": credit,
        "course": course,
        "variants": variants,
        "secret_check": fingerprint(secret) if secret else "",
        "questions": questions,
    }
    _check(info, name)
    _policy(info, Path(name))
    return info


def save(folder: Path, info: Mapping[str, Any], files: Mapping[str, bytes]) -> Path:
    """Write a bundle whole or not at all; one that is there is replaced. Raises `StorageError`, `LessonError`."""
    if folder.exists() and not (folder / INFO).is_file():
        raise LessonError(f"{folder} is there and is no bundle; move it away or choose another folder.")
    new = old = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        for name, content in {**files, INFO: (json.dumps(info, indent=1) + "\n").encode()}.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            os.replace(folder, old / folder.name)
        os.replace(new, folder)  # it keeps mkdtemp's mode: nobody but its owner reads it
    except OSError as error:
        if old is not None and not folder.exists() and (old / folder.name).exists():
            os.replace(old / folder.name, folder)
        raise StorageError(f"The bundle {folder} could not be written: {error.strerror or error}.") from error
    finally:
        for left in (new, old):
            if left is not None:
                shutil.rmtree(left, ignore_errors=True)
    return folder


def fingerprint(secret: bytes) -> str:
    """Sixteen digits that tell one secret from another, and nothing else about it."""
    return hashlib.sha256(b"medtutor bundle\n" + secret).hexdigest()[:16]


def check_secret(path: str | Path, secret: bytes) -> None:
    """Raises `LessonError` where a bundle was released with another secret: every expected value would be wrong."""
    info = read_info(Path(path))
    if info["secret_check"] and info["secret_check"] != fingerprint(secret):
        raise LessonError(f"{path} was released with another secret than the one given; grade with that one.")


def read_info(path: Path) -> dict[str, Any]:
    """What `bundle.json` of a bundle holds, checked. Raises `LessonError`."""
    if not path.is_dir():
        what = "is no bundle and no notebook" if path.exists() else "does not exist"
        raise LessonError(f"{path} {what}; give the folder <name>.bundle that `medtutor release` wrote.")
    if not (path / INFO).is_file():
        raise LessonError(f"{path} is no bundle: it holds no {INFO}.")
    try:
        info = json.loads(_bytes(path / INFO))
    except ValueError as error:
        raise LessonError(f"{path / INFO} is no JSON: {error}.") from error
    if not isinstance(info, dict) or not isinstance(info.get("format"), int):
        raise LessonError(f"{path / INFO} is not one that `medtutor release` wrote.")
    if info["format"] > FORMAT:
        raise LessonError(f"{path} was made by a newer medtutor ({info.get('medtutor')}); update this one.")
    _check(info, path / INFO)
    return info


def _check(info: dict[str, Any], where: Any) -> None:
    texts = all(isinstance(info.get(key), str) for key in ("name", "lesson", "course", "secret_check"))
    if not texts or info.get("kind") not in ("lesson", "nbgrader"):
        raise LessonError(f"{where}: name, kind, lesson, course or secret_check is missing or wrong; release again.")
    for key, known in (("credit", CREDITS), ("variants", VARIANTS)):
        if info.get(key) not in known:
            raise LessonError(f"{where}: {key} should be one of {', '.join(known)}, got {info.get(key)!r}.")
    questions = info.get("questions")
    if not isinstance(questions, list) or not questions:
        raise LessonError(f"{where}: questions should be a list that is not empty.")
    for entry in questions:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise LessonError(f"{where}: a question has no id: {entry!r}.")
        points = entry.get("points")
        if type(points) not in (int, float) or not 0 <= points < math.inf:
            raise LessonError(f"{where}: the points of {entry['id']} should be a number of at least 0, got {points!r}.")


def _policy(info: dict[str, Any], where: Path) -> Policy:
    from medtutor.grading.policy import due_time

    try:
        policy = Policy(**info["policy"])
        numbers = (policy.grace_minutes, policy.percent_per_day, policy.last_day)
        good = all(type(one) in (int, float) and 0 <= one < math.inf for one in numbers)
        good = good and policy.percent_per_day <= 100 and isinstance(policy.due, str)
    except (KeyError, TypeError):
        good = False
    if not good:
        raise LessonError(
            f"{where}: the policy should have due, grace_minutes, percent_per_day (0 to 100) and last_day, none below "
            f"0; got {info.get('policy')!r}."
        )
    due_time(policy)
    return policy


def _counts(entry: dict[str, Any]) -> bool:
    """A quiz or guess of no points is practice: it gets no line in the marks."""
    return entry["points"] > 0 or entry.get("what") not in ("quiz", "guess")


def _question(entry: dict[str, Any], sheet: Sheet, path: Path) -> Question:
    item = sheet.groups.get(entry.get("what"), {}).get(entry["id"])
    if item is None:
        raise LessonError(f"{path / INFO} lists {entry.get('what')} {entry['id']}, which {MODULE} does not define.")
    question = lesson_question(item, entry["points"], path / LABELS)
    if isinstance(item, Predictions):
        _bytes(question.tests.labels)
    return question


def _sheet(path: Path) -> Sheet:
    """The exercises of a bundle, read anew: a mended test counts at once, even within one process."""
    _bytes(path / MODULE)
    linecache.checkcache(str(path / MODULE))
    with _no_bytecode():  # a file that is mended within a second would be taken from its old bytecode
        try:
            return load_sheet.__wrapped__(path / MODULE)
        except MedtutorError:
            raise
        except Exception as error:
            raise LessonError(f"{path / MODULE} cannot be loaded: {type(error).__name__}: {error}.") from error


@contextlib.contextmanager
def _no_bytecode() -> Iterator[None]:
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise LessonError(f"The bundle lacks {file}; release the assignment again.") from None
    except OSError as error:
        raise LessonError(f"{file} cannot be read: {error.strerror or error}.") from error


def _digest(info: dict[str, Any], files: dict[str, bytes], notebook: Any) -> str:
    """SHA-256 over all that decides marks. Outputs and comments outside of cells decide none."""
    every = notebook.cells if notebook else []
    cells = [[cell.cell_type, cell.source, cell.metadata.get("nbgrader", {})] for cell in every]
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    what = {**info, "medtutor": medtutor.__version__, "files": hashes, "cells": cells}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
