"""Marks in the formats of learning platforms: a module a format, each with `export(out, to, ...) -> list[Path]`.

OUT is a folder that `medtutor grade` wrote; `to` the folder to write into. Modules load when they are used.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medtutor.errors import DataError, unknown

FORMATS = {
    "canvas": "medtutor.grading.export.canvas",
    "moodle": "medtutor.grading.export.moodle",
    "gradescope": "medtutor.grading.export.gradescope",
    "nbgrader": "medtutor.grading.export.nbgrader",
}


def export(format: str, out: Path, to: Path, **options: Any) -> list[Path]:
    """Write the marks of `out` in a format of `FORMATS`, and return the files. `options` are those of its `export`.

    Raises `UnknownNameError` for a format, and `DataError` for an option, that does not exist.
    """
    return find(format)(out, to, **options)


def find(format: str) -> Callable[..., list[Path]]:
    """The `export` of a format, which refuses options that it does not have."""
    if format not in FORMATS:
        raise unknown("export format", format, FORMATS)
    exporter = importlib.import_module(FORMATS[format]).export
    known = [name for name in inspect.signature(exporter).parameters if name not in ("out", "to")]

    def checked(out: Path, to: Path, **options: Any) -> list[Path]:
        for name in options:
            if name not in known:
                raise DataError(f"The {format} export has no option {name}; it has: {', '.join(known)}.")
        return exporter(Path(out), Path(to), **options)

    return checked
