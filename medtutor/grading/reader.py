"""Reading a notebook that somebody handed in: plain JSON within limits, and nothing of it is run or trusted.

`nbformat` is not used: it stops at the first fault, and a fault in one cell must not cost the marks of the others.
Sizes and nesting are looked at before the JSON is parsed, because a parser's memory and stack are what a hostile
file aims at. What cannot be used is left out, and `Notebook.notes` says so. No message holds a word of the file.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from medtutor.errors import DataError
from medtutor.grading.submission import Cell, Notebook


class SubmissionError(DataError):
    """A file in which no notebook can be read. The message is one sentence, without a word of the file."""


@dataclass(frozen=True)
class Limits:
    """What a notebook may hold: bytes of the file, cells, characters of one cell, nesting of its JSON, and `items`,
    the brackets, commas and colons of the JSON outside strings (they decide the memory that parsing takes)."""

    bytes: int = 20_000_000
    cells: int = 2000
    cell_characters: int = 1_000_000
    depth: int = 64
    items: int = 2_000_000


NOTES = 20  # a file with more faults gets a count of the rest
ID_CHARACTERS = 256
_KINDS = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "raw"}
# A string that is never closed runs to the end, so that each character is looked at once.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_PLAIN = re.compile(r"[^\[\]{},:]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = 100  # digits: a longer whole number is in no honest notebook, and costs time that grows as its square


def read_notebook(source: Path | bytes, limits: Limits | None = None) -> Notebook:
    """The cells of a notebook file (nbformat 3 or 4), or of its bytes.

    Cells that are wrong or over a limit are left out with a note. Raises `SubmissionError` where nothing can be read:
    no regular file, over the limits as a whole, no JSON, no list of cells. Nothing else is raised.
    """
    limits = limits or Limits()
    data = bytes(source) if isinstance(source, bytes | bytearray | memoryview) else _bytes_of(Path(source), limits)
    if len(data) > limits.bytes:
        raise _too_large(limits)
    text, notes = _decode(data)
    if not text:
        raise SubmissionError("The file is empty.")
    _within(text, limits)
    document, more = _parse(text)
    notes += more
    kept: list[Cell] = []
    left_out = 0
    for index, raw in enumerate(_cells(document)):
        if index == limits.cells:
            notes.append(f"The notebook holds over {limits.cells} cells; the rest was not read.")
            break
        cell, fault = _cell(raw, index, limits)
        if cell is not None:
            kept.append(cell)
        left_out += cell is None
        if fault and len(notes) < NOTES:
            notes.append(f"Cell {index + 1}: {fault}")
    if left_out and len(notes) >= NOTES:
        notes.append(f"In all {left_out} cells were left out.")
    return Notebook(tuple(kept), tuple(notes))


def _too_large(limits: Limits) -> SubmissionError:
    return SubmissionError(f"The file is larger than {limits.bytes / 1e6:g} MB, the most that is read.")


def _bytes_of(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file, at most one over the limit. A link is not followed, and a pipe is not waited for."""
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # not every system has each
        flags |= getattr(os, name, 0)
    handle = -1
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise SubmissionError("This is no regular file but a link, a folder or a device, and was not opened.")
        handle = os.open(path, flags)
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):  # swapped since
            raise SubmissionError("This is no regular file but a link, a folder or a device, and was not opened.")
        if found.st_size > limits.bytes:
            raise _too_large(limits)
        parts: list[bytes] = []
        left = limits.bytes + 1
        while left > 0 and (part := os.read(handle, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    except (OSError, ValueError) as error:
        if isinstance(error, SubmissionError):
            raise
        raise SubmissionError("The file cannot be opened.") from None  # the cause names the file
    finally:
        if handle >= 0:
            os.close(handle)


def _decode(data: bytes) -> tuple[str, list[str]]:
    """The text of a file: UTF-8 with or without byte order mark, or UTF-16 and UTF-32 as JSON's standard knows them."""
    encoding = json.detect_encoding(data)
    try:
        text, notes = data.decode(encoding), []
    except UnicodeError:
        text = data.decode(encoding, "replace")
        notes = ["The file is not clean Unicode; characters that cannot be read were replaced."]
    return text.strip("\ufeff\x00 \t\r\n"), notes


def _within(text: str, limits: Limits) -> None:
    """Look at nesting and number of items without parsing."""
    marks = _PLAIN.sub("", _STRING.sub("", text))
    if len(marks) > limits.items:
        raise SubmissionError(f"The file holds over {limits.items} items of JSON, the most that is read.")
    steps = accumulate(_STEP.get(mark, 0) for mark in marks)
    if max(steps, default=0) > limits.depth:
        raise SubmissionError(f"The file is nested over {limits.depth} levels deep, the most that is read.")


def _parse(text: str) -> tuple[Any, list[str]]:
    """The document and notes. NaN and endless numbers become None; of a repeated key the last counts, as in Jupyter."""
    repeated = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        made = dict(pairs)
        repeated = repeated or len(made) < len(pairs)
        return made

    try:
        document = json.loads(
            text,
            strict=False,  # a raw tab or line end within a string harms nobody
            object_pairs_hook=collect,
            parse_constant=lambda _: None,
            parse_int=lambda digits: int(digits) if len(digits) <= _SHORT else None,
            parse_float=lambda digits: float(digits) if len(digits) <= _SHORT else None,
        )
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise SubmissionError("The file is no notebook: it is damaged or broken off, or no JSON at all.") from None
    return document, ["Some keys of the file are repeated; the last one was used."] if repeated else []


def _cells(document: Any) -> Iterator[Any]:
    """The raw cells: of nbformat 4 in "cells", of nbformat 3 in "worksheets"."""
    if not isinstance(document, dict):
        raise SubmissionError("The file is no notebook: it holds JSON, but not that of a notebook.")
    cells = document.get("cells")
    if isinstance(cells, list):
        return iter(cells)
    sheets = document.get("worksheets")
    lists = [
        sheet["cells"]
        for sheet in (sheets if isinstance(sheets, list) else [])
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
    ]
    if not lists:
        raise SubmissionError("The file is no notebook: it holds no list of cells.")
    return (cell for cells in lists for cell in cells)


def _cell(raw: Any, index: int, limits: Limits) -> tuple[Cell | None, str]:
    """The cell (or None) and what is wrong with it (or "")."""
    if not isinstance(raw, dict):
        return None, "it is not what a cell should be and was left out."
    kind = raw.get("cell_type")
    if kind is None and any(key in raw for key in ("outputs", "execution_count", "input")):
        kind = "code"
    if not isinstance(kind, str) or kind not in _KINDS:
        return None, "it is of no known kind and was left out."
    source = raw["source"] if "source" in raw else raw.get("input", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        if sum(map(len, source)) <= limits.cell_characters:
            source = "".join(source)
        else:
            source = None
    elif not isinstance(source, str):
        return None, "its source is not text, so it was left out."
    if source is None or len(source) > limits.cell_characters:
        return None, f"it is longer than {limits.cell_characters} characters and was left out."
    clean = _LONE_SURROGATE.sub("\ufffd", source).replace("\x00", "\ufffd")
    fault = "" if clean == source else "it held characters that no text can hold; they were replaced."
    metadata, id = raw.get("metadata"), raw.get("id")
    return Cell(
        kind=_KINDS[kind],
        source=clean,
        index=index,
        id=_LONE_SURROGATE.sub("\ufffd", id) if isinstance(id, str) and len(id) <= ID_CHARACTERS else "",
        metadata=metadata if isinstance(metadata, dict) else {},
    ), fault
