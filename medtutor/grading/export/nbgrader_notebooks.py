"""What was handed in, as notebooks that nbgrader can take: before and after autograding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from medtutor.grading.nbgrader_cells import checksum, marks, released
from medtutor.grading.submission import Cell, Notebook

_MARKER = re.compile(r"(?:#|<!--)[ \t]*medtutor:[ \t]*([\w.]+)")


def submitted(release: NotebookNode, handed: Notebook) -> NotebookNode:
    """What was handed in as a notebook that nbgrader can take: each of its own cells is there, once, with metadata."""
    own = {marks(cell)["grade_id"]: cell for cell in release.cells if marks(cell)}
    places = _places(own, handed)
    cells: list[NotebookNode] = []
    where: dict[str, int] = {}
    for cell in handed.cells:
        id = places.get(cell.index)
        if id is not None:
            made = nbformat.from_dict(own[id])
            if marks(made).get("solution"):
                made["source"] = cell.source
        else:
            made = _plain(cell)
        cells.append(made)
    for i, cell in enumerate(cells):
        if marks(cell):
            where[marks(cell)["grade_id"]] = i
    at = -1
    for id, cell in own.items():  # what was lost goes after what stood before it
        if id in where:
            at = next(i for i, one in enumerate(cells) if marks(one).get("grade_id") == id)
        else:
            at += 1
            cells.insert(at, nbformat.from_dict(cell))
    return NotebookNode({"cells": _numbered(cells), "metadata": release.metadata, "nbformat": 4, "nbformat_minor": 5})


def _places(own: Mapping[str, NotebookNode], handed: Notebook) -> dict[int, str]:
    """Index of a cell that was handed in to the grade_id that it stands for; of copies the last, as in nbgrader."""
    ids = {cell["id"]: id for id, cell in own.items()}
    markers = {marker: id for id, cell in own.items() if marks(cell).get("solution")
               for marker in _MARKER.findall(cell.source)}  # fmt: skip

    def by_metadata(cell: Cell) -> Any:
        fields = cell.metadata.get("nbgrader")
        return fields.get("grade_id") if isinstance(fields, dict) else None

    def by_marker(cell: Cell) -> Any:
        return next((markers[marker] for marker in _MARKER.findall(cell.source) if marker in markers), None)

    places: dict[int, str] = {}
    for way in (by_metadata, lambda cell: ids.get(cell.id), by_marker):
        for cell in reversed(handed.cells):
            id = way(cell)
            free = isinstance(id, str) and id in own and id not in places.values() and cell.index not in places
            if free and own[id].cell_type == cell.kind:
                places[cell.index] = id
    return places


def _plain(cell: Cell) -> NotebookNode:
    made = NotebookNode({"cell_type": cell.kind, "id": "", "metadata": NotebookNode(), "source": cell.source})
    if cell.kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return NotebookNode(made)


def _numbered(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    cells = list(cells)
    for i, cell in enumerate(cells):
        if not marks(cell):
            cell["id"] = f"handed-in-{i}"
    return cells


def autograded(notebook: NotebookNode, source: NotebookNode, entry: Mapping[str, Any]) -> NotebookNode:
    """A submitted notebook as nbgrader leaves it after autograding: the whole tests, and the marks as outputs."""
    made = nbformat.from_dict(notebook)
    whole = {marks(cell)["grade_id"]: cell for cell in source.cells if marks(cell).get("grade_id")}
    for cell in made.cells:
        own = marks(cell)
        if not own:
            continue
        master = whole[own["grade_id"]]
        if own.get("grade") and not own.get("solution"):
            cell["source"] = master.source
        if "checksum" in own:
            own["checksum"] = checksum(master, master.source if not own.get("solution") else released(master))
        if cell.cell_type == "code":
            cell["outputs"] = [nbformat.from_dict(one) for one in entry["outputs"].get(own["grade_id"], [])]
    return made
