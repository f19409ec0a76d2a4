"""nbgrader source notebooks as questions: what a test needs of the student, and what runs before it."""

import contextlib
import io
import json

import nbformat
import pytest
from grading import sources

from medtutor.errors import LessonError
from medtutor.grading.bundle import load
from medtutor.grading.nbgrader_source import python


@pytest.fixture
def loaded(tmp_path):
    """Write a source notebook and load it; returns {id: question}."""

    def run(notebook):
        path = tmp_path / "sheet.ipynb"
        path.write_text(nbformat.writes(notebook), encoding="utf-8")
        return {question.id: question for question in load(path).questions}

    return run


def points(question, code):
    """What a test gives when `code` is the student's, each in a namespace of its own, as the judge does it."""
    student, tests = {}, {"__name__": "tests"}
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(question.tests.given, student)
            exec(code, student)
            tests |= {name: student[name] for name in question.names}
            for part in (question.tests.setup, question.tests.visible, question.tests.hidden):
                exec(part, tests)
            last = (question.tests.hidden or question.tests.visible).splitlines()[-1]
            value = None if last.startswith((" ", "assert", "check_")) else eval(last, tests)
        except Exception:
            return 0.0
    return float(value) if type(value) in (int, float) else question.points


def answers(handed_in):
    """The code of the solution cells of a hand-in, each that runs, as one text."""
    found = []
    for cell in handed_in.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            found.append(f"try:\n    exec({cell.source!r})\nexcept NotImplementedError:\n    pass")
    return "\n".join(found)


@pytest.mark.parametrize("name", list(sources.SOURCES))
def test_right_answers_get_full_points_with_nothing_but_the_slice(name, loaded):
    notebook = sources.SOURCES[name]()
    for question in loaded(notebook).values():
        if question.kind == "asserts":
            assert points(question, answers(sources.handed_in(notebook))) == question.points, question.id


@pytest.mark.parametrize(
    ("name", "attempt"), [(name, one) for name, many in sources.ATTEMPTS.items() for one in many], ids=lambda x: str(x)
)
def test_other_answers_get_what_nbgrader_gives(name, attempt, loaded):
    notebook = sources.SOURCES[name]()
    for id, question in loaded(notebook).items():
        if question.kind == "asserts":
            got = points(question, answers(sources.handed_in(notebook, attempt.answers)))
            assert got == attempt.points.get(id, question.points), id


def test_each_test_cell_is_a_question_with_its_points(loaded):
    found = loaded(sources.hidden())
    assert {id: (one.kind, one.points, one.names) for id, one in found.items()} == {
        "test_clip": ("asserts", 3.0, ("clip",)),
        "test_clip_many": ("asserts", 1.0, ("clip",)),
    }
    assert found["test_clip"].grade_ids == ("clip",)
    assert found["test_clip"].starters[0].endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")


def test_hidden_tests_begin_with_the_first_statement_that_holds_some(loaded):
    found = loaded(sources.hidden())
    assert found["test_clip"].tests.visible == "assert clip([1, 5, 9], 2, 8) == [2, 5, 8]\nvalues = [0, 1, 2]"
    assert "HIDDEN" not in found["test_clip"].tests.hidden and found["test_clip"].tests.hidden.count("assert") == 3
    assert found["test_clip_many"].tests.visible == ""
    assert found["test_clip_many"].tests.hidden.startswith("for top in (3, 4):")


def test_visible_tests_after_hidden_ones_keep_their_order(loaded):
    text = """
    r = f(1)
    ### BEGIN HIDDEN TESTS
    assert r == 1
    ### END HIDDEN TESTS
    r = f(2)
    assert r == 2
    """
    found = loaded(sources.notebook(sources.solution("f", "def f(x):\n    return x"), sources.test("t", 1, text)))
    assert found["t"].tests.visible == "r = f(1)"
    assert points(found["t"], "def f(x):\n    return x") == 1


def test_a_value_computed_with_an_answer_needs_that_answer_only(loaded):
    found = loaded(sources.computed())
    assert (found["test_result"].names, found["test_result"].tests.setup) == (("f",), "result = f(3)")
    assert (found["test_other"].names, found["test_other"].tests.setup) == (("g",), "result = g(3)")
    assert found["test_other"].grade_ids == ("g",)


def test_helpers_constants_and_helpers_of_earlier_tests_run_before(loaded):
    found = loaded(sources.helper())
    setup = found["test_area_more"].tests.setup
    assert found["test_area_more"].names == ("area",)
    assert [line for line in setup.splitlines() if not line.startswith(" ")] == [
        "import math",
        "TOLERANCE = 1e-06",
        "def close(a, b):",
        "def check_area(r, expected):",
    ]


def test_imports_of_a_solution_cell_count_as_the_instructor_s(loaded):
    setup = loaded(sources.imports())["test_norm"].tests.setup
    assert setup.splitlines() == ["import numpy as np", "from math import isclose as near", "import statistics"]


def test_cells_that_train_or_plot_do_not_run_before_a_test(loaded):
    found = loaded(
        sources.notebook(
            sources.code(
                "import numpy as np\nimport matplotlib.pyplot as plt\nnp.random.seed(1)\nx = np.random.rand(3)"
            ),
            sources.code("plt.plot(x)\nplt.show()\nhistory = [train(epoch) for epoch in range(100)]"),
            sources.solution("f", "def f(x):\n    return x.sum()"),
            sources.code("print(f(x))\nshown = x.tolist()\nx.mean()"),
            sources.test("t", 1, "assert f(x) == x.sum()"),
        )
    )
    assert found["t"].tests.setup.splitlines() == [
        "import numpy as np",
        "np.random.seed(1)",
        "x = np.random.rand(3)",
        "x.mean()",
    ]


def test_what_changes_a_value_in_place_runs_too(loaded):
    cells = [
        sources.code("import random\nnames = []\nseen = {}\n\n\ndef note(name):\n    names.append(name)"),
        sources.code("note('a')\nseen['a'] = 1\nfor key in 'bc':\n    names.append(key)\nrandom.shuffle(names)"),
        sources.code("def show(values):\n    print(values)\n\n\ndef double(values):\n    values[:] = values * 2"),
        sources.code("show(names)\ndouble(names)\nlater = 1"),
        sources.solution("f", "def f(names, seen):\n    return len(names) + len(seen)"),
        sources.test("t", 1, "assert f(names, seen) == 7"),
    ]
    found = loaded(sources.notebook(*cells))["t"]
    setup = found.tests.setup
    assert points(found, "def f(names, seen):\n    return len(names) + len(seen)") == 1
    assert "show" not in setup and "later" not in setup and "random.shuffle(names)" in setup


def test_an_assert_of_an_earlier_test_that_changes_something_does_not_fail_a_later_one(loaded):
    cells = [
        sources.solution("s", "class Bag(list):\n    def pop(self):\n        return super().pop()"),
        sources.test("t1", 1, "bag = Bag([1, 2])\nassert bag.pop() == 3"),
        sources.test("t2", 1, "assert len(bag) == 1"),
    ]
    found = loaded(sources.notebook(*cells))
    answer = cells[0].source
    assert [points(question, answer) for question in found.values()] == [0, 1]


def test_a_display_of_another_answer_makes_no_test_wait_for_it(loaded):
    cells = [
        sources.code("ages = [1, 2, 3]"),
        sources.solution("first", "def first(x):\n    return x"),
        sources.code("list(map(first, ages))\nages.index(first(1))"),
        sources.solution("second", "def second(x):\n    return max(x)"),
        sources.test(
            "t", 1, "try:\n    r = second(ages)\nexcept Exception:\n    raise AssertionError('no')\nassert r == 3"
        ),
    ]
    assert loaded(sources.notebook(*cells))["t"].names == ("second",)


def test_a_value_bound_in_every_branch_is_not_looked_for_before(loaded):
    cells = [
        sources.solution("f", "def f(x):\n    return x"),
        sources.test("t1", 1, "out = f(1)\nassert out == 1"),
        sources.solution("g", "def g(x):\n    return x"),
        sources.test(
            "t2", 1, "if True:\n    out = g(1)\nelse:\n    out = g(2)\nfor i in [1]:\n    i += out\nassert i == 2"
        ),
    ]
    assert loaded(sources.notebook(*cells))["t2"].names == ("g",)


def test_an_answer_that_is_changed_after_it_is_tested_as_changed(loaded):
    cells = [
        sources.solution("w", "w = [1, 2]"),
        sources.code("w.append(3)\ntotal = sum(w)"),
        sources.test("t", 1, "assert total == 6 and len(w) == 3"),
    ]
    found = loaded(sources.notebook(*cells))["t"]
    assert found.names == ("w",) and points(found, "w = [1, 2]") == 1


def test_a_name_that_is_the_instructor_s_and_then_the_student_s_is_refused_where_both_are_needed(loaded):
    cells = [
        sources.code("x = 5\ny = x + 1"),
        sources.solution("x", "x = 7"),
        sources.test("t", 1, "assert x == 7 and y == 6"),
    ]
    with pytest.raises(
        LessonError, match=r"cell 3 \(t\) needs x as a student defines it, and cell 1 needs x as it was"
    ):
        loaded(sources.notebook(*cells))
    cells[2] = sources.test("t", 1, "assert x == 7")
    assert loaded(sources.notebook(*cells))["t"].tests.setup == ""


def test_a_solution_that_the_instructor_left_empty_still_has_its_name(loaded):
    cells = [
        sources.solution("f", "# YOUR CODE HERE\nraise NotImplementedError()"),
        sources.test("t", 1, "assert f(2) == 4"),
    ]
    found = loaded(sources.notebook(*cells))["t"]
    assert (found.names, found.grade_ids) == (("f",), ("f",))


def test_magics_shell_lines_and_help_are_no_python(loaded):
    cells = [
        sources.code("%%bash\nls -l"),
        sources.code("%%time\nk = 3\nfiles = !ls\nk?\n%timeit k"),
        sources.code("this cell is prose, not Python"),
        sources.solution("f", "%load_ext autoreload\ndef f(x):\n    return k * x"),
        sources.test("t", 1, "%time f(1)\nassert f(k) == 9"),
    ]
    found = loaded(sources.notebook(*cells))["t"]
    assert found.tests.setup == "k = 3" and points(found, "def f(x):\n    return k * x") == 1
    assert python("x = (7\n% 4)") == "x = (7\n% 4)"  # a modulo at the begin of a line is no magic


def test_future_imports_and_star_imports_come_first(loaded):
    cells = [
        sources.code("from __future__ import annotations\nfrom math import *"),
        sources.solution("f", "def f(r):\n    return pi * r"),
        sources.test("t", 1, "assert f(1) == pi"),
    ]
    found = loaded(sources.notebook(*cells))["t"]
    assert found.tests.setup.splitlines() == ["from __future__ import annotations", "from math import *"]
    assert found.names == ("f",) and points(found, "def f(r):\n    return pi * r") == 1


def test_what_an_answer_may_use_is_given_to_one_that_has_lost_it(loaded):
    found = loaded(sources.module())["test_net"]
    assert found.tests.given == "from torch import nn"
    assert found.tests.setup == "import torch"
    given = loaded(sources.helper())["test_area_more"].tests.given
    assert given == "import math"  # and nothing of the tests


def test_questions_for_a_person_hold_the_question_and_the_instructor_s_answer(loaded):
    found = loaded(sources.manual_questions())
    assert [(one.id, one.kind, one.points) for one in found.values()] == [
        ("why", "manual", 3.0),
        ("sketch", "manual", 2.0),
        ("report", "manual", 4.0),
        ("test_rate", "asserts", 1.0),
    ]
    assert found["why"].starters == ("YOUR ANSWER HERE",)
    assert found["why"].tests.startswith("Why does accuracy") and "*healthy*" in found["why"].tests
    assert found["report"].tests.endswith("2 for the curve, 2 for words.")
    assert "curve, 2" not in found["report"].starters[0]


def test_older_schemas_are_brought_up_to_date(loaded):
    old, new = loaded(sources.old_schema()), loaded(sources.hidden())
    assert [(one.id, one.points, one.names) for one in old.values()] == [
        (one.id, one.points, one.names) for one in new.values()
    ]


def _test(text="assert f(1)", **fields):
    cell = sources.test("t", 1, text)
    cell.metadata["nbgrader"] |= fields
    return cell


def _without(field):
    cell = _test()
    del cell.metadata["nbgrader"][field]
    return cell


def _typed(cell, kind):
    made = nbformat.v4.new_raw_cell(cell.source) if kind == "raw" else nbformat.v4.new_markdown_cell(cell.source)
    made.metadata = cell.metadata
    return made


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (_without("grade_id"), "cell 2: the grade_id is missing"),
        (_test(grade_id=""), "cell 2: the grade_id is missing"),
        (_test(grade_id="f"), r"cell 2 \(f\): the grade_id f is used twice"),
        (_test(grade_id="a b"), r"cell 2 \(a b\): a grade_id has letters"),
        (_without("points"), r"cell 2 \(t\): points should be a number of at least 0, got none"),
        (_test(points=-1), r"cell 2 \(t\): points .* got -1"),
        (_test(points="two"), r"cell 2 \(t\): points .* got 'two'"),
        (_test(points=float("inf")), r"cell 2 \(t\): points"),
        (_test(schema_version=4), r"cell 2 \(t\): metadata of schema 4"),
        (_test("### BEGIN HIDDEN TESTS\nassert f(1)"), r"cell 2 \(t\): BEGIN HIDDEN TESTS has no END"),
        (_test("### END HIDDEN TESTS\nassert f(1)"), r"cell 2 \(t\): END HIDDEN TESTS without a BEGIN"),
        (_test("### BEGIN HIDDEN TESTS\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"), "inside a region of its own"),
        (_test("### BEGIN SOLUTION\n1\n### END SOLUTION"), r"cell 2 \(t\): BEGIN SOLUTION belongs into an answer"),
        (sources.code("### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS"), "cell 2: BEGIN HIDDEN TESTS belongs into"),
        (sources.markdown("### BEGIN MARK SCHEME\n1\n### END MARK SCHEME"), "cell 2: BEGIN MARK SCHEME belongs into"),
        (sources.solution("s", "### BEGIN SOLUTION\nx = 1"), r"cell 2 \(s\): BEGIN SOLUTION has no END"),
        (_test("assert f(1"), r"cell 2 \(t\), line 1: this is no Python"),
        (sources.solution("s", "def g(:"), r"cell 2 \(s\), line 1: this is no Python"),
        (_test("### AUTOTEST f(2)"), "only nbgrader can expand AUTOTEST"),
        (_typed(_test(), "markdown"), r"cell 2 \(t\): a Markdown cell with points"),
        (_typed(_test(), "raw"), r"cell 2 \(t\): autograder tests are a code cell"),
        (_typed(sources.solution("s", "x"), "markdown"), r"cell 2 \(s\): a Markdown cell"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cell_that_is_not_in_order_is_named(cell, message, loaded):
    notebook = sources.notebook(sources.solution("f", "def f(x):\n    return True"), _test())
    notebook.cells[1] = cell
    cell["id"] = "odd"
    with pytest.raises(LessonError, match=message):
        loaded(notebook)


def test_a_file_that_is_no_source_is_refused_in_a_sentence(tmp_path, loaded):
    with pytest.raises(LessonError, match="cannot be read: No such file"):
        load(tmp_path / "none.ipynb")
    for content in ("", "{}", "[]", '{"cells": 3, "nbformat": 4, "metadata": {}}', "\xff"):
        (tmp_path / "odd.ipynb").write_bytes(content.encode("latin-1"))
        with pytest.raises(LessonError, match="odd.ipynb"):
            load(tmp_path / "odd.ipynb")
    with pytest.raises(LessonError, match="asks nothing"):
        loaded(sources.notebook(sources.code("x = 1")))
    other = sources.plain()
    other.metadata["kernelspec"]["language"] = "R"
    with pytest.raises(LessonError, match="in R; medtutor grades Python"):
        loaded(other)


def test_cells_without_an_id_get_one_that_stays(loaded):
    notebook = json.loads(nbformat.writes(sources.two_cells()))
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]
    ids = [loaded(nbformat.from_dict(notebook))["test_both"].cell_ids for _ in range(2)]
    assert ids[0] == ids[1] and len(set(ids[0])) == 2
