"""`record`: how a lesson reports a number that it has measured."""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any

from medtutor.errors import LessonError


def record(name: str, value: Any, low: float | None = None, high: float | None = None) -> None:
    """Print one number of a lesson, and keep it for the runner.

    `value` is a number, or an `evaluate.Interval`, which brings its own `low` and `high`. Under `medtutor run` the
    number is also a line of JSON in the file that MEDTUTOR_RECORD names. Raises `LessonError` for a name that is no
    plain word, a value that is not finite, or an interval that is half or upside down.

    >>> record("val_auc", 0.9481, 0.931, 0.964)
    val_auc: 0.948 (0.931 to 0.964)
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise LessonError(f"A recorded number needs a name like val_auc, got {name!r}.")
    if hasattr(value, "low") and hasattr(value, "high"):
        if low is not None or high is not None:
            raise LessonError(f"{name} is an interval already; leave low and high out.")
        value, low, high = value.value, value.low, value.high
    if (low is None) != (high is None):
        raise LessonError(f"The interval of {name} needs both ends, low and high.")
    row = {"name": name, "value": _finite(name, value), "low": None, "high": None}
    shown = f"{row['value']:.3f}"
    if low is not None:
        row |= {"low": _finite(f"low of {name}", low), "high": _finite(f"high of {name}", high)}
        if row["low"] > row["high"]:
            raise LessonError(f"The interval of {name} is upside down: low {low:g}, high {high:g}.")
        shown += f" ({row['low']:.3f} to {row['high']:.3f})"
    print(f"{name}: {shown}")
    if path := os.environ.get("MEDTUTOR_RECORD"):
        _append(path, json.dumps(row) + "\n")


def _finite(what: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise LessonError(f"The {what} should be one number, got {value!r}.") from None
    if not math.isfinite(number):
        raise LessonError(f"The {what} is {number}; only finite numbers are recorded.")
    return number


def _append(path: str, line: str) -> None:
    # One write to a file opened for appending: lines of two processes do not mix.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
