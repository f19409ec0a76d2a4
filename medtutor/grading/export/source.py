"""What the exporters read: the marks in OUT, as `marks.write_all` wrote them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medtutor.errors import DataError, StorageError
from medtutor.grading.marks import GRADES, STATE, SUMMARY
from medtutor.grading.roster import keys
from medtutor.grading.tables import read_csv, unguard


@dataclass(frozen=True)
class Line:
    """One row of grades.csv."""

    exercise: str
    points: float
    maximum: float
    status: str
    reason: str


@dataclass(frozen=True)
class Student:
    """One row of summary.csv, with its lines of grades.csv, and the ids that platforms know the student by."""

    name: str
    total: float
    maximum: float
    late: float
    status: str
    lines: tuple[Line, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)

    def final(self, unfinished: bool, missing: str) -> float | None:
        """The total to hand on, or None where there is none (yet): a person still marks it, or nothing came.

        `unfinished` hands on what waits for a person all the same; `missing` "zero" gives 0 where nothing came.
        """
        if self.status == "missing":
            return 0.0 if missing == "zero" else None
        return None if self.status == "needs marking" and not unfinished else self.total


@dataclass(frozen=True)
class Marks:
    """All marks of a class: the assignment's name, its points at most, and the students by name."""

    assignment: str
    maximum: float
    students: dict[str, Student]


def read(out: Path) -> Marks:
    """Read OUT. Raises `DataError` where it is not a folder that was graded into."""
    out = Path(out)
    if not (out / "summary.csv").is_file():
        raise DataError(f"{out} holds no summary.csv; give the folder that `medtutor grade ... --out` wrote.")
    try:
        state = json.loads((out / STATE / "students.json").read_text(encoding="utf-8"))
        name, maximum, ids = str(state["assignment"]), float(state["maximum"]), dict(state["students"])
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{out / STATE / 'students.json'} is missing or damaged; run `medtutor grade` again.") from None
    lines: dict[str, list[Line]] = {}
    for student, exercise, points, most, status, reason in _rows(out / "grades.csv", GRADES):
        line = Line(unguard(exercise), _float(points), _float(most), status, unguard(reason))
        lines.setdefault(unguard(student), []).append(line)
    students = {}
    for student, total, most, late, status in _rows(out / "summary.csv", SUMMARY):
        student = unguard(student)
        graded = tuple(lines.get(student, ()))
        students[student] = Student(
            student, _float(total), _float(most), _float(late), status, graded, ids.get(student, {})
        )
    return Marks(name, maximum, students)


def _rows(path: Path, header: tuple[str, ...]) -> list[list[str]]:
    table = read_csv(path)
    places = [table.need(name) for name in header]
    return [[row.cells[place] for place in places] for row in table.rows]


def _float(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise DataError(f"{text!r} in the files of marks is no number; run `medtutor grade` again.") from None


_SURE = ("canvas_id", "moodle_id")  # of one person each, whatever they are called


class Match:
    """Finds students of OUT for the rows of a platform's file; each row by its ids, then by its name."""

    def __init__(self, marks: Marks):
        self._by: dict[tuple[str, str], list[Student]] = {}
        for student in marks.students.values():
            known = {(kind, value.casefold()) for kind, value in student.ids.items() if value}
            known |= {("login", value) for kind, value in known if kind not in _SURE}
            known |= {("name", name) for name in keys(student.name)} | {("login", student.name.casefold())}
            for key in known:
                self._by.setdefault(key, []).append(student)

    def assign(self, rows: Sequence[tuple[dict[str, str], str]]) -> list[Student | None]:
        """The student of each row (its ids, its name), or None; nobody twice, and ids go before names."""
        found: list[Student | None] = [None] * len(rows)
        taken: set[str] = set()
        for by_name in (False, True):
            for place, (ids, name) in enumerate(rows):
                if found[place] is not None:
                    continue
                wanted = [(kind, value.casefold()) for kind, value in ids.items() if value]
                wanted += [("login", value) for kind, value in wanted if kind not in _SURE]
                wanted = [("name", spelt) for spelt in sorted(keys(name)) if spelt] if by_name else wanted
                for key in wanted:
                    fits = [one for one in self._by.get(key, []) if one.name not in taken and not _another(one, ids)]
                    if len(fits) == 1:
                        found[place] = fits[0]
                        taken.add(fits[0].name)
                        break
        return found


def _another(student: Student, ids: dict[str, str]) -> bool:
    """Whether an id of the same kind says that it is somebody else, of the same name."""
    return any(ids.get(kind) and value and ids[kind] != value for kind, value in student.ids.items() if kind in _SURE)


def scaled(total: float, maximum: float, theirs: float | None, scale: bool, platform: str) -> float:
    """A total in the platform's points. Raises `DataError` where those differ and it was not said to convert."""
    if theirs is None or theirs == maximum or not maximum:
        return total
    if not scale:
        raise DataError(
            f"{platform} gives this assignment {theirs:g} points and the marks are out of {maximum:g}: "
            f"change the points in {platform}, or say scale=True to convert."
        )
    return round(total * theirs / maximum, 2)


def names(found: Sequence[str], most: int = 10) -> str:
    """Names for a sentence: the first of them, and how many more."""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"{'; '.join(found[:most])}{more}"


def folder(to: Path) -> Path:
    """The folder to write into, made where it is not there. Raises `StorageError`."""
    try:
        Path(to).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{to} cannot be made: {error.strerror or error}.") from error
    return Path(to)
