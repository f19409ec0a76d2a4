"""grades.csv, summary.csv and manual.csv: exact columns, safe in a spreadsheet, and a person's work is never lost."""

import csv
import json
import os
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.errors import DataError, StorageError
from medtutor.grading.assignment import Assignment, Question
from medtutor.grading.marks import read_manual, write_all
from medtutor.grading.results import Graded, Outcome
from medtutor.grading.tables import csv_bytes, guard, number, read_csv, unguard

TASK = Assignment(
    "Lesson 3",
    (Question("cnn.pool", "cases", 2), Question("cnn.why", "manual", 3, tests="Why does it <b>fail</b>?")),
    "d1",
)


def graded(student="ann", points=2.0, reason="", said="Because of the shift.", marked=None, **fields):
    essay = ("needs marking", 0.0) if marked is None else ("partial", marked)
    outcomes = (
        Outcome("cnn.pool", "correct" if points == 2 else "partial", points, 2, reason),
        Outcome("cnn.why", essay[0], essay[1], 3),
    )
    return Graded(
        student,
        outcomes,
        **{"total": points, "maximum": 5, "status": "needs marking", "manual": {"cnn.why": said}} | fields,
    )


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def fill(out, points, comment="", line=1):
    lines = rows(out / "manual.csv")
    lines[line][2], lines[line][4] = points, comment
    (out / "manual.csv").write_bytes(csv_bytes(lines[0], lines[1:]))


def test_grades_and_summary_have_exactly_their_columns_and_a_row_for_each(tmp_path):
    missing = Graded("bob", (), 0, 5, status="missing", notes=("On the class list, but nothing was handed in.",))
    write_all(tmp_path, TASK, [missing, graded(points=4 / 3, reason="Off by one.", late=1.25, total=1.2)], {})
    assert rows(tmp_path / "grades.csv") == [
        ["student", "exercise", "points", "max", "status", "reason"],
        ["ann", "cnn.pool", "1.33", "2", "partial", "Off by one."],
        ["ann", "cnn.why", "0", "3", "needs marking", ""],
        ["bob", "cnn.pool", "0", "2", "not attempted", "On the class list, but nothing was handed in."],
        ["bob", "cnn.why", "0", "3", "not attempted", "On the class list, but nothing was handed in."],
    ]
    assert rows(tmp_path / "summary.csv") == [
        ["student", "total", "max", "late", "status"],
        ["ann", "1.2", "5", "1.25", "needs marking"],
        ["bob", "0", "5", "0", "missing"],
    ]
    assert (tmp_path / "grades.csv").read_bytes().count(b"\r\n") == 5


@pytest.mark.parametrize("value, text", [(2.0, "2"), (0.5, "0.5"), (1 / 3, "0.33"), (-0.0001, "0"), (100, "100")])
def test_points_have_at_most_two_decimals_and_no_trailing_zeros(value, text):
    assert number(value) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\t=", "\uff1d"])
def test_no_cell_of_a_student_begins_as_a_formula(tmp_path, start):
    name = start + 'HYPERLINK("http://x.example";"a")'
    write_all(tmp_path, TASK, [graded(name, points=1.0, reason=name)], {})
    for file in ("grades.csv", "summary.csv", "manual.csv"):
        for cells in rows(tmp_path / file)[1:]:
            assert cells[0].startswith("'") and unguard(cells[0]) == name
    assert rows(tmp_path / "grades.csv")[1][5].startswith("'")


def test_a_formula_behind_a_separator_of_other_countries_is_guarded_too():
    assert guard("ann;=cmd|' /C calc'!A0") == "ann;'=cmd|' /C calc'!A0"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.one_of(st.sampled_from("=+-@'; \t\r\n\uff1d,\"ab"), st.characters(codec="utf-8")), max_size=20))
def test_guarding_can_be_undone_for_every_text_and_leaves_no_formula(text):
    guarded = guard(text)
    assert unguard(guarded) == text
    assert guarded.lstrip()[:1] not in tuple("=+-@") and guarded[:1] not in tuple("\t\r\n")
    assert not any(part.lstrip()[:1] in tuple("=+-@") for part in guarded.split(";"))


def test_names_with_quotes_commas_newlines_and_lone_surrogates_come_back(tmp_path):
    names = ['a "b", c', "line\nbreak", "José", "caf\udce9"]
    write_all(tmp_path, TASK, [graded(name) for name in names], {})
    found = {unguard(row[0]) for row in rows(tmp_path / "summary.csv")[1:]}
    assert found == {'a "b", c', "line\nbreak", "José", "caf\\udce9"}


def test_what_waits_for_a_person_is_in_manual_csv_and_on_a_page_to_read(tmp_path):
    write_all(tmp_path, TASK, [graded("bob", said="<script>alert(1)</script>"), graded("ann")], {})
    assert rows(tmp_path / "manual.csv") == [
        ["student", "exercise", "points", "max", "comment"],
        ["ann", "cnn.why", "", "3", ""],
        ["bob", "cnn.why", "", "3", ""],
    ]
    page = (tmp_path / "manual/cnn.why.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "Why does it &lt;b&gt;fail" in page
    assert "<h2>ann</h2>" in page and read_manual(tmp_path) == {}


def test_points_that_a_person_filled_in_are_read_and_survive_the_next_run(tmp_path):
    write_all(tmp_path, TASK, [graded("ann"), graded("bob")], {})
    fill(tmp_path, "2,5", "Nearly.")
    assert read_manual(tmp_path) == {("ann", "cnn.why"): (2.5, "Nearly.")}
    write_all(tmp_path, TASK, [graded("ann", marked=2.5, status="graded", total=4.5), graded("bob"), graded("cid")], {})
    assert rows(tmp_path / "manual.csv")[1:] == [
        ["ann", "cnn.why", "2,5", "3", "Nearly."],
        ["bob", "cnn.why", "", "3", ""],
        ["cid", "cnn.why", "", "3", ""],
    ]
    assert "Marked: 2,5 of 3" in (tmp_path / "manual/cnn.why.html").read_text()


def test_points_of_a_student_who_is_not_in_this_run_survive(tmp_path):
    write_all(tmp_path, TASK, [graded("ann"), graded("bob")], {})
    fill(tmp_path, "3", line=2)
    write_all(tmp_path, TASK, [graded("ann")], {})
    assert read_manual(tmp_path) == {("bob", "cnn.why"): (3, "")}
    assert [row[0] for row in rows(tmp_path / "manual.csv")] == ["student", "ann", "bob"]


def test_a_file_saved_by_a_spreadsheet_with_semicolons_is_read(tmp_path):
    write_all(tmp_path, TASK, [graded("=ann")], {})
    text = (tmp_path / "manual.csv").read_text().replace(",", ";").replace(";;", ";1,5;")
    (tmp_path / "manual.csv").write_text(text.replace(";1,5;3", ";1,5;3"), encoding="utf-16")
    lines = read_csv(tmp_path / "manual.csv").rows
    assert lines[0].cells[0] == "'=ann"
    assert read_manual(tmp_path) == {("=ann", "cnn.why"): (1.5, "")}


@pytest.mark.parametrize(
    "points, message",
    [
        ("good", "line 2: points should be a number of at least 0, got 'good'"),
        ("-1", "line 2: points should be a number"),
        ("nan", "line 2: points should be a number"),
        ("4", "line 2: points 4 is above max 3 .ann, cnn.why"),
    ],
)
def test_points_that_make_no_sense_are_errors_with_line_and_column_and_are_not_overwritten(tmp_path, points, message):
    write_all(tmp_path, TASK, [graded()], {})
    fill(tmp_path, points, "mine")
    with pytest.raises(DataError, match=message):
        read_manual(tmp_path)
    write_all(tmp_path, TASK, [graded()], {})
    assert rows(tmp_path / "manual.csv")[1] == ["ann", "cnn.why", points, "3", "mine"]


def test_two_lines_with_other_points_for_the_same_answer_are_an_error(tmp_path):
    write_all(tmp_path, TASK, [graded()], {})
    (tmp_path / "manual.csv").write_text("student,exercise,points,max,comment\nann,cnn.why,1,3,\nann,cnn.why,2,3,\n")
    with pytest.raises(DataError, match="line 3: ann, cnn.why has points in another line too"):
        read_manual(tmp_path)


def test_a_manual_file_that_lost_a_column_is_an_error_and_stays(tmp_path):
    write_all(tmp_path, TASK, [graded()], {})
    (tmp_path / "manual.csv").write_text("student,exercise,points\nann,cnn.why,1\n")
    with pytest.raises(DataError, match="no column max"):
        read_manual(tmp_path)
    with pytest.raises(DataError):
        write_all(tmp_path, TASK, [graded()], {})
    assert (tmp_path / "manual.csv").read_text().endswith("ann,cnn.why,1\n")


def test_anonymous_marking_shows_no_name_and_finds_its_way_back(tmp_path):
    class_ = [graded(name, said=f"text {place}") for place, name in enumerate(["ann", "bob", "cid"])]
    write_all(tmp_path, TASK, class_, {"anonymous": True})
    page = (tmp_path / "manual/cnn.why.html").read_text()
    text = (tmp_path / "manual.csv").read_text()
    assert not any(name in page.partition("<main>")[2] or name in text for name in ("ann", "bob", "cid"))
    codes = [row[0] for row in rows(tmp_path / "manual.csv")[1:]]
    place = next(i for i, code in enumerate(codes) if f"{code}</h2><pre>text 1</pre>" in page)  # bob's
    fill(tmp_path, "2", "ok", line=place + 1)
    assert read_manual(tmp_path) == {("bob", "cnn.why"): (2, "ok")}
    write_all(tmp_path, TASK, class_, {"anonymous": True})
    assert read_manual(tmp_path) == {("bob", "cnn.why"): (2, "ok")}
    write_all(tmp_path, TASK, class_, {})  # and back under names
    assert rows(tmp_path / "manual.csv")[2] == ["bob", "cnn.why", "2", "3", "ok"]


def test_nothing_to_read_by_a_person_leaves_no_manual_file(tmp_path):
    write_all(tmp_path, TASK, [graded(marked=1.0, manual={}, status="graded")], {})
    assert not (tmp_path / "manual.csv").exists()


def test_ids_of_platforms_are_kept_for_the_exporters_also_when_a_later_run_knows_none(tmp_path):
    write_all(tmp_path, TASK, [graded("ann")], {"students": {"ann": {"canvas_id": "7"}}})
    write_all(tmp_path, TASK, [graded("ann")], {})
    state = json.loads((tmp_path / ".medtutor/students.json").read_text())
    assert state["students"] == {"ann": {"canvas_id": "7"}} and state["maximum"] == 5


def test_a_write_that_fails_leaves_the_old_marks_whole(tmp_path, monkeypatch):
    write_all(tmp_path, TASK, [graded()], {})
    before = (tmp_path / "summary.csv").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        write_all(tmp_path, TASK, [graded(total=0)], {})
    assert (tmp_path / "summary.csv").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".summary")]


def test_pages_to_read_are_well_formed_and_load_nothing(tmp_path):
    write_all(tmp_path, TASK, [graded(said="a & b\x00 <img src=x>")], {})
    page = (tmp_path / "manual/cnn.why.html").read_text()
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(page)
    assert not {"img", "script", "link", "iframe"} & set(tags) and "default-src 'none'" in page and "\x00" not in page
