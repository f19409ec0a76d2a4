"""Cells of an nbgrader source notebook: metadata brought to schema 3, checked, and released as nbgrader releases them.

The rules are nbgrader's (`nbgrader generate_assignment`, version 0.9; https://nbgrader.readthedocs.io, user guide):
what is a solution, a test, a task or read-only, what is cut out of which, and the checksum that says "not edited".
A source notebook is the instructor's and trusted, unlike a hand-in (`reader.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from medtutor.errors import LessonError
from medtutor.grading.nodes import Node, reads

SCHEMA = 3
CODE_STUB, TEXT_STUB = "# YOUR CODE HERE\nraise NotImplementedError()", "YOUR ANSWER HERE"
FIELDS = ("schema_version", "grade", "locked", "solution", "task", "grade_id", "points", "checksum", "cell_type")
# Tags that Jupyter's own tools know; a tag is text like any other, and could hold an answer.
_TAGS = {"optional", "parameters", "raises-exception", "skip-execution", "margin", "full-width", "popout"} | {
    f"{verb}-{what}" for verb in ("hide", "remove") for what in ("input", "output", "cell")
}
_KERNEL = ("display_name", "language", "name")
_LANGUAGE = ("name", "version", "mimetype", "file_extension", "pygments_lexer", "nbconvert_exporter")
# region: the kind of cell that may hold it
REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}
KINDS = {"solution": "an answer", "grade": "an autograder test", "task": "a manually graded task"}


def read(path: Path) -> Node:
    """A source notebook, with schema 3 metadata and an id for every cell. Raises `LessonError`, naming the cell."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LessonError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ids that are missing or twice are mended below
            notebook = reads(text)
        cells = [cell.cell_type + cell.source for cell in notebook.cells]
    except Exception as error:  # nbformat raises whatever a wrong structure leads to
        raise LessonError(f"{path.name} is no notebook that nbformat can read: {error}.") from error
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise LessonError(f"{path.name} is a notebook in {language}; medtutor grades Python.")
    notebook.nbformat_minor = max(5, notebook.nbformat_minor)
    seen: Counter[str] = Counter()
    for cell, content in zip(notebook.cells, cells, strict=True):
        seen[content] += 1
        made = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:12]
        if not cell.get("id") or sum(other.get("id") == cell["id"] for other in notebook.cells) > 1:
            cell["id"] = made
        upgrade(cell)
    check(notebook, path.name)
    return notebook


def marks(cell: Node) -> dict:
    """The nbgrader metadata of a cell; empty where there is none."""
    return cell.metadata.get("nbgrader", {})


def is_locked(cell: Node) -> bool:
    """Whether a student may not edit it: tests, and read-only cells."""
    own = marks(cell)
    return not own.get("solution") and bool(own.get("grade") or own.get("locked"))


def upgrade(cell: Node) -> None:
    """Bring the metadata of a cell to schema 3, by nbgrader's rules for the schemas before."""
    own = cell.metadata.get("nbgrader")
    if own is None:
        return
    if not own.get("schema_version"):
        for field in ("grade", "solution", "locked"):
            own.setdefault(field, False)
        if not (own["grade"] or own["solution"] or own["locked"]):
            del cell.metadata["nbgrader"]
            return
        if not own["grade"]:
            own.pop("points", None)
        else:
            with contextlib.suppress(TypeError, ValueError):  # `check` says so
                own["points"] = max(0.0, float(own.get("points") or 0.0))
        own["schema_version"] = 1
    if own["schema_version"] in (1, 2):
        if "checksum" in own:
            own.setdefault("cell_type", cell.cell_type)
        own["schema_version"] = SCHEMA
    for field in set(own) - set(FIELDS):
        del own[field]


def check(notebook: Node, name: str) -> None:
    """Raise `LessonError` for the first cell whose metadata or regions are not in order."""
    seen: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        own, id = marks(cell), marks(cell).get("grade_id")
        where = f"{name}, cell {index + 1}" + (f" ({id})" if id else "")
        for region, kind in REGIONS.items():
            if cut(cell.source, region, where)[1] and not own.get(kind):
                raise LessonError(f"{where}: BEGIN {region} belongs into {KINDS[kind]} cell, and this is none.")
        if re.search(r"^\s*#.*\bAUTOTEST\b", cell.source, re.MULTILINE) and cell.cell_type == "code":
            raise LessonError(
                f"{where}: only nbgrader can expand AUTOTEST; run `nbgrader generate_source_with_tests` and give "
                "medtutor the notebook that it writes."
            )
        if not any(own.get(field) for field in ("grade", "solution", "locked", "task")):
            continue
        if own["schema_version"] > SCHEMA:
            raise LessonError(f"{where}: metadata of schema {own['schema_version']}; medtutor knows up to {SCHEMA}.")
        if not isinstance(id, str) or not id:
            raise LessonError(f"{where}: the grade_id is missing; give the cell one in nbgrader's toolbar.")
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", id):
            raise LessonError(f"{where}: a grade_id has letters, digits, - and _ only.")
        if id in seen:
            raise LessonError(f"{where}: the grade_id {id} is used twice; give this cell another one.")
        seen.add(id)
        _check_kind(cell, where)


def _check_kind(cell: Node, where: str) -> None:
    own = marks(cell)
    if own.get("grade") or own.get("task"):
        points = own.get("points")
        if not isinstance(points, int | float) or isinstance(points, bool) or not math.isfinite(points) or points < 0:
            got = "none" if points is None else repr(points)
            raise LessonError(f"{where}: points should be a number of at least 0, got {got}.")
    if own.get("task"):
        if cell.cell_type != "markdown":
            raise LessonError(f"{where}: a manually graded task is a Markdown cell, this is {cell.cell_type}.")
    elif cell.cell_type == "markdown" and bool(own.get("grade")) != bool(own.get("solution")):
        raise LessonError(
            f"{where}: a Markdown cell with points is a manually graded answer, not a test or a solution."
        )


def cut(source: str, region: str, where: str, stub: str | None = None) -> tuple[str, str]:
    """`source` without its BEGIN/END regions of this name (with `stub` in the place of each), and what stood in them.

    Raises `LessonError` where a region is not closed, closed twice, or opened inside itself.
    """
    kept, removed, inside = [], [], False
    for line in source.split("\n"):
        if f"BEGIN {region}" in line:
            if inside:
                raise LessonError(f"{where}: BEGIN {region} inside a region of its own; close the first one.")
            inside = True
            removed.append("")
            if stub is not None:
                indent = line[: len(line) - len(line.lstrip())]
                kept += [indent + part for part in stub.split("\n")]
        elif f"END {region}" in line:
            if not inside:
                raise LessonError(f"{where}: END {region} without a BEGIN before it.")
            inside = False
        else:
            (removed if inside else kept).append(line)
    if inside:
        raise LessonError(f"{where}: BEGIN {region} has no END {region} after it.")
    return "\n".join(kept), "\n".join(removed)


def solved(cell: Node) -> str:
    """A cell with its solution and without the lines that mark it."""
    return "\n".join(
        line for line in cell.source.split("\n") if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line
    )


def released(cell: Node) -> str:
    """The text of a cell as students get it."""
    own, source, where = marks(cell), cell.source, str(marks(cell).get("grade_id"))
    if own.get("solution"):
        stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
        source, solution = cut(source, "SOLUTION", where, stub)
        source = source if solution else stub
    source = cut(source, "HIDDEN TESTS", where)[0]
    return cut(source, "MARK SCHEME", where)[0]


def checksum(cell: Node, source: str) -> str:
    """nbgrader's checksum of a cell with this source (MD5: a mark against accidents, not against attacks)."""
    own = marks(cell)
    kinds = (own.get("grade", False), own.get("solution", False), is_locked(cell))
    parts = [source, cell.cell_type, *map(str, kinds), own["grade_id"]]
    if own.get("grade"):
        parts.append(str(float(own["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def student_notebook(source: Node) -> Node:
    """What students get of an nbgrader source (from `read`), as `nbgrader generate_assignment` has it.

    Less than nbgrader leaves in: outputs, attachments that no text shows, metadata and tags of other tools.
    """
    cells = []
    for cell in source.cells:
        text, own = released(cell), marks(cell)
        metadata: dict[str, Any] = {}
        if any(own.get(field) for field in ("grade", "solution", "locked", "task")):
            metadata["nbgrader"] = {field: own[field] for field in FIELDS if field in own}
            if own.get("grade") or own.get("solution") or is_locked(cell):
                metadata["nbgrader"] |= {"checksum": checksum(cell, text), "cell_type": cell.cell_type}
                metadata["deletable"] = False
                if is_locked(cell):
                    metadata["editable"] = False
        tags = [tag for tag in cell.metadata.get("tags", []) if tag in _TAGS]
        if tags:
            metadata["tags"] = tags
        made = {"cell_type": cell.cell_type, "id": cell["id"], "metadata": metadata, "source": text}
        if cell.cell_type == "code":
            made |= {"outputs": [], "execution_count": None}
        elif not own.get("solution") and (shown := _attachments(cell, text)):
            made["attachments"] = shown
        cells.append(Node(made))
    kept = {"kernelspec": _KERNEL, "language_info": _LANGUAGE}
    metadata = {
        group: {name: text for name in names if isinstance(text := source.metadata[group].get(name), str)}
        for group, names in kept.items()
        if isinstance(source.metadata.get(group), dict)
    }
    return Node({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": source.nbformat_minor})


def _attachments(cell: Node, text: str) -> dict[str, Any]:
    """The pictures of a text cell that its released text shows."""
    return {
        name: {kind: data for kind, data in bundled.items() if kind.startswith("image/")}
        for name, bundled in (cell.get("attachments") or {}).items()
        if f"attachment:{name}" in text
    }
