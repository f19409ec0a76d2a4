"""Canvas: a CSV file for "Import grades" of the gradebook.

What Canvas asks of it (https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb): the first row
is Student, ID, SIS User ID, SIS Login ID, Section, then assignments, each `Title (id)`; a row may follow whose first
cell is "Points Possible"; students are found by ID, then by SIS ids, then by name. A title without a known id makes a
new assignment. An empty cell is no grade, so cells of an instructor's gradebook that we have no mark for stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from medtutor.errors import DataError, unknown
from medtutor.grading.export.source import Marks, Match, folder, names, read, scaled
from medtutor.grading.roster import canvas_name
from medtutor.grading.tables import Row, Table, guard, number, read_csv, write_csv

HEADER = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_TITLE = re.compile(r"(?P<title>.*)\s\((?P<id>\d+)\)", re.DOTALL)


def export(
    out: Path,
    to: Path,
    *,
    gradebook: Path | None = None,
    title: str = "",
    assignment_id: str = "",
    unfinished: bool = False,
    missing: str = "blank",
    scale: bool = False,
    notes: list[str] | None = None,
) -> list[Path]:
    """Write TO/canvas.csv and return it.

    With `gradebook` (the CSV file that Canvas exports), the rows are Canvas's, and only the column of this assignment
    is in the file, so that nothing else in Canvas can change. It is the one with `assignment_id`, or called `title`
    (default: the assignment's name). Without, the rows are the graded students; Canvas finds them by the ids that came
    with its download or the class list.
    No mark is written for who has no final one (`unfinished`, `missing`: see `source.Student.final`) and who is not
    found; `notes` is filled with sentences on those. `scale` converts to Canvas's points where they differ.
    """
    marks, said = read(out), [] if notes is None else notes
    path = folder(to) / "canvas.csv"
    if gradebook:
        header, rows = _filled(marks, read_csv(gradebook), title, assignment_id, unfinished, missing, scale, said)
    else:
        name = title or marks.assignment
        header = (*HEADER, f"{name} ({assignment_id})" if assignment_id else name)
        rows = [("    Points Possible", "", "", "", "", number(marks.maximum))]
        for student in marks.students.values():
            total, ids = student.final(unfinished, missing), student.ids
            known = [ids.get(kind, "") for kind in ("canvas_id", "sis_user_id", "sis_login_id")]
            known[0] = known[0] if known[0].isdigit() else ""  # an anonymous hand-in has letters, which are no ID
            if not any(known):
                said.append(f"{student.name} has no id of Canvas: Canvas will look for the name.")
            rows.append((guard(student.name), *map(guard, known), "", "" if total is None else number(total)))
    _left_empty(marks, unfinished, missing, said)
    write_csv(path, tuple(guard(cell) for cell in header), rows)
    return [path]


def _filled(
    marks: Marks, table: Table, title: str, assignment_id: str, unfinished: bool, missing: str, scale: bool, said: list
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The instructor's gradebook: its columns on students and this assignment, filled."""
    section = table.need("Section")
    ids = {"canvas_id": table.need("ID")}
    for kind, name in (("sis_user_id", "SIS User ID"), ("sis_login_id", "SIS Login ID")):
        if (place := table.column(name)) is not None:
            ids[kind] = place
    who, first = table.need("Student", "LastName"), table.column("FirstName")
    column = _column(table, section, title or marks.assignment, assignment_id)
    called = [canvas_name(row.cells[who]) for row in table.rows]
    if first is not None:
        called = [f"{name}, {row.cells[first].strip()}" for name, row in zip(called, table.rows, strict=True)]
    known = [{kind: row.cells[place].strip() for kind, place in ids.items()} for row in table.rows]
    students = Match(marks).assign(list(zip(known, called, strict=True)))
    seen, rows = set(), []
    theirs: float | None = None
    for row, name, student in zip(table.rows, called, students, strict=True):
        cell = row.cells[column]
        if name.startswith("Points Possible"):
            theirs = _points(cell)
        elif name.strip(", "):
            if student is None:
                said.append(f"{name} is in Canvas's gradebook and was not graded: left as it is.")
            elif cell.strip().upper() in ("EX", "N/A"):
                seen.add(student.name)
                said.append(f"{name} is excused or not given this assignment in Canvas: left as it is.")
            else:
                seen.add(student.name)
                total = student.final(unfinished, missing)
                if total is not None:
                    cell = number(scaled(total, marks.maximum, theirs, scale, "Canvas"))
        rows.append(_cells(row, who, section, cell))
    said += [f"{name} is not in Canvas's gradebook: left out." for name in marks.students if name not in seen]
    return (*table.header[: section + 1], table.header[column]), rows


def _cells(row: Row, who: int, section: int, cell: str) -> tuple[str, ...]:
    cells = list(row.cells[: section + 1])
    if not canvas_name(cells[who]).startswith("Points Possible"):
        cells[who] = guard(canvas_name(cells[who]))
    return (*cells, cell)


def _column(table: Table, section: int, title: str, assignment_id: str) -> int:
    """The place of the assignment's column, behind those on students."""
    titles = {}
    for place, name in enumerate(table.header):
        match = _TITLE.fullmatch(name)
        if place > section and match:
            titles[place] = (match["title"].strip(), match["id"])
    if assignment_id:
        fits = [place for place, (_, id) in titles.items() if id == str(assignment_id)]
    else:
        fits = [place for place, (name, _) in titles.items() if name.casefold() == title.strip().casefold()]
    if len(fits) > 1:
        which = ", ".join(titles[place][1] for place in fits)
        raise DataError(
            f"{table.path.name} has several assignments called {title!r}; say assignment_id=, one of {which}."
        )
    if not fits:
        raise unknown(
            "assignment in Canvas's gradebook",
            assignment_id or title,
            [table.header[place] for place in titles],
            "Give its title, or the number in brackets as assignment_id.",
        )
    return fits[0]


def _points(cell: str) -> float | None:
    if "read only" in cell:
        raise DataError("Canvas says that this column is read only; choose the assignment's own column.")
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def _left_empty(marks: Marks, unfinished: bool, missing: str, said: list[str]) -> None:
    waiting = [name for name, student in marks.students.items() if student.status == "needs marking"]
    if waiting and not unfinished:
        said.append(f"No mark yet, a person still has to mark some of it: {names(waiting)}.")
    absent = [name for name, student in marks.students.items() if student.status == "missing"]
    if absent and missing != "zero":
        said.append(f"No mark, nothing was handed in: {names(absent)}.")
