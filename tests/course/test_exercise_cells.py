"""From a marked line to the cells of the three kinds of notebook."""

import inspect
import os

import nbformat
import pytest
import tiny_lessons

from medtutor.checks import mode, sheets, solution
from medtutor.course import lesson, lessons
from medtutor.course.build import build, write_to
from medtutor.course.exercise_cells import KINDS, expand, graded_cell, ids, marked
from medtutor.errors import LessonError, MedtutorError, UnknownNameError


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


def test_a_graded_quiz_stores_its_answer_in_the_source_and_tells_nothing():
    text, code = expand("# quiz: cnn.shape", "graded", "here")
    assert "(1 point)" in text.source and "- (b)" in text.source
    assert code.source == '# medtutor: cnn.shape\nchoice_shape = ""  # the letter(s) of your choice, such as "a"'


def test_a_quiz_of_the_nbgrader_source_is_marked_and_its_solution_is_right():
    _, answer, tests = expand("# quiz: cnn.gap", "nbgrader", "here")
    assert answer.metadata["nbgrader"]["solution"] and tests.metadata["nbgrader"]["points"] == 1
    namespace = {}
    exec(answer.source + "\n" + tests.source, namespace)
    namespace["choice_gap"] = "a"
    with pytest.raises(AssertionError, match="more than one choice"):
        exec(tests.source, namespace)


def test_an_essay_is_a_markdown_cell_to_write_in():
    for kind in ("student", "solution", "graded"):
        prompt, cell = expand("# essay: cnn.which_threshold", kind, "here")
        assert "(3 points, read by a person)" in prompt.source
        assert ("solution(" in prompt.source) == (kind != "graded"), "in a graded notebook the solution is closed"
        assert cell.kind == "markdown" and cell.source.startswith("<!-- medtutor: cnn.which_threshold -->\n*Write")
        assert "One point" not in prompt.source + cell.source
    _, cell = expand("# essay: cnn.which_threshold", "nbgrader", "here")
    fields = cell.metadata["nbgrader"]
    assert (fields["grade"], fields["solution"], fields["locked"], fields["points"]) == (True, True, False, 3)
    assert "### BEGIN SOLUTION\n- One point" in cell.source


def test_a_guess_cell_runs_before_and_after_it_is_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "progress.json"))
    text, code = expand("# guess: cnn.net_auc", "student", "here")
    assert "you can delete that file" in text.source, "it says what the lock cannot show"
    exec(code.source, namespace := {})
    assert namespace["guess_net"] is None
    exec(code.source.replace("None", "0.9"), namespace)
    assert namespace["guess_net"] == 0.9


def test_predictions_say_what_the_file_looks_like(tmp_path, monkeypatch):
    (tmp_path / "01_a.py").write_text(
        'from medtutor.checks import Predictions\nprefix = "x"\n'
        'a = Predictions("x.a", 4, "Predict.", "mine.csv", ("id", "score"), "auc", ((0.8, 1),))\n'
    )
    monkeypatch.setattr("medtutor.resources.folder", lambda name: tmp_path)
    (cell,) = expand("# predictions: x.a", "graded", "here")
    assert cell.kind == "markdown" and "`mine.csv`" in cell.source and "`id,score`" in cell.source
    assert "from 0 to 1" in cell.source and "medtutor.evaluate.auc" in cell.source


def test_a_graded_notebook_closes_the_solutions_right_after_the_setup(monkeypatch):
    monkeypatch.delenv("MEDTUTOR_GRADED", raising=False)
    cells = build(lesson(3), "graded").cells
    assert [cell.id for cell in cells[:3]] == ["header", "setup", "graded"]
    assert "public in the package" in cells[2].source and cells[2].source.endswith("graded()")
    assert not any(cell.source.startswith("quiz(") for cell in cells)
    exec(cells[2].source, {})
    try:
        with pytest.raises(MedtutorError, match="graded"):
            solution("cnn.weights")
    finally:
        os.environ.pop("MEDTUTOR_GRADED")


def test_a_notebook_holds_the_drawn_values_that_are_read_and_no_others(monkeypatch):
    values = {"kernel": 3, "stride": 3, "layers": [(9, 9, 9)], "tower": [(8, 8, 8)]}
    given = {"cnn.receptive_field": values}
    monkeypatch.setattr(mode, "_values", {})
    monkeypatch.setenv("MEDTUTOR_GRADED", "0")
    text = "\n".join(cell.source for cell in build(lesson(3), "graded", given).cells)
    assert "3 wide, with stride\n3 and" in text and "(9, 9, 9)" not in text and "(8, 8, 8)" not in text
    exec(graded_cell("# exercise: cnn.receptive_field\n", given).source, {})
    assert mode.asked_here("cnn.receptive_field").values["stride"] == 3
    _, answer, tests = expand("# exercise: cnn.receptive_field", "nbgrader", "here", given)
    exec(answer.source + "\n" + tests.source, {})
    visible, hidden = tests.source.split("### BEGIN HIDDEN TESTS")
    assert "'kernel': 3" in visible and "(8, 8, 8)" not in visible and "(8, 8, 8)" in hidden


def test_marked_lists_every_kind_in_order():
    source = "# exercise: a.b\n\n# %%\n# guess: a.g\n# essay: a.e\nx = 1  # quiz: a.q\n"
    assert marked(source) == [("exercise", "a.b"), ("guess", "a.g"), ("essay", "a.e")]
    assert ids(source) == ["a.b"]


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
    for kind, items in sheet.groups.items():
        for id in items:
            assert source.count(f"# {kind}: {id}\n") == 1
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
