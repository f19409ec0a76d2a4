"""`notebooks/measured.json`: what each lesson took and reached when it was last measured, by slug and budget.

Written only by `medtutor run --record`; the builder prints it in the header cards, `start` compares with it.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from medtutor.errors import LessonError, StorageError

NAME = "measured.json"


def measured(folder: str | Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Slug to budget to the record of `medtutor run` in a folder of lessons; empty where nothing is measured yet."""
    path = Path(folder) / NAME
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise LessonError(f"{path} is not valid JSON ({error}); restore it, or delete it and measure again.") from None


def keep(slug: str, budget: str, entry: dict[str, Any], folder: str | Path) -> Path:
    """Put one entry into the folder's measured.json and leave the others as they are."""
    known = measured(folder)
    known.setdefault(slug, {})[budget] = entry
    path = Path(folder) / NAME
    write(path, (json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())
    return path


def write(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `StorageError`."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files that only their owner reads
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageError(f"{path} could not be written: {error.strerror or error}.") from error


def seconds(value: float) -> str:
    """A time for people: `38 s`, `4 min`, `1.5 h`."""
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def megabytes(value: float | None) -> str:
    """A size for people: `812 MB`, `4.2 MB`, `3.1 GB`."""
    if value is None:
        return "unknown"
    if value >= 1000:
        return f"{value / 1000:.1f} GB"
    return f"{value:.0f} MB" if value >= 10 else f"{value:.1f} MB"
