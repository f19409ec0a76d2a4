"""The class list: who is expected, and what learning platforms call them. Read from what instructors have at hand.

- a CSV file with a column `student`, and any of `canvas_id`, `moodle_id`, `sis_login_id`, `sis_user_id`, `email`,
  `id_number`, `late_minutes`
- Canvas's gradebook export (`Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section`, ...)
- Moodle's grading worksheet (`Identifier`, `Full name`, `Email address`, ...) or its gradebook export (`First name`,
  `Last name` or `Surname`, `ID number`, `Email address`, ...)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from medtutor.errors import DataError
from medtutor.grading.archive import clean
from medtutor.grading.tables import Table, read_csv, unguard

IDS = ("canvas_id", "moodle_id", "sis_login_id", "sis_user_id", "email", "id_number")
_LOGINS = ("sis_login_id", "sis_user_id", "email", "id_number")


@dataclass
class Listed:
    """One student of the class list: the name, ids by kind (of `IDS`), and minutes late where the list says them."""

    student: str
    ids: dict[str, str] = field(default_factory=dict)
    late_minutes: float | None = None


def read_roster(path: Path) -> list[Listed]:
    """Read a class list; a student listed twice with the same ids counts once. Raises `DataError` in one sentence."""
    table = read_csv(path)
    if table.column("ID") is not None and table.column("Section") is not None:
        listed = _canvas(table)
    elif table.column("Identifier") is not None:
        listed = _with_columns(
            table,
            table.need("Full name"),
            {"moodle_id": "Identifier", "email": "Email address", "id_number": "ID number"},
        )
        for entry in listed:
            entry.ids["moodle_id"] = participant(entry.ids.get("moodle_id", ""))
    elif table.column("First name") is not None:
        last = table.need("Last name", "Surname")
        listed = _with_columns(
            table, table.need("First name"), {"email": "Email address", "id_number": "ID number"}, last
        )
    else:
        listed = _with_columns(table, table.need("student"), {name: name for name in IDS}, late="late_minutes")
    kept: dict[tuple, Listed] = {}
    for entry in listed:
        entry.ids = {kind: value for kind, value in entry.ids.items() if value}
        kept.setdefault((entry.student, *sorted(entry.ids.items())), entry)
    if not kept:
        raise DataError(f"{Path(path).name} lists no student.")
    return list(kept.values())


def participant(identifier: str) -> str:
    """The number in Moodle's `Participant 12345`, in whatever language the word is; "" where there is none."""
    match = re.search(r"(\d+)\s*$", identifier)
    return match[1] if match else ""


def _with_columns(
    table: Table, name: int, ids: dict[str, str], last: int | None = None, late: str = ""
) -> list[Listed]:
    places = {kind: table.column(title) for kind, title in ids.items()}
    late_place = table.column(late) if late else None
    found = []
    for row in table.rows:
        student = clean(unguard(row.cells[name].strip()))
        if last is not None:
            student = f"{student} {clean(row.cells[last].strip())}".strip()
        if not student:
            raise DataError(f"{table.path.name}, line {row.line}: the student has no name.")
        minutes = None
        if late_place is not None and row.cells[late_place].strip():
            try:
                minutes = float(row.cells[late_place])
            except ValueError:
                text = row.cells[late_place]
                raise DataError(f"{table.path.name}, line {row.line}: late_minutes {text!r} is no number.") from None
        values = {kind: row.cells[place].strip() for kind, place in places.items() if place is not None}
        found.append(Listed(student, values, minutes))
    return found


def _canvas(table: Table) -> list[Listed]:
    ids = {"canvas_id": "ID", "sis_user_id": "SIS User ID", "sis_login_id": "SIS Login ID"}
    places = {kind: table.column(title) for kind, title in ids.items()}
    name, first = table.need("Student", "LastName"), table.column("FirstName")
    found = []
    for row in table.rows:
        student = clean(canvas_name(row.cells[name]))
        if first is not None and row.cells[first].strip():
            student = f"{student}, {clean(row.cells[first].strip())}"
        # Not students: the points row, the row of hidden assignments, and Canvas's own "Test Student".
        if not student or student.startswith("Points Possible") or student == "Student, Test":
            continue
        found.append(Listed(student, {k: row.cells[p].strip() for k, p in places.items() if p is not None}))
    return found


def canvas_name(cell: str) -> str:
    """The name in a cell of Canvas's gradebook, which writes one that begins with = as `="name"`."""
    match = re.fullmatch(r'="(.*)"', cell.strip())
    return (match[1] if match else unguard(cell.strip())).strip()


def key(name: str) -> str:
    """A name for comparing: letters and digits only, in small letters, as Canvas writes names in file names.

    >>> key("Lovelace, Ada")
    'lovelaceada'
    """
    return re.sub(r"[\W_]", "", clean(name)).casefold()


def keys(name: str) -> set[str]:
    """`key` of a name, and where it is `Last, First`, of `First Last` too."""
    last, comma, first = name.partition(",")
    return {key(name), key(f"{first} {last}")} if comma else {key(name)}


class Finder:
    """Finds students of a class list; each is given out once."""

    def __init__(self, listed: Iterable[Listed]):
        self.listed = list(listed)
        self._taken: set[int] = set()
        self._index: dict[tuple[str, str], list[Listed]] = {}
        for entry in self.listed:
            known = {("name", entry.student), *(("key", name) for name in keys(entry.student) - {""})}
            for kind, value in entry.ids.items():
                known.add((kind, value))
                if kind in _LOGINS:
                    known.add(("login", value.casefold()))
            for name in known:
                self._index.setdefault(name, []).append(entry)

    def find(self, student: str, ids: dict[str, str], loose: bool) -> Listed | None:
        """The one student with one of these ids, or exactly this name; if `loose`, also with a login, e-mail address
        or number called so, or a name that differs in order, capitals and punctuation only. None where none or several
        fit."""
        ways = [*ids.items(), ("name", student)]
        if loose:
            ways += [("login", student.casefold()), *(("key", name) for name in sorted(keys(student) - {""}))]
        for way in ways:
            fits = [entry for entry in self._index.get(way, ()) if id(entry) not in self._taken]
            if len(fits) == 1:
                self._taken.add(id(fits[0]))
                return fits[0]
        return None

    def rest(self) -> list[Listed]:
        """Those not given out yet."""
        return [entry for entry in self.listed if id(entry) not in self._taken]
