"""Exports for Canvas, Moodle and Gradescope: checked against the rules that these write down, and read back."""

import csv
import html
import json
import re

import pytest
from grading.html_page import Page

from medtutor.errors import DataError, UnknownNameError
from medtutor.grading import export as formats
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.export import canvas, gradescope, moodle
from medtutor.grading.export.source import read
from medtutor.grading.intake import gather
from medtutor.grading.marks import write_all
from medtutor.grading.results import Graded, Outcome
from medtutor.grading.tables import read_csv, unguard

TASK = Assignment("Lesson 3", (Question("cnn.pool", "cases", 4), Question("cnn.why", "manual", 4)), "d1")
IDS = {
    "Lovelace, Ada": {"canvas_id": "1234", "sis_user_id": "u1", "moodle_id": "501", "email": "ada@uni.example"},
    "=Bo": {"canvas_id": "77", "moodle_id": "502", "id_number": "900"},
    "Cy": {"sis_login_id": "cy7"},
    "Dan": {"canvas_id": "79", "moodle_id": "504"},
    "Eve": {"canvas_id": "80", "moodle_id": "505"},
}
CANVAS = '''Student,ID,SIS User ID,SIS Login ID,Section,Lesson 2 (98),Lesson 3 (99),Lesson 3 extra (100),Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,5.00,8.00,1.00,(read only)
"Ada, Lovelace",1234,u1,ada,A,4.00,1.00,,50
"=""=Bo""",77,u2,bo,A,,,,
"Young, Cy",78,u3,CY7,A,,,,
Dan,79,u4,dan,A,,7.00,,
Eve,80,u5,eve,A,,EX,,
"Fox, Fay",81,u6,fay,A,,3.00,,
"Student, Test",5,,,A,,,,
'''
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,\
Last modified (submission),Last modified (grade),Feedback comments
Participant 501,Ada Lovelace,ada@uni.example,Submitted for grading,,8.00,Yes,"Monday, 2 March 2026, 9:00 AM",-,
Participant 502,=Bo,bo@uni.example,Submitted for grading,2.00,8.00,Yes,-,"Monday, 2 March 2026, 9:00 AM",Mine.
Participant 777,Cy,cy@uni.example,,,8.00,No,-,-,
Participant 888,Fay Fox,fay@uni.example,,,8.00,Yes,-,-,
"""


def one(student, points, essay, reason="", **fields):
    outcomes = (
        Outcome("cnn.pool", "correct" if points == 4 else "wrong", points, 4, reason),
        Outcome("cnn.why", "needs marking" if essay is None else "partial", essay or 0, 4),
    )
    return Graded(student, outcomes, **{"total": points + (essay or 0), "maximum": 8} | fields)


@pytest.fixture
def out(tmp_path):
    class_ = [
        one("Lovelace, Ada", 4, 2.5),
        one("=Bo", 1.333, 0, reason="Off by <one> & more.\n=SUM(A1)", late=1.5, total=1.2),
        one("Cy", 0, 0),
        one("Dan", 4, None, status="needs marking"),
        Graded("Eve", (), 0, 8, status="missing"),
    ]
    write_all(tmp_path / "out", TASK, class_, {"students": IDS})
    return tmp_path / "out"


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


# The table of formats


def test_every_format_is_found_and_another_is_an_error_that_names_them():
    for name in ("canvas", "moodle", "gradescope", "nbgrader"):
        assert callable(formats.find(name))
    with pytest.raises(UnknownNameError, match=r"did you mean 'canvas'\? Known: canvas, gradescope, moodle, nbgrader"):
        formats.find("canvs")


def test_an_option_that_a_format_does_not_have_is_an_error(out, tmp_path):
    with pytest.raises(DataError, match="gradescope export has no option gradebook; it has: visibility"):
        formats.export("gradescope", out, tmp_path / "to", gradebook="x.csv")


@pytest.mark.parametrize("format", ["canvas", "moodle", "gradescope"])
def test_a_folder_without_marks_is_an_error_that_says_which_folder_to_give(tmp_path, format):
    with pytest.raises(DataError, match="holds no summary.csv; give the folder that `medtutor grade"):
        formats.export(format, tmp_path, tmp_path / "to")


def test_what_is_read_is_what_was_written(out):
    marks = read(out)
    bo = marks.students["=Bo"]
    assert (marks.assignment, marks.maximum, len(marks.students)) == ("Lesson 3", 8, 5)
    assert (bo.total, bo.late, bo.ids["canvas_id"]) == (1.2, 1.5, "77")
    assert bo.lines[0].points == 1.33 and bo.lines[0].reason == "Off by <one> & more.\n=SUM(A1)"


# Canvas


def assert_canvas_takes(path):
    """The rules of Canvas's importer on header and rows (lib/gradebook_importer.rb: header?, process_pp)."""
    lines = rows(path)
    header = lines[0]
    assert "Student" in header[0] and "ID" in header[1] and header[2:5] == ["SIS User ID", "SIS Login ID", "Section"]
    assert all(len(line) == len(header) for line in lines)
    assert any(line[0].strip() == "Points Possible" for line in lines[1:3])
    for line in lines[1:]:
        assert line[1] == "" or line[1].isdigit()
        for cell in line[5:]:
            assert re.fullmatch(r"\d*(\.\d+)?|EX|N/A|Manual Posting", cell)


def test_canvas_without_a_gradebook_lists_the_class_with_its_ids(out, tmp_path):
    notes = []
    (path,) = canvas.export(out, tmp_path / "to", assignment_id="99", notes=notes)
    assert_canvas_takes(path)
    assert rows(path) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lesson 3 (99)"],
        ["    Points Possible", "", "", "", "", "8"],
        ["'=Bo", "77", "", "", "", "1.2"],
        ["Cy", "", "", "cy7", "", "0"],
        ["Dan", "79", "", "", "", ""],
        ["Eve", "80", "", "", "", ""],
        ["Lovelace, Ada", "1234", "u1", "", "", "6.5"],
    ]
    assert "No mark yet, a person still has to mark some of it: Dan." in notes
    assert "No mark, nothing was handed in: Eve." in notes


def test_totals_that_are_not_final_and_zeros_for_nothing_are_written_when_asked_for(out, tmp_path):
    (path,) = canvas.export(out, tmp_path / "to", unfinished=True, missing="zero")
    assert {row[0]: row[5] for row in rows(path)[2:]} | {"Dan": "4", "Eve": "0"} == {
        row[0]: row[5] for row in rows(path)[2:]
    }


def test_canvas_gradebook_is_filled_in_its_one_column_and_nothing_else_is_in_the_file(out, tmp_path):
    book, notes = tmp_path / "book.csv", []
    book.write_text(CANVAS, encoding="utf-8-sig")
    (path,) = canvas.export(out, tmp_path / "to", gradebook=book, notes=notes)
    assert_canvas_takes(path)
    assert [[line[1], line[5]] for line in rows(path)] == [
        ["ID", "Lesson 3 (99)"],
        ["", "Manual Posting"],
        ["", "8.00"],
        ["1234", "6.5"],  # found by ID, although the name is turned round
        ["77", "1.2"],
        ["78", "0"],  # by the login
        ["79", "7.00"],  # waits for a person: Canvas's grade stays
        ["80", "EX"],
        ["81", "3.00"],  # not graded here
        ["5", ""],
    ]
    text = " ".join(notes)
    assert "Eve is excused" in text and "Fox, Fay is in Canvas's gradebook and was not graded" in text
    assert rows(path)[4][0] == "'=Bo" and [line[0] for line in rows(path)][2] == "    Points Possible"


def test_the_column_is_found_by_its_number_or_title_and_else_the_error_names_them(out, tmp_path):
    book = tmp_path / "book.csv"
    book.write_text(CANVAS)
    with pytest.raises(UnknownNameError, match=r"'Lesson 9'; did you mean .*Lesson 2 \(98\), Lesson 3 \(99\)"):
        canvas.export(out, tmp_path / "to", gradebook=book, title="Lesson 9")
    (path,) = canvas.export(out, tmp_path / "to", gradebook=book, assignment_id="100", scale=True)
    assert rows(path)[0][5] == "Lesson 3 extra (100)"
    book.write_text(CANVAS.replace("Lesson 3 extra", "Lesson 3"))
    with pytest.raises(DataError, match="several assignments called 'Lesson 3'; say assignment_id=, one of 99, 100"):
        canvas.export(out, tmp_path / "to", gradebook=book)


def test_other_points_in_canvas_are_an_error_unless_they_are_to_be_converted(out, tmp_path):
    book = tmp_path / "book.csv"
    book.write_text(CANVAS.replace("8.00", "16.00"))
    with pytest.raises(DataError, match="Canvas gives this assignment 16 points and the marks are out of 8"):
        canvas.export(out, tmp_path / "to", gradebook=book)
    (path,) = canvas.export(out, tmp_path / "to", gradebook=book, scale=True)
    assert rows(path)[3][5] == "13"


def test_a_gradebook_of_something_else_is_one_clear_sentence(out, tmp_path):
    (tmp_path / "book.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column Section .found: a, b"):
        canvas.export(out, tmp_path / "to", gradebook=tmp_path / "book.csv")


def test_an_id_decides_against_a_name_that_two_people_share(tmp_path):
    ids = {"Lee, Ann (1)": {"canvas_id": "1"}, "Lee, Ann (2)": {"canvas_id": "2"}}
    write_all(tmp_path / "out", TASK, [one("Lee, Ann (1)", 4, 0), one("Lee, Ann (2)", 0, 0)], {"students": ids})
    book = tmp_path / "book.csv"
    rest = "".join(f'"Lee, Ann",{id},,A,\n' for id in (2, 1, 3))
    book.write_text(f"Student,ID,SIS Login ID,Section,Lesson 3 (9)\n{rest}")
    (path,) = canvas.export(tmp_path / "out", tmp_path / "to", gradebook=book)
    assert [line[1:2] + line[4:] for line in rows(path)[1:]] == [["2", "0"], ["1", "4"], ["3", ""]]


# Moodle


def assert_moodle_takes(path):
    """The rules of Moodle's worksheet import (importgradeslib.php: init, next; locallib.php: the grade)."""
    lines = rows(path)
    header = lines[0]
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(header)
    for line in lines[1:]:
        cells = dict(zip(header, line, strict=True))
        assert re.fullmatch(r"Participant \d+", cells["Identifier"])
        assert cells["Grade"] == "" or 0 <= float(cells["Grade"]) <= float(cells["Maximum Grade"])


def test_moodle_without_a_worksheet_writes_one_and_a_file_for_the_gradebook(out, tmp_path):
    notes = []
    sheet, book = moodle.export(out, tmp_path / "to", notes=notes)
    assert_moodle_takes(sheet)
    found = {line[0]: (line[1], line[4], line[5]) for line in rows(sheet)[1:]}
    assert found == {
        "Participant 501": ("Lovelace, Ada", "6.5", "8"),
        "Participant 502": ("'=Bo", "1.2", "8"),
        "Participant 504": ("Dan", "", "8"),
        "Participant 505": ("Eve", "", "8"),
    }
    assert rows(book)[0] == ["Email address", "ID number", "Full name", "Assignment: Lesson 3 (Real)", "Feedback"]
    assert [line[:4] for line in rows(book)[1:]] == [
        ["", "900", "'=Bo", "1.2"],
        ["ada@uni.example", "", "Lovelace, Ada", "6.5"],
    ]
    assert "No final mark, so none is written: Dan; Eve." in notes
    assert "Not in the worksheet, the participant number is not known: Cy." in notes


def test_moodles_worksheet_is_filled_and_all_else_in_it_stays(out, tmp_path):
    given, notes = tmp_path / "sheet.csv", []
    given.write_text(MOODLE, encoding="utf-8-sig")
    path, _ = moodle.export(out, tmp_path / "to", gradebook=given, notes=notes)
    assert_moodle_takes(path)
    before, after = read_csv(given), read_csv(path)
    assert after.header == before.header and len(after.rows) == len(before.rows)
    for old, new in zip(before.rows, after.rows, strict=True):
        kept = [0, 2, 3, 5, 6, 7, 8]
        assert [old.cells[i] for i in kept] == [new.cells[i] for i in kept] and unguard(new.cells[1]) == old.cells[1]
    assert [row.cells[4] for row in after.rows] == ["6.5", "1.2", "", ""]
    assert after.rows[1].cells[9] == "Mine." and "has a comment in Moodle already" in " ".join(notes)
    text = " ".join(notes)
    assert "Cy: Moodle says that the grade cannot be changed" in text and "Fay Fox is in Moodle's worksheet" in text


def test_feedback_for_moodle_is_html_in_which_everything_is_escaped(out, tmp_path):
    sheet, _ = moodle.export(out, tmp_path / "to")
    comment = {line[0]: line[9] for line in rows(sheet)}["Participant 502"]
    made = Page(comment)  # which fails where a tag is not closed
    assert {tag for tag, _ in made.tags} == {"div", "p", "ul", "li", "br"}
    assert "Off by <one> & more." in made.text and "1.5 days late" in made.text
    assert html.escape("<one>") in comment and comment.startswith("<")


def test_filling_a_worksheet_again_replaces_our_own_comment(out, tmp_path):
    given = tmp_path / "sheet.csv"
    given.write_text(MOODLE)
    first, _ = moodle.export(out, tmp_path / "one", gradebook=given)
    write_all(out, TASK, [one("Lovelace, Ada", 0, 0, reason="Regraded.")], {})
    second, *_ = moodle.export(out, tmp_path / "two", gradebook=first)
    ada = rows(second)[1]
    assert ada[4] == "0" and "Regraded." in ada[9] and "6.5" not in ada[9]


def test_decimal_commas_of_a_worksheet_are_kept(out, tmp_path):
    given = tmp_path / "sheet.csv"
    given.write_text(MOODLE.replace(",8.00,", ',"8,00",'))
    path, _ = moodle.export(out, tmp_path / "to", gradebook=given)
    assert rows(path)[1][4:6] == ["6,5", "8,00"]


def test_a_worksheet_that_moodle_would_refuse_is_an_error(out, tmp_path):
    (tmp_path / "sheet.csv").write_text("Identifier,Full name,Grade\nParticipant 1,Ann,\n")
    with pytest.raises(DataError, match=r"no column Last modified \(grade\)"):
        moodle.export(out, tmp_path / "to", gradebook=tmp_path / "sheet.csv")


def test_ids_go_from_moodles_download_to_its_worksheet(tmp_path):
    (tmp_path / "in/Ada Lovelace_501_assignsubmission_file").mkdir(parents=True)
    (tmp_path / "in/Ada Lovelace_501_assignsubmission_file/x.ipynb").write_text("{}")
    took = gather(tmp_path / "in")
    class_ = [one(submission.student, 4, 0) for submission in took.submissions]
    write_all(tmp_path / "out", TASK, class_, {"students": took.students})
    (path,) = moodle.export(tmp_path / "out", tmp_path / "to")
    assert rows(path)[1][:2] == ["Participant 501", "Ada Lovelace"] and rows(path)[1][4] == "4"


# Gradescope


def test_gradescope_gets_a_results_file_a_student_by_its_documented_schema(out, tmp_path):
    notes = []
    written = gradescope.export(out, tmp_path / "to", notes=notes)
    assert len(written) == 4 and all(path.name == "results.json" for path in written)
    assert notes == ["Eve handed in nothing: no results.json."]
    # https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
    top = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility"}
    top |= {"stdout_visibility", "extra_data", "tests", "leaderboard"}
    each = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags"}
    each |= {"visibility", "extra_data"}
    for path in written:
        made = json.loads(path.read_text(encoding="utf-8"))
        assert set(made) <= top and isinstance(made["score"], int | float) and made["score"] >= 0
        assert made["visibility"] in gradescope.VISIBILITY and made["stdout_visibility"] == "hidden"
        for test in made["tests"]:
            assert set(test) <= each and test["visibility"] in gradescope.VISIBILITY and test["output_format"] == "text"
            assert "score" not in test or 0 <= test["score"] <= test["max_score"]
            assert test.get("status") in ("passed", "failed", None)


def test_gradescope_holds_the_marks_and_leaves_out_the_score_of_what_waits(out, tmp_path):
    gradescope.export(out, tmp_path / "to", visibility="visible")
    ada = json.loads((tmp_path / "to/Lovelace, Ada/results.json").read_text())
    assert ada["score"] == 6.5 and ada["tests"][0] | {"score": 4, "max_score": 4, "status": "passed"} == ada["tests"][0]
    dan = json.loads((tmp_path / "to/Dan/results.json").read_text())
    assert "score" not in dan["tests"][1] and "can go up" in dan["output"]
    (bo,) = (json.loads(path.read_text()) for path in (tmp_path / "to").glob("Bo-*/results.json"))
    assert bo["score"] == 1.2 and "1.5 days late" in bo["output"] and bo["tests"][0]["status"] == "failed"


def test_a_visibility_that_gradescope_does_not_know_is_an_error(out, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'visible'"):
        gradescope.export(out, tmp_path / "to", visibility="visibel")
