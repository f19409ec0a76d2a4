"""Finding answers: whatever happened to a notebook on the way, what was worked on is found, whole and alone."""

import ast
import contextlib
import functools
import io
import json
import random
import re
import textwrap
import time
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtutor.checks.engine import evaluate_answer
from medtutor.checks.finding import find
from medtutor.course import exercise_cells, frontmatter
from medtutor.course.build import as_bytes, build
from medtutor.grading import answers as messages
from medtutor.grading.answers import CANDIDATES, find_answers
from medtutor.grading.assignment import Question
from medtutor.grading.parsing import Parser
from medtutor.grading.reader import read_notebook
from medtutor.grading.submission import Cell, Notebook

STARTER = '# medtutor: t.area\ndef area(r):\n    """Area of a circle."""\n    ...\n'
ANSWER = "def area(r):\n    return 3 * r * r\n"
QUESTION = Question("t.area", "cases", 1, names=("area",), markers=("t.area",), starters=(STARTER,))
MARK = "# medtutor: t.area\n"
QUICK = settings(
    derandomize=True, deadline=None, max_examples=200, database=None, suppress_health_check=list(HealthCheck)
)


def notebook(*cells):
    made = []
    for index, cell in enumerate(cells):
        if not isinstance(cell, Cell):
            cell = Cell("code", textwrap.dedent(cell), index)
        made.append(cell)
    return Notebook(tuple(made))


def answers(*cells, question=QUESTION):
    return find_answers(notebook(*cells), [question])[question.id]


def best(*cells, question=QUESTION):
    found = answers(*cells, question=question)
    assert found, "no answer was found"
    return found[0]


def run(code):
    """What the code defines when it is run alone; nothing of a test may be printed or asked for."""
    namespace = {"__name__": "answer"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "<answer>", "exec"), namespace)
    assert printed.getvalue() == ""
    return namespace


def area(*cells, r=2, question=QUESTION):
    return run(best(*cells, question=question).code)["area"](r)


# the order: marker, names, metadata, cell id -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        "# medtutor: t.area\n",
        "#medtutor:t.area\n",
        "  #  medtutor :  t.area  \n",
        "x = 1\n\n# medtutor: t.area\n",
        "## MedTutor: t.area\n",
        "y = 2  # medtutor: t.area\n",
    ],
)
def test_a_marker_comment_is_found_however_it_is_spaced(mark):
    found = best("def area(r): return -1", mark.lstrip(" ") + ANSWER, "def area(r): return -2")
    assert found.how == "marker" and found.notes == ()
    assert run(found.code)["area"](2) == 12


@pytest.mark.parametrize("mark", ["# medtutor: t.areas\n", "# medtutor: t\n", "x = 'medtutor: t.area'\n", "# t.area\n"])
def test_what_is_no_marker_of_the_question_is_not_taken_for_one(mark):
    assert best(mark + ANSWER).how == "name"


def test_without_a_marker_the_last_cell_that_defines_the_name_is_found():
    found = answers("def area(r): return -1", "x = 1", ANSWER)
    assert [one.how for one in found] == ["name", "name"]
    assert [run(one.code)["area"](2) for one in found] == [12, -1]
    assert found[0].notes == (messages.MARKER_MISSING,)


def test_marker_goes_before_name_before_metadata_before_cell_id():
    question = Question("q", "asserts", 1, markers=("q",), grade_ids=("g",), cell_ids=("c",))
    cells = {
        "cell id": Cell("code", "a = 'cell id'", 0, id="c"),
        "metadata": Cell("code", "a = 'metadata'", 1, metadata={"nbgrader": {"grade_id": "g"}}),
        "marker": Cell("code", "# medtutor: q\na = 'marker'", 2),
    }
    found = find_answers(notebook(*cells.values()), [question])["q"]
    assert [one.how for one in found] == ["marker", "metadata", "cell id"]
    named = Question("q", "asserts", 1, names=("a",), markers=("q",), grade_ids=("g",), cell_ids=("c",))
    assert best(*cells.values(), question=named).how == "marker"
    assert best(cells["cell id"], cells["metadata"], question=named).how == "name"


def test_lost_metadata_and_ids_cost_nothing_and_metadata_of_any_type_is_no_fault():
    question = Question("q", "asserts", 1, names=("area",), grade_ids=("g",), cell_ids=("c",), starters=(STARTER,))
    for metadata in ({}, {"nbgrader": None}, {"nbgrader": []}, {"nbgrader": {"grade_id": ["g"]}}, {"tags": 3}):
        assert area(Cell("code", ANSWER, 0, metadata=metadata), question=question) == 12


def test_metadata_finds_the_cell_of_a_question_without_names():
    question = Question("q", "asserts", 1, grade_ids=("g",), starters=("# your answer\nraise NotImplementedError()\n",))
    asked = {"nbgrader": {"grade_id": "g"}}
    worked_on = Cell("code", "k = math.floor(2.5)\nraise NotImplementedError()", 1, metadata=asked)
    found = best("import math", worked_on, question=question)
    assert found.how == "metadata" and run(found.code)["k"] == 2
    handed_out = Cell("code", "# mine\nraise NotImplementedError()", 0, metadata=asked)
    assert answers(handed_out, question=question) == []


# copied, deleted, moved --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_copy_of_the_starter_hides_no_answer(place):
    cells = [MARK + ANSWER, "x = 1"]
    cells.insert(place, STARTER)
    assert area(*cells) == 12


@pytest.mark.parametrize(
    "body",
    [
        "...",
        '"""Only what was asked."""',
        "raise NotImplementedError",
        'raise NotImplementedError("soon")',
        '"""Mine."""\n    ...',
    ],
)
def test_a_cell_that_was_not_begun_is_no_answer(body):
    cell = f"{MARK}def area(r):\n    {body}\n"
    assert answers(cell) == []
    assert area(cell, ANSWER) == 12
    assert area(ANSWER, cell) == 12


def test_the_starter_is_known_by_its_code_not_by_its_comments_and_layout():
    starter = '# medtutor: t.area\ndef area(r):\n    """Area."""\n    result = 0  # change this\n    return result\n'
    question = Question("t.area", "cases", 1, names=("area",), markers=("t.area",), starters=(starter,))
    changed = 'import math\n# my try\ndef area( r ):\n  """Area."""\n  result=0\n\n  return result\nprint(area(3))\n'
    assert answers(changed, question=question) == []
    assert answers(changed.replace("result=0", "result=1"), question=question) != []


def test_values_that_were_handed_out_are_no_answer():
    question = Question(
        "q", "cases", 1, names=("guess",), markers=("q",), starters=("guess = None  # between 0 and 1",)
    )
    assert answers("# medtutor: q\nguess = None", question=question) == []
    assert run(best("# medtutor: q\nguess = 0.5", question=question).code)["guess"] == 0.5
    assert answers("guess = ...", question=question) == []


def test_two_copies_of_the_marked_cell_are_two_candidates_the_last_first():
    found = answers(MARK + ANSWER, MARK + ANSWER.replace("3 *", "4 *"), MARK + STARTER)
    assert [run(one.code)["area"](1) for one in found] == [4, 3]
    assert found[0].notes == (messages.COPIED,)


def test_equal_copies_are_one_candidate_and_three_are_the_most():
    assert len(answers(*[MARK + ANSWER] * 9)) == 1
    assert len(answers(*[MARK + ANSWER.replace("3", str(i)) for i in range(9)])) == CANDIDATES


def test_an_answer_that_moved_out_of_its_marked_cell_is_found():
    for cells in ([MARK + "x = 1", ANSWER], [ANSWER, MARK], [MARK + "print(area(2))", "y = 1", ANSWER]):
        found = best(*cells)
        assert run(found.code)["area"](2) == 12
        assert found.notes == (messages.MOVED,)


def test_an_answer_in_a_cell_with_other_things_is_found():
    assert area("x = 1\nprint('hello')\n" + ANSWER + "print(area(1))\nassert area(1) == 3") == 12


def test_answers_of_two_questions_in_one_cell_are_told_apart():
    other = Question("t.edge", "cases", 1, names=("edge",), markers=("t.edge",))
    cell = MARK + ANSWER + "# medtutor: t.edge\ndef edge(r):\n    return 6 * r\n"
    found = find_answers(notebook(cell), [QUESTION, other])
    assert "edge" not in found["t.area"][0].code and "area" not in found["t.edge"][0].code
    assert run(found["t.edge"][0].code)["edge"](2) == 12


def test_a_name_in_a_loop_of_the_lesson_is_no_answer_to_a_question_for_a_function():
    loop = "import time\nfor area in range(3):\n    time.sleep(0)\nwith open('x') as area:\n    pass"
    assert answers(STARTER, loop) == []
    assert area(ANSWER, loop) == 12


@pytest.mark.parametrize(
    "value",
    ["measure(1)", "Meter(3)", "result.area", "result", "[f(x) for x in range(3)]", "3.0", "torch.zeros(3)", "(1, 2)"],
)
def test_a_value_of_that_name_in_the_lesson_is_no_answer_to_a_question_for_a_function(value):
    lesson = "import torch\ndef measure(x): return x\nclass Meter(list):\n    def f(self): pass\nresult = measure(3)"
    assert answers(STARTER, lesson, f"area = {value}") == []
    assert answers(lesson, f"area = {value}") == []


@pytest.mark.parametrize(
    "value",
    ["circle", "partial(power, 3)", "functools.partial(power, 3)", "vectorize(lambda r: 3 * r * r)", "make(3)"],
)
def test_a_function_that_was_made_by_another_is_an_answer_without_a_marker(value):
    before = """
        import functools
        from functools import partial

        def circle(r): return 3 * r * r
        def power(k, r): return k * r * r
        def make(k): return lambda r: k * r * r
        vectorize = lambda f: f
    """
    assert area(before, f"area = {value}") == 12


@pytest.mark.parametrize(
    "cell",
    [
        "area = lambda r: 3 * r * r",
        "area: object = lambda r: 3 * r * r",
        "area, other = (lambda r: 3 * r * r), 1",
        "from functools import partial\ndef scaled(k, r): return k * r * r\narea = partial(scaled, 3)",
        "async def wrong(): pass\nclass area:\n    def __new__(cls, r): return 3 * r * r",
        "if True:\n    def area(r): return 3 * r * r",
        "try:\n    import no_such_module\nexcept ImportError:\n    def area(r): return 3 * r * r",
        "with __import__('contextlib').suppress(ValueError):\n    def area(r): return 3 * r * r",
        "for k in (1, 3):\n    def area(r, k=k): return k * r * r",
        "import math\nif math.pi > 3:\n    def area(r): return 3 * r * r\nelse:\n    area = None",
        "(area := lambda r: 3 * r * r)",
    ],
)
def test_a_name_counts_however_it_is_defined(cell):
    assert area(MARK + cell) == 12
    if "other" not in cell and ":=" not in cell:
        assert area(cell) == 12


def test_a_question_may_ask_for_several_names_of_several_cells():
    question = Question("q", "asserts", 1, names=("a", "b", "c"))
    found = best("a = 1", "import math\nb = a + 1", "def c(): return math.floor(a + b)", question=question)
    namespace = run(found.code)
    assert (namespace["a"], namespace["b"], namespace["c"]()) == (1, 2, 3)


# whole and alone ---------------------------------------------------------------------------------------------------


def test_helpers_values_classes_and_imports_of_other_cells_come_along_and_nothing_else_does():
    found = best(
        "import math\nimport no_such_module_at_all as nope",
        "from collections import OrderedDict, no_such_name",
        "PI = 3\nunused = print('no')",
        "class Shape:\n    factor = PI\n    def area(self, r): return square(r) * self.factor",
        "def square(x):\n    return math.pow(x, 2)",
        "raise SystemExit",
        "cache = OrderedDict()",
        MARK + "def area(r):\n    cache[r] = Shape().area(r)\n    return cache[r]",
        "for i in range(10):\n    print(area(i))",
    )
    assert run(found.code)["area"](2) == 12
    for absent in ("nope", "no_such", "unused", "SystemExit", "print"):
        assert absent not in found.code


def test_cells_that_train_plot_print_or_read_are_not_part_of_an_answer():
    trains = """
        net = Net()
        optimiser = torch.optim.Adam(net.parameters())
        losses = []
        for epoch in range(1000):
            loss = step(net, optimiser)
            losses.append(loss)
        plt.plot(losses)
        plt.show()
        print(losses[-1])
        table = open("table.csv").read()
    """
    answer = """
        # medtutor: t.area
        class Net:
            def forward(self, loss, table=None):
                net = losses = 3
                return [net for epoch in range(losses)]

        def area(r):
            losses = [r for net in range(3)]
            table = lambda loss: loss * r
            return table(sum(losses)) if Net().forward(1) else None
    """
    for cells in ([trains, answer], [answer, trains]):
        code = best("import torch\nfrom matplotlib import pyplot as plt", *cells).code
        assert not any(word in code for word in ("Adam", "plot", "open", "print", "1000", "import"))
        assert run(code)["area"](2) == 12


def test_a_value_that_the_answer_needs_is_computed():
    cells = ["table = dict(a=1)\n", "weights = [w for w in range(4)]\ntotal = 0\nfor w in weights:\n    total += w\n"]
    assert area(*cells, MARK + "def area(r):\n    return total * r * table['a']") == 12


@pytest.mark.parametrize(
    "made",
    [
        "best = None\nfor k in range(4):\n    if k == 3:\n        best = k",
        "best = 0\nwhile best < 3:\n    best += 1",
        "best = []\nfor k in range(3):\n    best.append(k)\nbest = len(best)",
        "best = {}\nfor k in range(3):\n    best[k] = k\nbest = len(best)",
        "with __import__('contextlib').nullcontext(3) as best:\n    pass",
        "a, *[best, b] = 1, 3, 4",
        "import sys\nbest = 1\nif sys.version_info > (3,):\n    best = 3",
        "best = int(input('how many? ') or 3)",
        "def f():\n    return 3\nbest = f()",
        "best = 0\nbest += 3",
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_values_are_made_as_the_notebook_makes_them(made, apart, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    use = "\n# medtutor: t.area\ndef area(r):\n    return best * r * r\n"
    assert area(*([made, use] if apart else [made + use])) == 12
    value = Question("q", "cases", 1, names=("best",), markers=("q",))
    assert run(best("# medtutor: q\n" + made, question=value).code)["best"] == 3


@pytest.mark.parametrize(
    "later",
    [
        "Shape.area = lambda self, r: 3 * r * r",
        "setattr(Shape, 'area', lambda self, r: 3 * r * r)",
        "def better(self, r):\n    return 3 * r * r\nShape.area = better",
        "class Shape(Shape):\n    def area(self, r): return 3 * r * r",
        "def decorate(kind):\n    kind.area = lambda self, r: 3 * r * r\n    return kind\nShape = decorate(Shape)",
    ],
)
def test_later_changes_of_what_the_answer_needs_come_along(later):
    shape = "class Shape:\n    def area(self, r): raise ValueError"
    assert area(shape, MARK + "def area(r): return Shape().area(r)", later) == 12


def test_the_answer_itself_may_be_changed_later():
    assert (
        area(MARK + "def area(r): return r * r", "def tripled(f): return lambda r: 3 * f(r)\narea = tripled(area)")
        == 12
    )


def test_a_statement_finds_what_was_bound_before_it_and_a_function_what_is_bound_last():
    cells = ["k = 1", "a = k", "k = 2", "b = k", MARK + "def area(r):\n    return a, b, k", "k = 3"]
    assert area(*cells) == (1, 2, 3)


def test_what_a_helper_was_above_the_answer_is_a_second_candidate():
    found = answers(
        "def k(): return 3", MARK + "def area(r):\n    return k() * r * r", "k = 'the lesson uses this name'"
    )
    assert run(found[1].code)["area"](2) == 12


def test_a_helper_in_the_answers_own_cell_goes_before_one_of_the_same_name_elsewhere():
    mine = MARK + "def helper(r): return 3 * r * r\ndef area(r): return helper(r)"
    assert area("def helper(r): return -1", mine, "def helper(r): return -2") == 12


def test_questions_with_helpers_of_the_same_name_close_separately():
    other = Question("t.edge", "cases", 1, names=("edge",), markers=("t.edge",))
    cells = [
        MARK + "def helper(r): return 3 * r\ndef area(r): return helper(r) * r",
        "# medtutor: t.edge\ndef helper(r): return 6 * r\ndef edge(r): return helper(r)",
    ]
    found = find_answers(notebook(*cells), [QUESTION, other])
    assert run(found["t.area"][0].code)["area"](2) == 12
    assert run(found["t.edge"][0].code)["edge"](2) == 12


def test_a_helper_that_was_handed_out_unfinished_hides_no_finished_one():
    other = Question(
        "t.h", "cases", 1, names=("helper",), markers=("t.h",), starters=("def helper(r):\n    return 0\n",)
    )
    cells = ["def helper(r): return 3 * r", MARK + "def area(r): return helper(r) * r", "def helper(r):\n    return 0"]
    found = find_answers(notebook(*cells), [QUESTION, other])
    assert run(found["t.area"][0].code)["area"](2) == 12


@pytest.mark.parametrize("seed", range(6))
def test_cells_in_any_order_give_an_answer_that_runs(seed):
    cells = [
        "import math as m, json",
        "from functools import wraps",
        "def twice(f):\n    @wraps(f)\n    def inner(*args): return f(*args)\n    return inner",
        "class Base:\n    k = m.floor(3.5)",
        "class Shape(Base):\n    @twice\n    def area(self, r, power=m.pow): return self.k * power(r, 2)",
        MARK + "@twice\ndef area(r, shape=Shape()):\n    return shape.area(r)",
    ]
    random.Random(seed).shuffle(cells)
    assert area(*cells) == 12


def test_names_in_annotations_that_are_texts_come_along():
    code = best("class Shape: pass", "net = print('trained')", MARK + "def area(r: 'Shape', n: 'net'): return 12").code
    assert run(code)["area"].__annotations__ == {"r": "Shape", "n": "net"}
    assert "class Shape" in code and "trained" not in code


@pytest.mark.parametrize(
    "imports, use",
    [
        ("import os.path", "os.path.sep"),
        ("import xml.dom\nimport xml.etree.ElementTree", "(xml.dom, xml.etree.ElementTree)"),
        ("import json as j, no_such_module", "j.dumps"),
        ("from math import (\n    pi,  # circle\n    floor as fl,\n)", "fl(pi)"),
        ("from math import *", "floor(pi)"),
        ("try:\n    import no_such_module as m\nexcept ImportError:\n    import math as m", "m.pi"),
    ],
)
def test_the_imports_that_an_answer_needs_come_along(imports, use):
    assert area("x = 1", imports, MARK + f"def area(r):\n    {use}\n    return 12") == 12


def test_a_star_import_comes_only_where_a_name_may_be_from_it():
    stars = "from os import *\nfrom no_such_module_at_all import *"
    assert "import" not in best(stars, MARK + ANSWER).code
    assert "from os import *" in best(stars, MARK + "def area(r): return getcwd()").code


def test_future_annotations_go_first():
    code = best("x = 1", "from __future__ import annotations", MARK + "def area(r: NoSuchName): return 12").code
    assert run(code)["area"](1) == 12


def test_an_import_of_a_cell_that_was_deleted_is_supplied():
    found = best(MARK + "def area(r):\n    return np.float64(3) * r * math.pow(r, 1)")
    assert run(found.code)["area"](2) == 12 and messages.SUPPLIED in found.notes
    starter = "from statistics import mean as middle\n" + STARTER
    question = Question("t.area", "cases", 1, names=("area",), markers=("t.area",), starters=(starter,))
    assert area(MARK + "def area(r): return middle([12])", question=question) == 12


def test_display_and_get_ipython_are_there():
    found = best(MARK + "def area(r):\n    display(r)\n    get_ipython()\n    return 12")
    assert run(found.code)["area"](2) == 12 and messages.SUPPLIED not in found.notes


def test_blocks_for_scripts_are_dropped():
    for test in ('__name__ == "__main__"', '"__main__" == __name__'):
        assert area(MARK + ANSWER + f"if {test}:\n    def area(r): return -1") == 12


def test_a_builtin_whose_name_the_notebook_uses_further_down_is_still_the_builtin():
    assert area(MARK + "def area(r): return sum([12])", "sum = 3", "max = 2") == 12


# what only a notebook understands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nANSWER",
        "ANSWER%timeit area(3)\n",
        "%%time\nANSWER",
        "MARK%%time\nANSWER",
        "# a comment\n\n%%timeit -n 1\nANSWER",
        "%%capture out\n%%time\nANSWER",
        "!pip install no_such_package \\\n  --quiet it's\nANSWER",
        "files = !ls *.py\nANSWER",
        "a, b = %sql select 'x\nANSWER",
        "?area\nANSWER",
        "area?\nANSWER",
        "area.__doc__??\nANSWER",
        "np.arange? # what\nANSWER",
        "if True:\n    !ls\n    %cd ..\nANSWER",
        "for i in range(3):\n    %time i\nANSWER",
        "ANSWERarea(2);\n",
        "await thing()\nANSWER",
        "async with thing() as t:\n    pass\nANSWER",
        "name = input('Who are you? ')\nANSWER",
        "%%bash\necho 'it",
        "%%html\n<b>it's</b>",
        "%%writefile area.py\ndef area(r): return -1",
        "%%javascript\nlet area = r => -1;",
        "%pylab inline\nANSWER",
        ">>> x = 1\n>>> def f():\n...     pass\n",
        "    x = 1\n    y = 2\n",
        "\ufeffANSWER",
        "x = 1\r\nANSWER",
        "x = 1\rANSWER",
        "\x0cANSWER",
        "x = '''\n%matplotlib inline\n!ls\n'''\n%magic\nANSWER",
        "def bad(:\nANSWER",
        "print 'python 2'\nANSWER",
        "ANSWERthis is a stray line\n",
        "this is a stray line\nANSWER",
        "x = (1,\nANSWER",
        "x = 'unfinished\nANSWER",
        "return 3\nANSWER",
        "\tx = 1\n  y = 2\nANSWER",
    ],
)
def test_what_is_no_python_breaks_neither_its_cell_nor_another(cell):
    text = cell.replace("MARK", MARK).replace("ANSWER", ANSWER.replace("\n", "\r\n") if "\r" in cell else ANSWER)
    assert area(text, *([] if "ANSWER" in cell else [ANSWER])) == 12
    assert area(text.replace("area", "other").replace("t.other", "x"), MARK + ANSWER) == 12


def test_lines_that_look_like_magics_in_a_text_are_left_alone():
    text = 'def area(r):\n    return """\n%matplotlib inline\n!ls\nname?\n"""\n'
    assert area(MARK + text) == area(MARK + "%matplotlib inline\n" + text) == "\n%matplotlib inline\n!ls\nname?\n"
    assert area(MARK + "def area(r):\n    return (7\n% 4)\n\n!ls\n") == 3


def test_what_a_line_of_time_computes_counts_and_what_a_shell_returns_is_none():
    assert area("%time k = 3", MARK + "def area(r): return k * r * r") == 12
    assert area("%prun -q k = 3", MARK + "def area(r): return k * r * r") == 12
    assert area("files = !ls", MARK + "def area(r): return 12 if files is None else 0") == 12


def test_a_value_that_is_awaited_at_the_top_is_awaited():
    cells = ["async def load():\n    return '''a\n  b'''", "text = await load()"]
    assert area(*cells, MARK + "def area(r): return text") == "a\n  b"


def test_a_note_says_what_was_worked_around_in_no_words_of_the_student():
    assert best(MARK + "%pwned\n" + ANSWER).notes == (messages.LINES_OUT,)
    assert best(MARK + ANSWER + "pwned pwned pwned").notes == (messages.SALVAGED,)
    assert best(MARK + ANSWER, "pwned pwned").notes == ()


def test_a_syntax_error_in_the_answer_itself_is_passed_on_for_its_author_to_hear_of():
    cell = MARK + "def area(r)\n    return 3 * r * r\n"
    for cells in ([cell], [cell, STARTER], [cell.replace(MARK, "")]):
        found = answers(*cells)
        assert [one.notes for one in found] == [(messages.BROKEN,)]
        with pytest.raises(SyntaxError):
            compile(found[0].code, "<answer>", "exec")
    assert area(cell, ANSWER) == 12


def test_a_marked_cell_that_defines_another_name_is_passed_on():
    found = best("import math", MARK + "def aera(r):\n    return math.floor(3) * r * r\nprint('no')")
    assert run(found.code)["aera"](2) == 12 and found.notes == (messages.NAMELESS,)


def test_names_are_read_as_python_reads_them():
    assert area(MARK + "def ａrea(ﬁ):\n    größe = 3\n    return größe * fi * fi") == 12
    assert area(MARK + "ä = 'ö'; 数 = 3; def_ = 1\ndef area(r):\n    return 数 * r * len(ä) * r; x = 1") == 12


def test_statements_that_share_a_line_are_told_apart():
    code = best("ä = 3; print('no'); k = ä  # comment", MARK + "def area(r): return k * r * r").code
    assert run(code)["area"](2) == 12


def test_decorators_and_continued_lines_keep_their_whole_text():
    cell = (
        "import functools\n@functools.lru_cache(\n    maxsize=None\n)\n# between\n@ (\n functools.wraps(print)\n)\n"
        "def area(r):\n    return 3 \\\n      * r * \\\n  r\n"
    )
    assert area(MARK + cell) == 12


# hostile -----------------------------------------------------------------------------------------------------------

N = 10_000
DEEP = {
    "brackets": "(" * N + "1" + ")" * N,
    "brackets unclosed": "[" * 50_000,
    "lists": "[" * 95 + "]" * 95,
    "minus": "-" * 50_000 + "1",
    "not": "not " * 50_000 + "1",
    "plus": "+".join(["1"] * 100_000),
    "ifs": "\n".join(" " * i + "if x:" for i in range(1300)) + "\n" + " " * 1300 + "pass",
    "elifs": "if x: pass\n" + "elif x: pass\n" * N,
    "lambdas": "lambda:" * N + "1",
    "ternaries": "1 if 1 else " * N + "1",
    "powers": "**".join(["1"] * N),
    "attributes": "a" + ".b" * 100_000,
    "calls": "a" + "()" * 100_000,
    "dotted import": "import a" + ".a" * 300_000,
    "comprehension": "[x " + "for x in y " * 100_000 + "]",
    "await": "await " * N + "x",
    "one f-string": "f'" + "{a}" * 200_000 + "'",
    "f-strings": "f'{" * N + "1" + "}'" * N,
    "decorators": "@a\n" * N + "def f(): pass",
    "targets": "a=" * N + "1",
    "strings": '"a" ' * 100_000,
    "one line": "x" * 900_000,
    "quotes": '"' * 300_000,
    "backslashes": "\\\n" * 50_000,
    "marks": "#medtutor:a " * 80_000,
    "magics": "%%time\n" * 100_000,
    "questions": "a" * 400_000 + "?" * 400_000,
    "prompts": ">>> " * 100_000,
    "spaces": " " * 200_000 + "%",
    "digits": "x = " + "9" * 100_000,
    "hex digits": "area = 0x" + "f" * 100_000,
    "NUL": "x = '\x00'",
    "surrogate": "x = '\ud800'",
    "semicolons": "a;" * 15_000,
    "statements": "\n".join(f"a{i} = a{i - 1}" for i in range(4000)),
    "rebinding": "x = 1\nx += 1\n" * 2500,
    "broken": "x = (\n" * 5000,
    "broken many": "def f(:\n  pass\n" * 5000,
}


@pytest.mark.parametrize("name", DEEP)
def test_a_cell_that_aims_at_the_parser_costs_its_own_cell_only(name):
    start = time.process_time()
    assert area(DEEP[name], MARK + ANSWER, DEEP[name]) == 12
    assert isinstance(answers(MARK + DEEP[name], "area = 1\n" + DEEP[name]), list)
    assert time.process_time() - start < 20


def test_uses_that_multiply_end_the_search_and_not_the_grader():
    n = 6000
    cell = "x = []\n" + "x.append(1)\n" * n + "".join(f"y{i} = x\n" for i in range(n))
    use = MARK + "def area(r):\n    return [" + ", ".join(f"y{i}" for i in range(n)) + "]"
    start = time.process_time()
    assert isinstance(answers(cell, use), list)
    assert time.process_time() - start < 20


def test_a_large_table_is_still_read():
    table = "TABLE = [" + ", ".join(f"-{i}.5" for i in range(8000)) + "]\nNESTED = {" + "'k': [1, 2], " * 2000 + "}"
    assert area(table, MARK + "def area(r): return len(TABLE) - 8000 + 12") == 12


def test_a_huge_cell_costs_the_small_ones_nothing():
    huge = "x = 1\n" * 60_000
    assert area(huge, huge, huge, MARK + ANSWER, huge) == 12


def test_what_a_process_of_its_own_does_not_survive_is_not_parsed_here():
    parser = Parser(trials=1)
    long = "x = [" + "1, " * 500 + "]"
    assert parser.parse(long) is not None
    assert parser.parse(long) is None  # no trial is left
    assert parser.parse("x = 1") is not None
    assert Parser(seconds=0.0).parse(long) is None


def test_warnings_about_a_students_code_are_not_the_graders():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert best(MARK + "def area(r):\n    '\\d'\n    return 12 if r is not 7 else 0").notes == ()


WORDS = """def area(r):|return|...|class A:|(|)|[|]|{|}|'|"|'''|;|:|,|=|:=|@|%|%%time|%%bash|!|!ls|?|x|area|r|1|lambda
for|in|if|else|import|from|as|*|await|async|global|nonlocal|with|try:|except:|match x:|case _:|# medtutor: t.area|f'{|}'
__name__|raise NotImplementedError|+=|.|->|not|del|%time|>>>|\\|é"""
PIECES = st.sampled_from(
    [*re.split(r"[|\n]", WORDS), '"""', "\n", "\n    ", "\n        ", "\t", "\x0c", "\x00", "\ud800", "\r"]
)


@QUICK
@given(st.lists(st.lists(PIECES, max_size=25).map(" ".join) | st.text(max_size=60), max_size=4))
def test_fuzz_cells_of_any_text_never_raise(cells):
    for one in find_answers(notebook(*[Cell("code", cell, i) for i, cell in enumerate(cells)]), [QUESTION])["t.area"]:
        assert isinstance(one.code, str)
        if messages.BROKEN not in one.notes:
            ast.parse(one.code)


@QUICK
@given(st.integers(0, 10**9))
def test_fuzz_an_answer_survives_any_damage_to_the_cells_around_it(seed):
    dice = random.Random(seed)
    around = ["import math\nk = math.floor(3.9)", "def f(x):\n    return x ** 2", "print(1)\n%time f(2)\n", "!ls\nx?"]
    for i in (2, 3):
        at = dice.randrange(len(around[i]))
        around[i] = around[i][:at] + dice.choice("()[]'\"\\:\n %!?{}") + around[i][at:]
    cells = [*around, MARK * dice.randrange(2) + "def area(r):\n    return k * f(r)"]
    dice.shuffle(cells)
    assert area(*cells) == 12


# the real exercises ------------------------------------------------------------------------------------------------

LESSONS = [
    lesson.number for lesson in frontmatter.lessons() if exercise_cells.ids(lesson.path.read_text(encoding="utf-8"))
]


def lesson_questions(lesson):
    found = []
    for id in exercise_cells.ids(lesson.path.read_text(encoding="utf-8")):
        one = find("exercise", id)
        starter = f"# medtutor: {id}\n{one.starter}"
        found.append(Question(id, "cases", one.points, names=(one.name,), markers=(id,), starters=(starter,)))
    return found


@functools.cache
def built(number, kind):
    lesson = next(one for one in frontmatter.lessons() if one.number == number)
    return lesson_questions(lesson), as_bytes(build(lesson, kind))


def lesson_notebook(number, kind):
    questions, data = built(number, kind)
    return questions, json.loads(data)


def stripped(document):
    for cell in document["cells"]:
        for key in ("metadata", "id", "outputs", "execution_count"):
            cell.pop(key, None)
    return document


def unmarked(document):
    for cell in document["cells"]:
        cell["source"] = [line for line in lines(cell) if not line.startswith("# medtutor:")]
    return document


def lines(cell):
    return cell["source"].splitlines(True) if isinstance(cell["source"], str) else cell["source"]


def answers_last(document):
    document["cells"].sort(key=lambda cell: any(line.startswith("# medtutor:") for line in lines(cell)))
    return document


def answers_first(document):
    document["cells"].sort(key=lambda cell: not any(line.startswith("# medtutor:") for line in lines(cell)))
    return document


def with_magics(document):
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = ["%%time\n", "!pip list\n", *lines(cell), "\n%matplotlib inline\n", "who?\n"]
    return document


def with_starters_copied(document):
    ids = [line.split()[2] for cell in document["cells"] for line in lines(cell) if line.startswith("# medtutor:")]
    copies = [{"cell_type": "code", "source": f"# medtutor: {id}\n{find('exercise', id).starter}"} for id in ids]
    document["cells"] = copies + document["cells"] + copies
    return document


DAMAGE = [dict, stripped, unmarked, answers_last, answers_first, with_magics, with_starters_copied]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("number", LESSONS)
def test_every_solution_is_found_alone_and_passes_its_cases(number, damage):
    questions, document = lesson_notebook(number, "solution")
    document = damage(document)
    found = find_answers(read_notebook(json.dumps(document).encode()), questions)
    for question in questions:
        answer = found[question.id][0]
        assert answer.how == ("name" if damage is unmarked else "marker")
        outcome = evaluate_answer(find("exercise", question.id), run(answer.code))
        assert outcome.state == "correct", f"{question.id}: {outcome.message}\n{answer.code}"
        for trains in ("medtutor.start", " fit(", " load(", "read_text("):
            assert trains not in answer.code or trains in find("exercise", question.id).solution


@pytest.mark.parametrize("number", LESSONS)
def test_nothing_is_found_in_a_lesson_as_it_was_handed_out(number):
    questions, document = lesson_notebook(number, "student")
    for damage in (dict, stripped, unmarked):
        found = find_answers(read_notebook(json.dumps(damage(document)).encode()), questions)
        assert not any(found.values())


@pytest.mark.parametrize("number", LESSONS)
def test_wrong_answers_of_the_exercises_are_found_and_stay_wrong(number):
    questions, _ = lesson_notebook(number, "solution")
    for question in questions:
        exercise = find("exercise", question.id)
        for wrong in exercise.wrong.values():
            cell = Cell("code", f"# medtutor: {question.id}\n{wrong.code}", 0)
            answer = find_answers(Notebook((cell,)), [question])[question.id][0]
            assert evaluate_answer(exercise, run(answer.code)).state == "not yet"
