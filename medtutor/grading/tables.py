"""CSV files: written by RFC 4180, safe to open in a spreadsheet, and read as people's spreadsheets save them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medtutor.course.measured import write
from medtutor.errors import DataError, FormatError

# What a spreadsheet takes for the beginning of a formula (https://owasp.org/www-community/attacks/CSV_Injection),
# the full-width forms included. An apostrophe is in the list so that `unguard` can undo `guard`.
_TRIGGERS = "=+\\-@'\uff1d\uff0b\uff0d\uff20"
_START = re.compile(rf"[\t\r\n]|\s*[{_TRIGGERS}]")
# A spreadsheet set to semicolons or tabs begins a new cell there, whatever the file meant.
_INSIDE = re.compile(rf"([;\t\r\n]\s*)(?=[{_TRIGGERS}])")
_GUARDED = re.compile(rf"([;\t\r\n]\s*)'(?=[{_TRIGGERS}])")


def guard(text: str) -> str:
    """Text of others as a cell that no spreadsheet runs: an apostrophe before what could begin a formula.

    >>> guard("=HYPERLINK(...)"), guard("Ada")
    ("'=HYPERLINK(...)", 'Ada')
    """
    return ("'" if _START.match(text) else "") + _INSIDE.sub(r"\1'", text)


def unguard(text: str) -> str:
    """The text that `guard` was given."""
    return _GUARDED.sub(r"\1", text[1:] if text.startswith("'") else text)


def number(value: float) -> str:
    """At most 2 decimals, without trailing zeros.

    >>> number(2.0), number(0.6666), number(-0.0)
    ('2', '0.67', '0')
    """
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file in UTF-8 by RFC 4180: commas, CRLF, quotes where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    # A name read from a disk can hold a lone surrogate, which UTF-8 cannot: it is written as \udcXX.
    return text.getvalue().encode("utf-8", "backslashreplace")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file whole or not at all. Cells are written as they are: `guard` those of others."""
    write(path, csv_bytes(header, rows))


@dataclass(frozen=True)
class Row:
    """One row: its line in the file (from 1), and its cells, as many as the header has."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A CSV file as it was read: `header`, stripped, and rows. Empty rows are left out."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def column(self, *names: str) -> int | None:
        """The place of the first column called one of `names`, in any capitals; None where there is none."""
        known = [name.casefold() for name in self.header]
        for name in names:
            if name.casefold() in known:
                return known.index(name.casefold())
        return None

    def need(self, *names: str) -> int:
        """`column`, or a `DataError` that says what is missing."""
        place = self.column(*names)
        if place is None:
            found = ", ".join(name for name in self.header if name) or "nothing"
            raise DataError(f"{self.path.name}: its first row has no column {' or '.join(names)} (found: {found}).")
        return place


def read_csv(path: Path) -> Table:
    """Read a CSV file: UTF-8 or UTF-16, with commas, semicolons or tabs. Raises `DataError` in one sentence."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise FormatError(f'{path.name} is not in UTF-8; save it again as "CSV UTF-8".') from None
    first = next(iter(text.splitlines()), "")
    delimiter = max(",;\t", key=first.count)
    rows, header = [], None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 0
    try:
        for cells in reader:
            begun, line = line + 1, reader.line_num
            if header is None:
                header = tuple(cell.strip() for cell in cells)
            elif any(cell.strip() for cell in cells):
                cells = cells[: len(header)] + [""] * (len(header) - len(cells))
                rows.append(Row(begun, tuple(cells)))
    except csv.Error as error:
        raise FormatError(f"{path.name}, line {reader.line_num}: it is no CSV file ({error}).") from None
    if not header:
        raise FormatError(f"{path.name} is empty; its first row should name the columns.")
    return Table(path, header, tuple(rows))
