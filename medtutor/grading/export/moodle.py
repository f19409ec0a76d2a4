"""Moodle: the "offline grading worksheet" of an assignment, and a CSV file for the gradebook's import.

What Moodle asks of a worksheet: the columns Identifier ("Participant 12345"), Grade and "Last modified (grade)" under
these names, commas, UTF-8; columns of feedback plugins are taken when they are there ("Feedback comments", as HTML). A
grade changed in Moodle since the worksheet was downloaded is left alone, so fill a fresh one.
https://github.com/moodle/moodle/blob/MOODLE_405_STABLE/mod/assign/feedback/offline/importgradeslib.php

The gradebook's import asks which column tells the user (e-mail address or ID number) and which holds the grade; a
feedback column overwrites grades that are not in the file, so both are in ours.
https://docs.moodle.org/311/en/Grade_import
"""

from __future__ import annotations

import html
from pathlib import Path

from medtutor.grading.export.source import Marks, Match, Student, folder, names, read, scaled
from medtutor.grading.roster import participant
from medtutor.grading.tables import guard, number, read_csv, write_csv

WORKSHEET = (
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum Grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
_OURS = '<div class="medtutor">'


def export(
    out: Path,
    to: Path,
    *,
    gradebook: Path | None = None,
    unfinished: bool = False,
    missing: str = "blank",
    scale: bool = False,
    notes: list[str] | None = None,
) -> list[Path]:
    """Write TO/moodle-worksheet.csv and TO/moodle-gradebook.csv, and return those written.

    With `gradebook` (the grading worksheet that Moodle gives, in English), its rows and columns stay, and Grade and
    Feedback comments are filled. Without, a worksheet is written for the students whose participant number is known
    (from Moodle's download or the class list). The gradebook's file is for those with an e-mail address or ID number.
    No mark is written for who has no final one (`unfinished`, `missing`: see `source.Student.final`) and who is not
    found; `notes` is filled with sentences on those. `scale` converts to Moodle's points where they differ.
    """
    marks, said = read(out), [] if notes is None else notes
    folder(to)
    finals = {name: student.final(unfinished, missing) for name, student in marks.students.items()}
    empty = sorted(name for name, total in finals.items() if total is None)
    if empty:
        said.append(f"No final mark, so none is written: {names(empty)}.")
    path = Path(to) / "moodle-worksheet.csv"
    written = []
    if gradebook:
        _fill(path, marks, Path(gradebook), finals, scale, said)
        written.append(path)
    else:
        known = [student for student in marks.students.values() if student.ids.get("moodle_id")]
        if known:
            write_csv(path, WORKSHEET, [_row(marks, student, finals[student.name]) for student in known])
            written.append(path)
        unknown = [student.name for student in marks.students.values() if not student.ids.get("moodle_id")]
        if unknown:
            said.append(f"Not in the worksheet, the participant number is not known: {names(unknown)}.")
    path = Path(to) / "moodle-gradebook.csv"
    rows = []
    for student in marks.students.values():
        email, id_number, total = student.ids.get("email", ""), student.ids.get("id_number", ""), finals[student.name]
        if (email or id_number) and total is not None:
            rows.append((guard(email), guard(id_number), guard(student.name), number(total), comments(student)))
    if rows:
        title = f"Assignment: {marks.assignment} (Real)"
        write_csv(path, ("Email address", "ID number", "Full name", guard(title), "Feedback"), rows)
        written.append(path)
    return written


def _row(marks: Marks, student: Student, total: float | None) -> tuple[str, ...]:
    grade = "" if total is None else number(total)
    said = "" if total is None else comments(student)
    id, email = f"Participant {student.ids['moodle_id']}", guard(student.ids.get("email", ""))
    return (id, guard(student.name), email, "", grade, number(marks.maximum), "Yes", "-", "-", said)


def _fill(
    path: Path, marks: Marks, worksheet: Path, finals: dict[str, float | None], scale: bool, said: list[str]
) -> None:
    """Fill a worksheet of Moodle's and leave all else in it as it is, but names, which are guarded."""
    table = read_csv(worksheet)
    who, grade = table.need("Identifier"), table.need("Grade")
    table.need("Last modified (grade)")  # Moodle refuses a worksheet without it
    name, email, number_of = (table.column(title) for title in ("Full name", "Email address", "ID number"))
    most, may, feedback = (
        table.column(title) for title in ("Maximum Grade", "Grade can be changed", "Feedback comments")
    )
    wanted = []
    for row in table.rows:
        ids = {"moodle_id": participant(row.cells[who])}
        ids |= {kind: row.cells[p].strip() for kind, p in (("email", email), ("id_number", number_of)) if p is not None}
        wanted.append((ids, row.cells[name] if name is not None else ""))
    seen, rows = set(), []
    for row, (_, called), student in zip(table.rows, wanted, Match(marks).assign(wanted), strict=True):
        cells = list(row.cells)
        shown = called or cells[who]
        if student is None:
            said.append(f"{shown} is in Moodle's worksheet and was not graded: left as it is.")
        else:
            seen.add(student.name)
            total = finals[student.name]
            if may is not None and cells[may].strip().casefold() == "no":
                said.append(f"{shown}: Moodle says that the grade cannot be changed: left as it is.")
            elif total is not None:
                text = cells[most].strip() if most is not None else ""
                points = number(scaled(total, marks.maximum, _points(text), scale, "Moodle"))
                # Moodle reads numbers as the teacher's language writes them.
                cells[grade] = points.replace(".", ",") if "," in text else points
                if feedback is not None and (not cells[feedback].strip() or _OURS in cells[feedback]):
                    cells[feedback] = comments(student)
                elif feedback is not None:
                    said.append(f"{shown} has a comment in Moodle already: the comment is left as it is.")
        if name is not None:
            cells[name] = guard(cells[name])
        rows.append(cells)
    said += [f"{student} is not in Moodle's worksheet: left out." for student in marks.students if student not in seen]
    write_csv(path, table.header, rows)


def _points(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def comments(student: Student) -> str:
    """Feedback as Moodle shows it: HTML, with everything escaped."""
    lines = []
    for line in student.lines:
        reason = html.escape(line.reason).replace("\n", "<br>")
        points = f"{html.escape(line.exercise)}: {number(line.points)} of {number(line.maximum)}"
        lines.append(f"<li>{points}{'. ' + reason if reason else ''}</li>")
    late = f" ({number(student.late)} days late)" if student.late > 0 else ""
    total = f"<p>{number(student.total)} of {number(student.maximum)} points{late}</p>"
    return f"{_OURS}{total}<ul>{''.join(lines)}</ul></div>"
