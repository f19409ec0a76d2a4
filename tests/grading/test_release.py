"""Release: what students get holds no answer, equals what nbgrader makes, and has the same bytes every time."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import tiny_lessons
from grading import real_nbgrader, sources

from medtutor import resources
from medtutor.checks import sheet
from medtutor.course import lessons
from medtutor.course.build import build
from medtutor.errors import LessonError, UnknownNameError
from medtutor.grading.bundle import check_secret, load
from medtutor.grading.release import release
from medtutor.grading.variants import new_secret, read_secret

TOKEN = "sugarplum"  # in everything that nobody may see


def write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


def nbgrader_s_own():
    """Source notebooks that come with nbgrader: its tutorial, a task cell, and its old schemas."""
    root = Path(real_nbgrader.folder())
    names = ["tests/preprocessors/files/test_taskcell.ipynb"]
    names += [f"docs/source/user_guide/source/ps1/problem{i}.ipynb" for i in (1, 2)]
    names += [f"tests/apps/files/test-v{i}.ipynb" for i in (0, 1, 2)]
    return {name.rpartition("/")[2]: (root / name).read_text(encoding="utf-8") for name in names}


def test_student_notebooks_equal_nbgrader_s_cell_by_cell(tmp_path):
    course = tmp_path / "course"
    every = nbgrader_s_own()
    for name, make in sources.SOURCES.items():
        notebook = make()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("stream", text="seen")]
                cell.execution_count = 3
        every[f"{name.replace(' ', '_')}.ipynb"] = nbformat.writes(notebook)
    for folder in (course / "source" / "ps", tmp_path / "sources"):
        folder.mkdir(parents=True)
        for name, text in every.items():
            (folder / name).write_text(text, encoding="utf-8")
    (course / "nbgrader_config.py").write_text("c = get_config()\n")
    real_nbgrader.run(course, "update", "source")  # nbgrader takes an old schema only when it was told to update it
    real_nbgrader.run(course, "generate_assignment", "ps", "--force")
    for name in every:
        theirs = nbformat.read(course / "release" / "ps" / name, as_version=4)
        ours = nbformat.read(release(tmp_path / "sources" / name, tmp_path / "out").student[0], as_version=4)
        assert len(ours.cells) == len(theirs.cells)
        for one, other in zip(ours.cells, theirs.cells, strict=True):
            assert (one.cell_type, one.source) == (other.cell_type, other.source), name
            assert one.id == other.get("id", one.id)
            marks, same = (dict(cell.metadata.get("nbgrader", {})) for cell in (one, other))
            assert with_task(marks) == with_task(same), name
            for field in ("deletable", "editable"):
                assert one.metadata.get(field) == other.metadata.get(field), name
            assert one.get("outputs", []) == other.get("outputs", []) == []
        assert ours.metadata.kernelspec == theirs.metadata.kernelspec


def with_task(marks):
    """nbgrader leaves out of older metadata what it takes as false."""
    return {"task": False, **marks} if any(marks.get(kind) for kind in ("grade", "solution", "locked", "task")) else {}


@pytest.mark.parametrize("name", list(sources.SOURCES))
def test_released_notebooks_hold_no_solution_and_no_hidden_test(name, tmp_path):
    notebook = sources.SOURCES[name]()
    secret = set()
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        parts = re.findall(r"(?s)BEGIN (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\n(.*?)\n[^\n]*END", cell.source)
        if marks.get("solution") and not parts:
            parts = [cell.source]
        secret |= {line.strip() for part in parts for line in part.split("\n") if len(line.strip()) > 3}
    assert secret
    made = release(write(notebook, tmp_path / "sheet.ipynb"), tmp_path / "out")
    text = made.student[0].read_text(encoding="utf-8")
    lines = {line.strip() for cell in json.loads(text)["cells"] for line in "".join(cell["source"]).split("\n")}
    assert not secret & lines
    for line in secret:
        assert json.dumps(line)[1:-1] not in text, line
    assert sorted(path.name for path in (tmp_path / "out" / "student").iterdir()) == ["sheet.ipynb"]


def test_answers_in_outputs_attachments_metadata_and_tags_do_not_leak(tmp_path):
    notebook = sources.hidden()
    notebook.metadata |= {"widgets": {"state": TOKEN}, "celltoolbar": TOKEN, "author": TOKEN}
    notebook.metadata.kernelspec["env"] = {"KEY": TOKEN}
    text, solution, test, _ = notebook.cells
    solution.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": TOKEN, "text/html": TOKEN})]
    test.outputs = [nbformat.v4.new_output("error", ename="E", evalue=TOKEN, traceback=[TOKEN])]
    text.attachments = {"a.png": {"image/png": TOKEN}, "shown.png": {"image/png": "cGljdHVyZQ==", "text/plain": TOKEN}}
    text.source += "\n\n![a picture](attachment:shown.png)"
    for cell in notebook.cells:
        cell.metadata |= {"tags": [TOKEN, "hide-input"], "answer": TOKEN, "collapsed": True}
    solution.metadata["nbgrader"]["comment"] = TOKEN
    written = sources.manual("essay", 1, f"![{TOKEN}](attachment:b.png)")
    written.attachments = {"b.png": {"image/png": TOKEN}}
    notebook.cells.append(written)
    task = sources.task("task", 1, f"Do.\n### BEGIN MARK SCHEME\n![x](attachment:c.png) {TOKEN}\n### END MARK SCHEME")
    task.attachments = {"c.png": {"image/png": TOKEN}}
    notebook.cells.append(task)
    made = release(write(notebook, tmp_path / "sheet.ipynb"), tmp_path / "out").student[0]
    assert TOKEN not in made.read_text(encoding="utf-8")
    found = nbformat.read(made, as_version=4)
    nbformat.validate(found)
    assert found.cells[0].attachments == {"shown.png": {"image/png": "cGljdHVyZQ=="}}
    assert found.cells[0].metadata.tags == ["hide-input"]


def test_a_solution_that_the_notebook_also_shows_elsewhere_is_said(tmp_path):
    notebook = sources.plain()
    notebook.cells.append(sources.code("def other(x):\n    return x ** 2  \n"))
    made = release(write(notebook, tmp_path / "sheet.ipynb"), tmp_path / "out")
    assert made.notes == ("Cell 4 of the student notebook holds a line of square: 'return x ** 2'.",)


def test_a_module_that_the_tests_need_and_that_is_missing_is_said(tmp_path):
    notebook = sources.plain()
    notebook.cells[2].source = "from a_module_that_nobody_has.tools import eq\n" + notebook.cells[2].source
    made = release(write(notebook, tmp_path / "sheet.ipynb"), tmp_path / "out")
    assert made.notes == ("The tests of test_square import a_module_that_nobody_has, which is not installed here.",)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_every_lesson_is_released_without_solutions_labels_or_cases(lesson, tmp_path):
    made = release(lesson.number, tmp_path)
    assert [path.name for path in made.student] == [f"{lesson.path.stem}.ipynb"]
    notebook = nbformat.read(made.student[0], as_version=4)
    nbformat.validate(notebook)
    answers = {cell.id: cell.source for cell in notebook.cells if cell.id.startswith("answer-")}
    questions = load(made.bundle).questions
    assert set(answers) <= {question.cell_ids[0] for question in questions}
    text = "\n".join(cell.source for cell in notebook.cells)
    asked = sheet(questions[0].id.partition(".")[0])
    for exercise in asked.exercises.values():
        assert exercise.solution.strip() not in text
        answer = answers[f"answer-{exercise.id.replace('.', '-')}"]
        own = set(exercise.solution.split("\n")) - set(exercise.starter.split("\n"))
        assert not {line for line in own if line.strip()} & set(answer.split("\n"))
        for case in (*exercise.visible_cases, *exercise.hidden_cases):
            assert f"def {case.__name__}(" not in text
    for quiz in asked.quizzes.values():
        assert all(choice.feedback not in text for choice in quiz.choices)
    for essay in asked.essays.values():
        assert essay.rubric.strip() not in text
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_released_bytes_are_the_same_every_time(tmp_path):
    source = write(sources.manual_questions(), tmp_path / "sheet.ipynb")
    for what in (source, 0):
        first, second = (release(what, tmp_path / place) for place in "ab")
        assert first.student[0].read_bytes() == second.student[0].read_bytes()
        for path in first.bundle.iterdir():
            assert path.read_bytes() == (second.bundle / path.name).read_bytes()
        assert load(first.bundle).digest == load(second.bundle).digest


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_a_lesson_s_nbgrader_notebook_comes_back_with_the_same_questions(lesson, tmp_path):
    notebook = build(lesson, "nbgrader")
    source = write(notebook, tmp_path / f"{lesson.path.stem}.ipynb")
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    again = load(release(source, tmp_path / "out").bundle)
    assert {one.id: one.points for one in again.questions} == {
        one["grade_id"]: one["points"] for one in marks if "points" in one
    }
    assert [one.id for one in load(source).questions] == [one.id for one in again.questions]
    theirs = {one.id: one for one in load(release(lesson.number, tmp_path / "own").bundle).questions}
    tests = [one for one in again.questions if one.kind == "asserts"]
    assert tests
    for one in tests:
        (marker,) = one.markers
        assert (one.points, one.names) == (theirs[marker].points, theirs[marker].names)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_the_solutions_of_a_lesson_pass_its_nbgrader_tests(lesson, tmp_path):
    notebook = build(lesson, "nbgrader")
    solved = {
        cell.metadata.nbgrader.grade_id: re.sub(r"(?m)^### (BEGIN|END) SOLUTION\n?", "", cell.source)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }
    for question in load(write(notebook, tmp_path / f"{lesson.path.stem}.ipynb")).questions:
        if question.kind != "asserts":
            continue
        names = {}
        for id in question.grade_ids:
            exec(solved[id], names)
        tests = {"__name__": "tests"} | {name: names[name] for name in question.names}
        for part in (question.tests.setup, question.tests.visible, question.tests.hidden):
            exec(part, tests)


def test_points_and_policy_go_into_notebook_and_bundle(tmp_path):
    made = release(
        0, tmp_path, points={"start.brightness": 4}, quiz_points=0.5, due="2026-03-01T23:59+01:00",
        grace_minutes=10, percent_per_day=20, last_day=3, credit="cases",
    )  # fmt: skip
    task = load(made.bundle)
    assert {one.id: one.points for one in task.questions} == {"start.brightness": 4, "start.interval": 0.5}
    assert (task.policy.due, task.policy.percent_per_day, task.credit) == ("2026-03-01T23:59+01:00", 20, "cases")
    text = made.student[0].read_text(encoding="utf-8")
    assert "`start.brightness` (4 points)" in text and "`start.interval` (0.5 points)" in text
    ungraded = load(release(0, tmp_path, quiz_points=0).bundle)
    assert [one.id for one in ungraded.questions] == ["start.brightness"]
    source = write(sources.hidden(), tmp_path / "sheet.ipynb")
    made = release(source, tmp_path, points={"test_clip": 7})
    assert [one.points for one in load(made.bundle).questions] == [7, 1]
    assert nbformat.read(made.student[0], as_version=4).cells[2].metadata.nbgrader.points == 7


def test_variants_of_a_course_draw_the_same_for_all_and_keep_the_secret(tmp_path):
    secret = tmp_path / "course.secret"
    made = release(3, tmp_path / "a", variants="course", secret=secret, course="autumn")
    again = release(3, tmp_path / "b", variants="course", secret=secret, course="autumn")
    other = release(3, tmp_path / "c", variants="course", secret=secret, course="spring")
    assert len(made.student) == 1
    text, same, spring = (one.student[0].read_text(encoding="utf-8") for one in (made, again, other))
    assert text == same != spring
    for path in (*made.student, *made.bundle.rglob("*")):
        assert not path.is_file() or secret.read_text().strip() not in path.read_text(encoding="utf-8")
    task = load(made.bundle)
    assert (task.course, task.variants) == ("autumn", "course")
    check_secret(made.bundle, read_secret(secret))
    with pytest.raises(LessonError, match="another secret"):
        check_secret(made.bundle, new_secret(tmp_path / "another.secret"))


def test_variants_of_students_are_a_notebook_each_with_the_same_cells(tmp_path):
    roster = tmp_path / "class.csv"
    roster.write_text('student\nAda\n"../Zoë"\n', encoding="utf-8")
    made = release(3, tmp_path / "out", variants="student", secret=tmp_path / "key", roster=roster)
    folders = [path.relative_to(tmp_path / "out" / "student").parts for path in made.student]
    assert [parts[-1] for parts in folders] == ["03_convolutional_networks.ipynb"] * 2
    assert folders[0][0] == "Ada" and folders[1][0].startswith("Zoe-") and all(len(parts) == 2 for parts in folders)
    first, second = (nbformat.read(path, as_version=4) for path in made.student)
    assert first != second
    ids = [{cell.id for cell in one.cells if cell.id.startswith("answer-")} for one in (first, second)]
    assert ids[0] == ids[1] == {question.cell_ids[0] for question in load(made.bundle).questions}
    listed = release(3, tmp_path / "list", variants="student", secret=tmp_path / "key", roster=["Ada", "Ada"])
    assert [path.read_bytes() for path in listed.student] == [made.student[0].read_bytes()]


def test_variants_of_a_lesson_that_draws_nothing_are_refused(tmp_path):
    with pytest.raises(LessonError, match="none of its exercises draws parameters"):
        release(0, tmp_path / "out", variants="course", secret=tmp_path / "key")
    assert not (tmp_path / "out").exists()


PREDICTIONS = """
from medtutor.checks import Predictions

prefix = "tiny"

held_out = Predictions(
    id="tiny.held_out", points=5, prompt="Predict.", file="held_out.csv", columns=("image", "score"), score="auc",
    bands=((0.8, 1),),
)
"""


def test_labels_go_into_the_bundle_and_nowhere_else(tmp_path, monkeypatch):
    folders = {name: tmp_path / name for name in ("notebooks", "exercises", "labels")}
    for folder in folders.values():
        folder.mkdir()
    tiny_lessons.write(folders["notebooks"], body="# %% [markdown]\n# ## Text\n\n# %%\n# predictions: tiny.held_out\n")
    (folders["exercises"] / "07_tiny_lesson.py").write_text(PREDICTIONS, encoding="utf-8")
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(folders["notebooks"]))
    whole = resources.folder
    monkeypatch.setattr(resources, "folder", lambda name: folders.get(name) or whole(name))
    with pytest.raises(LessonError, match=r"name the folder that holds tiny.held_out.csv"):
        release(7, tmp_path / "out")
    with pytest.raises(LessonError, match="labels"):
        release(7, tmp_path / "out", labels=folders["labels"])
    (folders["labels"] / "tiny.held_out.csv").write_text("image,label\nscan_171,1\nscan_172,0\n")
    made = release(7, tmp_path / "out", labels=folders["labels"])
    (question,) = load(made.bundle).questions
    assert (question.kind, question.points) == ("predictions", 5)
    assert question.tests.labels.read_text().startswith("image,label")
    before = load(made.bundle).digest
    question.tests.labels.write_text("image,label\nscan_171,0\nscan_172,1\n")
    assert load(made.bundle).digest != before
    assert "scan_171" not in made.student[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"points": {"start.brightnes": 1}}, UnknownNameError, "did you mean 'start.brightness'"),
        ({"points": {"start.brightness": -1}}, LessonError, "points of start.brightness"),
        ({"credit": "half"}, LessonError, "credit should be one of all, cases"),
        ({"due": "tomorrow"}, LessonError, "tomorrow"),
        ({"percent_per_day": 120}, LessonError, "percent_per_day"),
        ({"grace_minutes": -1}, LessonError, "grace_minutes"),
        ({"variants": "each"}, LessonError, "variants should be one of"),
        ({"variants": "course"}, LessonError, "drawn from a secret"),
        ({"variants": "student", "secret": "key"}, LessonError, "need the class list"),
    ],
)
def test_a_setting_that_is_not_in_order_is_refused_and_nothing_is_written(settings, error, message, tmp_path):
    with pytest.raises(error, match=message):
        release(0, tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_lesson_and_no_source_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="how_this_course_works"):
        release("how_this_course_work", tmp_path)
    with pytest.raises(LessonError, match="cannot be read"):
        release(tmp_path / "none.ipynb", tmp_path)
    student = lessons()[0].path.with_suffix(".ipynb")
    with pytest.raises(LessonError, match="A lesson is released by its number"):
        release(student, tmp_path)
    with pytest.raises(LessonError, match="are for lessons"):
        release(write(sources.plain(), tmp_path / "sheet.ipynb"), tmp_path, variants="course")
