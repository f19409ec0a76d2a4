"""Marks for a file of predictions, scored against labels that no student has."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import stat
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from medtutor import evaluate
from medtutor.checks import Predictions
from medtutor.errors import DataError, LessonError
from medtutor.grading.assignment import Question
from medtutor.grading.results import Outcome
from medtutor.grading.submission import Submission

BYTES, ROWS, COLUMNS = 20_000_000, 1_000_000, 200


@dataclass(frozen=True)
class Scored:
    """What the question needs: how the file is to look, and where the labels are (a CSV file: id, label)."""

    predictions: Predictions
    labels: Path


class _Refused(Exception):
    """A file that cannot be scored; the message is for the student and holds nothing of theirs nor of the labels."""


def mark(question: Question, submission: Submission) -> Outcome:
    """Marks for the file that `question.tests` (a `Scored`) asks for, by the bands of its score.

    Whatever was handed in gives an outcome. Raises `LessonError` where the labels themselves cannot be used.
    """
    scored: Scored = question.tests
    asked = scored.predictions
    labels = read_labels(scored.labels)
    path = _file(asked.file, submission)
    if path is None:
        return _outcome(question, "not attempted", 0, f"There is no file {asked.file} beside the notebook.")
    try:
        values, notes = _values(_rows(path, asked), asked, labels)
        value, said = _score(asked, np.array(list(labels.values())), values)
    except _Refused as refused:
        return _outcome(question, "wrong", 0, f"{asked.file}: {refused}")
    share = asked.share(value)
    status = "correct" if share == 1 else "partial" if share else "wrong"
    bands = ", ".join(f"{part:.0%} from {least:g}" for least, part in asked.bands)
    reason = f"{share:.0%} of the points." if asked.hide else f"{said}. Points: {bands}."
    return _outcome(question, status, share, reason, notes)


@lru_cache(maxsize=16)
def _labels(path: Path, _changed: int) -> dict[str, tuple[int, ...]]:
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    found = {row[0].strip(): tuple(int(value) for value in row[1:]) for row in rows[1:] if row}
    if not found or len(found) < sum(bool(row) for row in rows[1:]) or len(set(map(len, found.values()))) != 1:
        raise ValueError("ids that occur twice, no rows, or rows of different lengths")
    return found


def read_labels(path: Path) -> dict[str, tuple[int, ...]]:
    """Id to label (several where an image has several), from a CSV file with one header line. Raises `LessonError`."""
    try:
        return _labels(Path(path), Path(path).stat().st_mtime_ns)
    except (OSError, ValueError, csv.Error) as error:
        raise LessonError(f"The labels {path} should be a CSV file of ids and whole numbers: {error}.") from error


def _outcome(question: Question, status: str, share: float, reason: str, notes: tuple[str, ...] = ()) -> Outcome:
    return Outcome(question.id, status, share * question.points, question.points, reason, notes)


def _file(name: str, submission: Submission) -> Path | None:
    """The file of this name; where capitals differ, the first."""
    if name in submission.files:
        return submission.files[name]
    same = sorted(one for one in submission.files if one.rpartition("/")[2].lower() == name.lower())
    return submission.files[same[0]] if same else None


def _text(path: Path) -> str:
    """The file as text. A link is not followed, and a pipe is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _Refused("it is no ordinary file.")
            content = file.read(BYTES + 1)
    except OSError:
        raise _Refused("it cannot be read.") from None
    if len(content) > BYTES:
        raise _Refused(f"it has more than {BYTES // 1_000_000} MB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Refused("it is no text in UTF-8; save it as CSV again.") from None


def _rows(path: Path, asked: Predictions) -> list[list[str]]:
    """The cells of the asked columns, in their order, of every row."""
    text = _text(path)
    first = text[:10_000].lstrip().splitlines()[:1]
    if not first:
        raise _Refused("it is empty.")
    sign = max(",;\t", key=first[0].count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            if any(map(str.strip, row)):
                rows.append(row)
            if len(rows) > ROWS + 1 or len(row) > COLUMNS:
                raise _Refused(f"it has more than {ROWS:,} rows or {COLUMNS} columns.")
    except csv.Error:
        raise _Refused("it is no CSV file: a quotation mark may be missing, or a field is too long.") from None
    header = [name.strip().lower() for name in rows[0]]
    wanted = [name.lower() for name in asked.columns]
    if any(header.count(name) != 1 for name in wanted):
        raise _Refused(f"its first line should name the columns {','.join(asked.columns)}, each once.")
    if len(rows) == 1:
        raise _Refused("there is no row after the first line.")
    odd = sum(len(row) != len(header) for row in rows[1:])
    if odd:
        comma = " Numbers need a decimal point, such as 0.87, not a comma." if sign == "," else ""
        raise _Refused(f"{odd:,} rows have another number of columns than the first line.{comma}")
    order = [header.index(name) for name in wanted]
    return [[row[at].strip() for at in order] for row in rows[1:]]


def _values(
    rows: list[list[str]], asked: Predictions, labels: dict[str, tuple[int, ...]]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The predictions (N,) or (N, C) in the order of the labels."""
    by_id = Counter(_id(row[0], labels) for row in rows)
    twice = sum(count > 1 for count in by_id.values())
    unknown = sum(id not in labels for id in by_id)
    missing = sum(id not in by_id for id in labels)
    if twice or unknown or missing:
        raise _Refused(
            f"the column {asked.columns[0]} should hold each of the {len(labels):,} images once: {missing:,} are "
            f"missing, {unknown:,} are unknown, {twice:,} occur more than once."
        )
    if any(re.fullmatch(r"-?\d*,\d+", value[:40]) for row in rows for value in row[1:]):
        raise _Refused("numbers need a decimal point, such as 0.87, not a comma.")
    numbers = {_id(row[0], labels): [_number(value) for value in row[1:]] for row in rows}
    values = np.array([numbers[id] for id in labels], dtype=np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise _Refused(f"{bad:,} values are no finite numbers.")
    outside = int(((values < asked.low) | (values > asked.high)).sum())
    if outside:
        raise _Refused(f"{outside:,} values lie outside of {asked.low:g} to {asked.high:g}.")
    same = len(np.unique(values, axis=0)) == 1
    return (values[:, 0] if values.shape[1] == 1 else values), ("All predictions are the same.",) if same else ()


def _id(text: str, labels: dict[str, tuple[int, ...]]) -> str:
    """An id as it stands, or without the ".0" that a table program may have added."""
    return text[:-2] if text not in labels and text.endswith(".0") else text


def _number(text: str) -> float:
    try:
        return float(text) if len(text) <= 100 and "_" not in text else math.nan
    except ValueError:
        return math.nan


def _score(asked: Predictions, labels: np.ndarray, values: np.ndarray) -> tuple[float, str]:
    """The score, and the score with its interval in words."""
    metric = getattr(evaluate, asked.score)
    labels = labels[:, 0] if labels.shape[1] == 1 else labels
    try:
        value = float(metric(labels, values))
    except DataError:  # its sentence may speak of the labels
        raise _Refused(
            f"the score {asked.score} cannot be computed from these values; with several columns those of a row "
            "should sum to 1."
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an interval without width
            return value, f"{asked.score} {evaluate.bootstrap(metric, labels, values)}"
    except DataError:
        return value, f"{asked.score} {value:.3f}"
