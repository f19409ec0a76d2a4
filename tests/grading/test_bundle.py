"""Bundles: what an instructor keeps to grade with, and when all of it has to be graded again."""

import json
import os

import nbformat
import pytest
from grading import sources

from medtutor.errors import LessonError, StorageError
from medtutor.grading import bundle
from medtutor.grading.bundle import load
from medtutor.grading.release import release


@pytest.fixture
def lesson(tmp_path):
    """The bundle of lesson 0."""
    return release(0, tmp_path).bundle


@pytest.fixture
def sheet(tmp_path):
    """The bundle of an nbgrader source."""
    (tmp_path / "sheet.ipynb").write_text(nbformat.writes(sources.hidden()), encoding="utf-8")
    return release(tmp_path / "sheet.ipynb", tmp_path).bundle


def changed(path, **fields):
    info = json.loads((path / "bundle.json").read_text())
    (path / "bundle.json").write_text(json.dumps(info | fields))
    return path


def test_a_lesson_s_questions_are_those_of_the_sheet_in_the_bundle(lesson):
    task = load(lesson)
    brightness, interval = task.questions
    assert (task.name, task.maximum, task.credit, task.variants) == ("00_how_this_course_works", 2, "all", "none")
    assert (brightness.id, brightness.kind, brightness.names) == ("start.brightness", "cases", ("mean_brightness",))
    assert brightness.starters == (brightness.tests.starter,) and brightness.markers == ("start.brightness",)
    assert len(brightness.tests.visible_cases) == 2 and len(brightness.tests.hidden_cases) == 1
    assert (interval.kind, interval.names, interval.tests.right()) == ("quiz", ("choice_interval",), {"b"})


def test_questions_stand_in_the_order_of_the_lesson(tmp_path):
    made = release(3, tmp_path)
    ids = [question.id for question in load(made.bundle).questions]
    text = "\n".join(cell.source for cell in nbformat.read(made.student[0], as_version=4).cells)
    places = [text.index(f"`{id}`") for id in ids]
    assert places == sorted(places)


def test_a_mended_test_changes_the_digest_and_counts_at_once(lesson):
    before = load(lesson)
    assert load(lesson).digest == before.digest
    module = lesson / "exercises.py"
    text = module.read_text()
    mended = text.replace("A black image is 0 and a white image is 1.", "A black image is 0, and a white image is 1")
    assert len(mended) == len(text)  # written within a second, and as long: Python's bytecode cache would not see it
    module.write_text(mended)
    after = load(lesson)
    assert after.digest != before.digest
    with pytest.raises(AssertionError, match="is 0, and a white"):
        after.questions[0].tests.visible_cases[0](lambda images: images.float().mean(dim=(1, 2, 3)))
    assert not (lesson / "__pycache__").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": {"due": "2030-01-01T00:00Z", "grace_minutes": 0, "percent_per_day": 5, "last_day": 0}},
        {"credit": "cases"},
        {"course": "spring"},
        {"variants": "course"},
        {"questions": [{"id": "start.brightness", "what": "exercise", "points": 3}]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_whatever_decides_marks_changes_the_digest(fields, lesson):
    before = load(lesson).digest
    assert load(changed(lesson, **fields)).digest != before


def test_what_decides_no_mark_leaves_the_digest(sheet, lesson):
    before = load(sheet).digest
    source = sheet / "source.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="run again")]
    notebook.cells[1].execution_count = 7
    nbformat.write(notebook, source)
    assert load(sheet).digest == before
    notebook.cells[2].source += "\nassert clip([0], 0, 0) == [0]"
    nbformat.write(notebook, source)
    assert load(sheet).digest != before
    before = load(lesson).digest
    (lesson / "notes.txt").write_text("mine")
    assert load(lesson).digest == before


def test_another_version_of_medtutor_grades_again(lesson, monkeypatch):
    before = load(lesson).digest
    monkeypatch.setattr("medtutor.__version__", "99.0")
    assert load(lesson).digest != before


def test_points_in_the_bundle_go_before_those_of_the_source(sheet):
    info = json.loads((sheet / "bundle.json").read_text())
    info["questions"][0]["points"] = 10
    assert [one.points for one in load(changed(sheet, questions=info["questions"])).questions] == [10, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 2, "medtutor": "9.1"}, r"made by a newer medtutor \(9.1\)"),
        ({"format": "1"}, "is not one that"),
        ({"kind": "exam"}, "kind"),
        ({"name": None}, "name"),
        ({"credit": "half"}, "credit should be one of all, cases, got 'half'"),
        ({"variants": 3}, "variants should be one of"),
        ({"questions": []}, "a list that is not empty"),
        ({"questions": [{"points": 1}]}, "a question has no id"),
        ({"questions": [{"id": "start.brightness", "what": "exercise", "points": "1"}]}, "points of start.brightness"),
        ({"questions": [{"id": "start.brightness", "what": "exercise", "points": float("nan")}]}, "points of start"),
        ({"questions": [{"id": "start.bright", "what": "exercise", "points": 1}]}, "start.bright, which exercises.py"),
        ({"questions": [{"id": "start.brightness", "what": "quiz", "points": 1}]}, "start.brightness, which"),
        ({"policy": {"due": 3}}, "the policy should have"),
        ({"policy": {"due": "2030-01-01"}}, "offset"),
        ({"policy": {"percent_per_day": -1}}, "the policy should have"),
        ({"policy": {"grace": 1}}, "the policy should have"),
    ],
)
def test_a_bundle_that_was_edited_wrongly_is_refused_in_a_sentence(fields, message, lesson):
    changed(lesson, **fields)
    with pytest.raises(LessonError, match=message):
        load(lesson)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("prefix = 'start'\nx = (", "exercises.py cannot be loaded: SyntaxError"),
        ("import a_module_that_nobody_has", "exercises.py cannot be loaded: ModuleNotFoundError"),
        ("x = 1", "it needs a line such as prefix"),
        ("prefix = 'start'", "start.brightness, which exercises.py does not define"),
    ],
)
def test_a_module_that_does_not_load_is_refused_in_a_sentence(content, message, lesson):
    (lesson / "exercises.py").write_text(content)
    with pytest.raises(LessonError, match=message):
        load(lesson)


def test_what_is_no_bundle_is_refused_in_a_sentence(tmp_path, lesson, sheet):
    with pytest.raises(LessonError, match="does not exist"):
        load(tmp_path / "none.bundle")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LessonError, match="is no bundle: it holds no bundle.json"):
        load(tmp_path / "empty")
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(LessonError, match="is no bundle and no notebook"):
        load(tmp_path / "file.txt")
    (lesson / "bundle.json").write_text("{")
    with pytest.raises(LessonError, match="is no JSON"):
        load(lesson)
    (sheet / "source.ipynb").unlink()
    with pytest.raises(LessonError, match="lacks .*source.ipynb"):
        load(sheet)


def test_a_missing_module_is_named(lesson):
    (lesson / "exercises.py").unlink()
    with pytest.raises(LessonError, match="lacks .*exercises.py"):
        load(lesson)


def test_a_source_notebook_can_be_graded_as_it_is(tmp_path, sheet):
    task, same = load(tmp_path / "sheet.ipynb"), load(sheet)
    assert (task.name, task.questions) == (same.name, same.questions)
    assert task.policy.due == "" and task.credit == "all"


def test_a_bundle_is_replaced_whole_and_only_a_bundle_is(tmp_path, lesson):
    (lesson / "left over.txt").write_text("")
    assert sorted(path.name for path in release(0, tmp_path).bundle.iterdir()) == [
        "bundle.json",
        "exercises.py",
        "source.ipynb",
    ]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    own = tmp_path / "own" / "00_how_this_course_works.bundle"
    own.mkdir(parents=True)
    (own / "thesis.txt").write_text("mine")
    with pytest.raises(LessonError, match="is there and is no bundle"):
        release(0, tmp_path / "own")
    assert (own / "thesis.txt").read_text() == "mine"


def test_a_disk_that_refuses_leaves_the_bundle_that_was_there(tmp_path, lesson, monkeypatch):
    before = load(lesson).digest
    calls = []

    def replace(source, target):
        calls.append(target)
        if len(calls) == 2:  # the new one into its place
            raise OSError(28, "No space left on device")
        os.rename(source, target)

    monkeypatch.setattr(bundle.os, "replace", replace)
    info = json.loads((lesson / "bundle.json").read_text()) | {"credit": "cases"}
    with pytest.raises(StorageError, match="No space left"):
        bundle.save(lesson, info, {"exercises.py": b"x"})
    assert load(lesson).digest == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_nobody_but_its_owner_reads_a_bundle(lesson):
    assert lesson.stat().st_mode & 0o077 == 0
