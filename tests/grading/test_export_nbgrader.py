"""The nbgrader course tree: the real nbgrader takes it, and has the marks that medtutor gave."""

import csv
import json
import os

import nbformat
import pytest
from grading import real_nbgrader, sources

from medtutor.course.build import build
from medtutor.course.frontmatter import lesson
from medtutor.errors import DataError
from medtutor.grading import marks
from medtutor.grading.bundle import load
from medtutor.grading.export.nbgrader import export
from medtutor.grading.policy import deducted
from medtutor.grading.release import release
from medtutor.grading.results import Graded, Outcome

MONDAY = 1_770_000_000  # seconds since 1970


def source():
    """A notebook of all kinds of questions, with nothing heavier than numpy."""
    parts = [sources.hidden(), sources.value(), sources.partial(), sources.manual_questions()]
    return sources.notebook(*(cell for part in parts for cell in part.cells))


def hand_in(notebook, folder, student, when=MONDAY):
    path = folder / student / "sheet.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    os.utime(path, (when, when))
    return path


def grade(out, task, given, late=None, status="graded"):
    """Write marks as `medtutor grade` does: student to question to points (None: a person has to read it)."""
    results = []
    for student, points in given.items():
        outcomes = []
        for question in task.questions:
            value, most = points.get(question.id, question.points), question.points
            said = "needs marking" if value is None else "correct" if value == most else "partial" if value else "wrong"
            reason = "" if value == most else f"The author's words on {question.id}: 2 < 3 & more."
            outcomes.append(Outcome(question.id, said, value or 0.0, most, reason))
        days = (late or {}).get(student, 0.0)
        total = deducted(sum(one.points for one in outcomes), task.policy, days)
        results.append(Graded(student, tuple(outcomes), total, task.maximum, days, status))
    marks.write_all(out, task, results)
    return {one.student: one.total for one in results}


def grades(course):
    """What `nbgrader export` says: student to a row."""
    real_nbgrader.run(course, "export")
    with open(course / "grades.csv", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_nbgrader_s_own_commands_take_the_tree_and_give_the_same_totals(tmp_path):
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(source()), encoding="utf-8")
    bundle = release(tmp_path / "sheet.ipynb", tmp_path, percent_per_day=10).bundle
    task, handed = load(bundle), tmp_path / "submissions"
    hand_in(sources.handed_in(source()), handed, "ada")
    other = sources.handed_in(source(), {"clip": sources.CLIP_HALF, "vowels": sources.SMALL_LETTERS, "why": None})
    hand_in(other, handed, "Zoë, Ö.", MONDAY + 5)
    wrong = {"test_clip": 0, "test_clip_many": 0, "test_vowels": 3, "why": 0, "sketch": 1.5, "report": None}
    totals = grade(
        tmp_path / "out", task, {"ada": {"why": 2.5, "sketch": 2, "report": 4}, "Zoë, Ö.": wrong}, {"Zoë, Ö.": 1.5}
    )
    course = tmp_path / "course"
    files = export(tmp_path / "out", course, assignment=bundle, submissions=handed)
    assert all(path.is_file() for path in files)
    real_nbgrader.run(course, "generate_assignment", "sheet", "--force")
    real_nbgrader.run(course, "autograde", "sheet")
    real_nbgrader.run(course, "generate_feedback", "sheet")
    rows = grades(course)
    zoe = next(name for name in rows if name.startswith("Zoe"))
    assert float(rows["ada"]["score"]) == totals["ada"] == 19.5
    assert float(rows[zoe]["raw_score"]) == 7.5
    assert float(rows[zoe]["score"]) == totals["Zoë, Ö."] == 6.0
    assert {float(row["max_score"]) for row in rows.values()} == {task.maximum}
    feedback = (course / "feedback" / zoe / "sheet" / "sheet.html").read_text(encoding="utf-8")
    assert "2 &lt; 3 &amp; more" in feedback
    # and again, over what nbgrader left behind, read-only as it is
    for path in export(tmp_path / "out", course, assignment=bundle, submissions=handed):
        assert path.is_file()


def test_nbgrader_that_runs_an_honest_hand_in_itself_gives_the_same_total(tmp_path):
    notebook = sources.notebook(*sources.hidden().cells, *sources.partial().cells)
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    task = load(tmp_path / "sheet.ipynb")
    answers = {"clip": sources.CLIP_HALF, "vowels": sources.SMALL_LETTERS}
    hand_in(sources.handed_in(notebook, answers), tmp_path / "submissions", "ada")
    totals = grade(tmp_path / "out", task, {"ada": {"test_clip": 0, "test_clip_many": 0, "test_vowels": 3}})
    course = tmp_path / "course"
    export(tmp_path / "out", course, assignment=tmp_path / "sheet.ipynb", submissions=tmp_path / "submissions")
    config = course / "nbgrader_config.py"
    kept = [line for line in config.read_text().split("\n") if not line.startswith("c.Autograde.")]
    assert len(kept) == config.read_text().count("\n") + 1 - 3  # as its first lines tell an instructor to do
    config.write_text("\n".join(kept))
    real_nbgrader.run(course, "generate_assignment", "sheet", "--force")
    real_nbgrader.run(course, "autograde", "sheet", "--force")
    assert float(grades(course)["ada"]["score"]) == totals["ada"] == 3


@pytest.fixture
def exported(tmp_path):
    """Export one hand-in for `source()` with these marks; returns the submitted and the autograded notebook."""

    def run(handed, given=None):
        (tmp_path / "sheet.ipynb").write_text(nbformat.writes(source()), encoding="utf-8")
        task = load(tmp_path / "sheet.ipynb")
        path = tmp_path / "submissions" / "ada" / "sheet.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(handed if isinstance(handed, bytes) else nbformat.writes(handed).encode())
        os.utime(path, (MONDAY, MONDAY))
        grade(tmp_path / "out", task, {"ada": given or {}})
        export(
            tmp_path / "out", tmp_path / "course", assignment=tmp_path / "sheet.ipynb",
            submissions=tmp_path / "submissions",
        )  # fmt: skip
        made = []
        for step in ("submitted", "autograded"):
            folder = tmp_path / "course" / step / "ada" / "sheet"
            assert (folder / "timestamp.txt").read_text() == "2026-02-02 02:40:00.000000 UTC\n"
            made.append(nbformat.read(folder / "sheet.ipynb", as_version=4))
            nbformat.validate(made[-1])
        return made

    return run


def by_id(notebook):
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader")]
    found = {cell.metadata.nbgrader.grade_id: cell for cell in cells}
    assert len(found) == len(cells)
    return found


IDS = ["clip", "test_clip", "test_clip_many", "data", "oldest", "test_oldest", "test_mean", "vowels", "test_vowels",
       "why", "sketch", "report", "rate", "test_rate"]  # fmt: skip


def test_a_hand_in_without_metadata_keeps_its_answers(exported):
    handed = sources.handed_in(source(), {"clip": sources.CLIP_HALF})
    for cell in handed.cells:
        cell.metadata = nbformat.NotebookNode()
    found = by_id(exported(handed)[0])
    assert list(found) == IDS
    assert found["clip"].source == sources.CLIP_HALF
    assert "HIDDEN" not in found["test_clip"].source


def test_copied_deleted_and_added_cells_leave_each_graded_cell_once(exported):
    handed = sources.handed_in(source())
    copy = nbformat.from_dict(handed.cells[1])
    copy.source = sources.CLIP_HALF  # nbgrader takes the last of two
    own = nbformat.v4.new_code_cell("print('mine')", id=handed.cells[0].id)
    lost = [cell for cell in handed.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "test_clip"]
    handed.cells = [own, *lost, copy]
    submitted, autograded = exported(json.dumps(handed).encode())  # nbformat itself would mend ids
    found = by_id(submitted)
    assert sorted(found) == sorted(IDS) and found["clip"].source == sources.CLIP_HALF
    assert [cell.source for cell in submitted.cells if "mine" in cell.source] == ["print('mine')"]
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in submitted.cells]
    assert names.index("test_clip") == names.index("clip") + 1
    assert "low and high may be equal" in by_id(autograded)["test_clip"].source


def test_edited_tests_and_metadata_of_others_are_put_right(exported):
    handed = sources.handed_in(source())
    for cell in handed.cells:
        marks_of = cell.metadata.get("nbgrader", {})
        if marks_of.get("grade_id") == "test_clip":
            cell.source = "pass"
            marks_of["points"] = 1000
            marks_of["__proto__"] = {"x": [1]}
    handed.metadata["widgets"] = {"state": "x" * 100}
    submitted, _ = exported(handed)
    found = by_id(submitted)["test_clip"]
    assert found.source.startswith("assert clip") and found.metadata.nbgrader.points == 3
    assert set(submitted.metadata) == {"kernelspec"}


def test_marks_stand_in_the_outputs_as_nbgrader_reads_them(exported, tmp_path):
    _, autograded = exported(sources.handed_in(source()), {"test_clip": 0, "test_vowels": 3, "why": 1})
    found = by_id(autograded)
    assert found["test_oldest"].outputs == []
    (error,) = found["test_clip"].outputs
    assert (error.output_type, error.evalue) == ("error", "The author's words on test_clip: 2 < 3 & more.")
    said, value = found["test_vowels"].outputs
    assert (said.name, value.output_type, value.data["text/plain"]) == ("stdout", "execute_result", "3.0")
    book = json.loads((tmp_path / "course" / "marks.json").read_text())
    assert book["ada"]["by_hand"] == {"why": 1.0, "sketch": 2.0, "report": 4.0} and book["ada"]["late"] == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"cells": 7}', b"\xff\x00"], ids=repr)
def test_a_file_that_cannot_be_read_becomes_the_notebook_as_it_was_handed_out(content, exported):
    submitted, _ = exported(content, dict.fromkeys(["test_clip", "test_clip_many"], 0))
    assert list(by_id(submitted)) == IDS


def test_a_lesson_goes_out_with_a_cell_for_everything_that_has_points(tmp_path):
    made = release(3, tmp_path, quiz_points=0, points={"cnn.conv2d": 5})
    task = load(made.bundle)
    hand_in(nbformat.read(made.student[0], as_version=4), tmp_path / "submissions", "ada")
    solved = build(lesson(3), "solution")
    hand_in(solved, tmp_path / "submissions", "bob")
    grade(tmp_path / "out", task, {"ada": {one.id: 0 for one in task.questions}, "bob": {}})
    course = tmp_path / "course"
    files = export(tmp_path / "out", course, assignment=made.bundle, submissions=tmp_path / "submissions")
    for path in files:
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
            points = {id: cell.metadata.nbgrader.points for id, cell in by_id(notebook).items()
                      if "points" in cell.metadata.nbgrader}  # fmt: skip
            assert sum(points.values()) == task.maximum and points["test_cnn_conv2d"] == 5
    handed = nbformat.read(course / "submitted" / "bob" / task.name / f"{task.name}.ipynb", as_version=4)
    answer = by_id(handed)["cnn_conv2d"].source
    assert answer == next(cell.source for cell in solved.cells if cell.source.startswith("# medtutor: cnn.conv2d"))


def test_who_is_missing_is_in_the_class_list_only(tmp_path):
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(source()), encoding="utf-8")
    task = load(tmp_path / "sheet.ipynb")
    hand_in(sources.handed_in(source()), tmp_path / "submissions", "ada")
    grade(tmp_path / "out", task, {"eve": {one.id: 0 for one in task.questions}}, status="missing")
    notes = []
    files = export(
        tmp_path / "out", tmp_path / "course", assignment=tmp_path / "sheet.ipynb",
        submissions=tmp_path / "submissions", notes=notes,
    )  # fmt: skip
    assert not [path for path in files if "eve" in path.parts] and notes == []
    assert (tmp_path / "course" / "students.csv").read_text() == 'id\n"eve"\n'
    grade(tmp_path / "out", task, {"ian": {}})
    export(
        tmp_path / "out", tmp_path / "course", assignment=tmp_path / "sheet.ipynb",
        submissions=tmp_path / "submissions", notes=notes,
    )  # fmt: skip
    assert len(notes) == 1 and notes[0].startswith("ian has marks and is not in")


def test_another_course_is_never_written_over(tmp_path):
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(source()), encoding="utf-8")
    hand_in(sources.handed_in(source()), tmp_path / "submissions", "ada")
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "nbgrader_config.py").write_text("c = get_config()\n")
    options = {"assignment": tmp_path / "sheet.ipynb", "submissions": tmp_path / "submissions"}
    with pytest.raises(DataError, match="summary.csv"):
        export(tmp_path / "out", tmp_path / "course", **options)
    grade(tmp_path / "out", load(tmp_path / "sheet.ipynb"), {"ada": {}})
    with pytest.raises(DataError, match="is an nbgrader course already"):
        export(tmp_path / "out", tmp_path / "course", **options)
    assert [path.name for path in (tmp_path / "course").iterdir()] == ["nbgrader_config.py"]
