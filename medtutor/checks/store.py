"""The local progress file: small JSON, written whole or not at all, merged without losing anything."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from medtutor.errors import DataError, StorageError

ORDER = {"not attempted": 0, "not yet": 1, "correct": 2}
GROUPS = ("exercises", "quizzes", "hints", "solutions", "guesses")


def path() -> Path:
    """`MEDTUTOR_PROGRESS`, else a file in the user's data folder."""
    named = os.environ.get("MEDTUTOR_PROGRESS")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("medtutor", appauthor=False)) / "progress.json"


def read() -> dict[str, dict[str, Any]]:
    """The progress; empty where there is none. A damaged file is set aside and never overwritten."""
    file = path()
    try:
        return parse(file.read_bytes(), file)
    except OSError:
        return {group: {} for group in GROUPS}
    except DataError:
        file.replace(file.with_name(file.name + ".damaged"))
        return {group: {} for group in GROUPS}


def parse_file(name: str | Path) -> dict[str, dict[str, Any]]:
    """The progress in a file. Raises `DataError` where it cannot be read or is not ours."""
    try:
        return parse(Path(name).read_bytes(), name)
    except OSError as error:
        raise DataError(f"The progress file {name} cannot be read: {error.strerror or error}.") from error


def parse(content: bytes, name: Any) -> dict[str, dict[str, Any]]:
    """Progress from JSON; only what is known is taken over. Raises `DataError`."""
    try:
        kept = json.loads(content)
        good = isinstance(kept, dict) and isinstance(kept.get("exercises"), dict)
    except ValueError:
        good = False
    if not good:
        raise DataError(f"{name} is no progress file of medtutor; choose the one that `progress().download()` wrote.")
    checked: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    for group in GROUPS:
        entries = kept.get(group)
        for id, value in (entries if isinstance(entries, dict) else {}).items():
            if group in ("exercises", "quizzes"):
                fits = value in ORDER if isinstance(value, str) else False
            elif group == "guesses":
                fits = _is_guess(value)
            else:
                fits = isinstance(value, int)
            if fits:
                checked[group][id] = value
    return checked


def _is_guess(value: Any) -> bool:
    """A locked guess: {"value": a number, "time": an ISO 8601 time with its offset}."""
    if not isinstance(value, dict) or set(value) != {"value", "time"} or type(value["value"]) not in (int, float):
        return False
    try:
        return math.isfinite(value["value"]) and datetime.fromisoformat(value["time"]).tzinfo is not None
    except (ValueError, TypeError, OverflowError):
        return False


def keep(group: str, id: str, value: Any) -> None:
    """Remember one thing; a better state is never replaced by a worse one. A disk that refuses costs nothing else."""
    with contextlib.suppress(StorageError):  # a check must work on a read-only disk too
        merge({group: {id: value}})


def merge(other: dict[str, dict[str, Any]]) -> None:
    """Take `other` into the file; of two guesses the earlier one stays. Raises `StorageError`."""
    kept = read()
    for group, entries in other.items():
        rank = ORDER.get if group in ("exercises", "quizzes") else _earlier if group == "guesses" else int
        for id, value in entries.items():
            old = kept[group].get(id)
            if old is None or rank(value) > rank(old):
                kept[group][id] = value
    write(kept, path())


def _earlier(guess: dict[str, Any]) -> float:
    return -datetime.fromisoformat(guess["time"]).timestamp()


def write(kept: dict[str, dict[str, Any]], name: str | Path) -> str:
    """Write progress to a file in one step. Raises `StorageError`."""
    file = Path(name)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(kept, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(part, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StorageError(
            f"Your progress could not be written to {file}: {error.strerror or error}; name another file in "
            "MEDTUTOR_PROGRESS."
        ) from error
    return str(file)


def data_uri() -> str:
    """The progress as a link that a browser saves."""
    return "data:application/json;base64," + base64.b64encode(json.dumps(read()).encode()).decode()
