"""From a marked line to the cells of the three kinds of notebook."""

import inspect

import nbformat
import pytest
import tiny_lessons

from medtutor.checks import sheets
from medtutor.course import lesson, lessons
from medtutor.course.build import build, write_to
from medtutor.course.exercise_cells import KINDS, expand, ids
from medtutor.errors import LessonError, UnknownNameError


def test_a_cell_without_a_mark_is_left_alone():
    assert expand("x = 1", "student", "here") is None


def test_the_student_gets_the_starter_and_a_check():
    prompt, answer, check = expand("# exercise: cnn.weights", "student", "here")
    assert prompt.kind == "markdown" and prompt.source.startswith("### Exercise `cnn.weights` (1 point)")
    assert answer.source.startswith("# medtutor: cnn.weights\ndef conv_weights(") and answer.source.endswith("...")
    assert check.source.startswith('check("cnn.weights")')


def hidden_lines(case):
    """The lines of a hidden case that are long enough to be its own."""
    lines = [line.strip() for line in inspect.getsource(case).splitlines()[2:]]
    return [line for line in lines if len(line) > 30 and not line.startswith(('"', "#", "import", "from"))]


def test_solutions_and_hidden_cases_never_reach_a_student_notebook():
    for one in lessons():
        text = "\n".join(cell.source for cell in build(one, "student").cells)
        for sheet in sheets():
            for exercise in sheet.exercises.values():
                assert exercise.solution.strip() not in text
                for case in exercise.hidden_cases:
                    assert not any(line in text for line in hidden_lines(case))


def test_the_solution_notebook_has_the_solution():
    _, answer, _ = expand("# exercise: cnn.weights", "solution", "here")
    assert "return channels_out" in answer.source


def test_the_nbgrader_source_has_schema_3_and_the_marks_of_nbgrader():
    _, answer, tests = expand("# exercise: cnn.conv2d", "nbgrader", "here")
    assert answer.source.startswith("# medtutor: cnn.conv2d\n### BEGIN SOLUTION\n")
    assert answer.source.endswith("\n### END SOLUTION")
    marked = answer.metadata["nbgrader"]
    assert marked == {
        "grade": False, "grade_id": "cnn_conv2d", "locked": False, "schema_version": 3, "solution": True, "task": False
    }  # fmt: skip
    assert tests.metadata["nbgrader"]["points"] == 2 and tests.metadata["nbgrader"]["locked"]
    namespace = {}
    exec(answer.source, namespace)
    exec(tests.source, namespace)  # the solution passes its own tests
    namespace["conv2d"] = lambda *a, **k: None
    with pytest.raises(AssertionError, match="return"):
        exec(tests.source, namespace)


def test_a_quiz_can_be_read_and_answered_without_widgets():
    text, code = expand("# quiz: cnn.shape", "student", "here")
    assert "- (b) (8, 32, 14, 14)" in text.source
    assert code.source.startswith('quiz("cnn.shape")') and 'answer("cnn.shape", "a")' in code.source


def test_a_mark_that_shares_its_cell_and_an_unknown_id_are_refused():
    with pytest.raises(LessonError, match="a cell of its own"):
        expand("x = 1\n# exercise: cnn.weights", "student", "03.py")
    with pytest.raises(UnknownNameError, match=r"cnn\.weights"):
        expand("# exercise: cnn.weigths", "student", "03.py")


@pytest.mark.parametrize("one", lessons(), ids=lambda one: one.slug)
def test_every_exercise_and_quiz_of_a_lesson_is_asked_in_it(one):
    stem = one.path.stem
    sheet = next((sheet for sheet in sheets() if sheet.path.stem == stem), None)
    source = one.path.read_text()
    if sheet is None:
        assert ids(source) == [], "a lesson asks the exercises of its own module"
        return
    assert ids(source) == list(sheet.exercises)
    for id in sheet.quizzes:
        assert source.count(f"# quiz: {id}\n") == 1
    asked = sum(1 for cell in build(one).cells if cell.source.startswith("# medtutor: "))
    assert asked == len(sheet.exercises)


def test_all_three_kinds_are_valid_notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    tiny_lessons.write(tmp_path, body=tiny_lessons.BODY + "\n# %%\n# exercise: cnn.ppv\n\n# %%\n# quiz: cnn.gap\n")
    for kind in KINDS:
        (path,) = write_to(tmp_path / "out" / kind, kind)
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    with pytest.raises(UnknownNameError, match="kind of notebook 'teacher'"):
        build(lesson(7), "teacher")
