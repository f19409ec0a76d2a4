"""A family of nbgrader source notebooks, and hand-ins for them with the marks that nbgrader's rules give.

`SOURCES` is name to a function that returns the source notebook (nbformat 4.5, schema 3 unless the name says old).
`handed_in(source)` is the notebook of a student who answers everything right; `handed_in(source, {"grade_id": code})`
of one who writes that in a solution cell instead (None: leaves it as it was handed out). `ATTEMPTS` is name to such
answers with the points of each question that they earn; what is not named there earns full points.
Every manual and task cell waits for a person and is in no attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent

import nbformat
from nbformat import NotebookNode

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"


@dataclass(frozen=True)
class Attempt:
    """`answers` by grade_id (None: not attempted); `points` of the questions that do not get full points."""

    why: str
    answers: dict[str, str | None]
    points: dict[str, float] = field(default_factory=dict)


def notebook(*cells: NotebookNode) -> NotebookNode:
    """A Python notebook of these cells, whose ids come from their content."""
    for i, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{i}\n{cell.source}".encode()).hexdigest()[:8]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernel})
    made.nbformat_minor = 5
    return made


def markdown(text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(_clean(text))


def code(text: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(_clean(text))


def locked(grade_id: str, text: str) -> NotebookNode:
    """A read-only code cell."""
    return _marked(code(text), grade_id, locked=True)


def solution(grade_id: str, text: str) -> NotebookNode:
    """An autograded answer."""
    return _marked(code(text), grade_id, solution=True)


def test(grade_id: str, points: float, text: str) -> NotebookNode:
    """Autograder tests."""
    return _marked(code(text), grade_id, grade=True, locked=True, points=points)


def manual(grade_id: str, points: float, text: str, kind: str = "markdown") -> NotebookNode:
    """A manually graded answer, in Markdown or code."""
    cell = markdown(text) if kind == "markdown" else code(text)
    return _marked(cell, grade_id, grade=True, solution=True, points=points)


def task(grade_id: str, points: float, text: str) -> NotebookNode:
    """A manually graded task."""
    return _marked(markdown(text), grade_id, locked=True, task=True, points=points)


def handed_in(source: NotebookNode, answers: dict[str, str | None] | None = None) -> NotebookNode:
    """A hand-in for `source`: its cells without hidden tests, and an answer in each solution cell."""
    made = nbformat.from_dict(source)
    for cell in made.cells:
        marks = cell.metadata.get("nbgrader", {})
        id = marks.get("grade_id")
        if marks.get("solution"):
            if answers is not None and id in answers:
                cell.source = _released(cell) if answers[id] is None else _clean(answers[id])
            else:
                cell.source = re.sub(r"(?m)^.*# (BEGIN|END) SOLUTION.*\n?", "", cell.source)
        cell.source = _without(cell.source, "HIDDEN TESTS")
        cell.source = _without(cell.source, "MARK SCHEME")
    return made


def plain() -> NotebookNode:
    """One function, whole cell as solution, visible tests only."""
    return notebook(
        markdown("# Squares\n\nWrite `square(x)`."),
        solution("square", "def square(x):\n    return x ** 2"),
        test("test_square", 2, "assert square(3) == 9\nassert square(-2) == 4, 'the square of a negative number'"),
    )


def hidden() -> NotebookNode:
    """A function with starter text around the solution, and hidden tests after visible ones, one in a loop."""
    return notebook(
        markdown("Write `clip(values, low, high)` for a list of numbers."),
        solution(
            "clip",
            '''
            def clip(values, low, high):
                """Every value not under low and not over high."""
                ### BEGIN SOLUTION
                return [min(max(value, low), high) for value in values]
                ### END SOLUTION
            ''',
        ),
        test(
            "test_clip",
            3,
            """
            assert clip([1, 5, 9], 2, 8) == [2, 5, 8]
            values = [0, 1, 2]
            ### BEGIN HIDDEN TESTS
            assert clip([], 0, 1) == [], "an empty list stays empty"
            assert clip(values, 1, 1) == [1, 1, 1], "low and high may be equal"
            assert clip(values, 1, 5) == [1, 1, 2], "what lies between stays"
            ### END HIDDEN TESTS
            """,
        ),
        test(
            "test_clip_many",
            1,
            """
            for top in (3, 4):
                assert clip([10], 0, top) == [top]
                ### BEGIN HIDDEN TESTS
                assert clip([-10], -top, top) == [-top], "negative bounds"
                ### END HIDDEN TESTS
            """,
        ),
    )


def class_() -> NotebookNode:
    """A class with state, tested through its methods."""
    return notebook(
        markdown("Write a class `Counter` with `add(n)` and the attribute `total`."),
        solution(
            "counter",
            """
            class Counter:
                ### BEGIN SOLUTION
                def __init__(self):
                    self.total = 0

                def add(self, n=1):
                    self.total += n
                    return self
                ### END SOLUTION
            """,
        ),
        test("test_counter", 2, "c = Counter()\nc.add()\nc.add(4)\nassert c.total == 5, 'add() adds one'"),
        test("test_counter_apart", 1, "a, b = Counter(), Counter()\na.add(2)\nassert b.total == 0, 'on its own'"),
    )


def value() -> NotebookNode:
    """A value, computed from data that the instructor's cells define and change."""
    return notebook(
        locked("data", "import numpy as np\n\nages = np.array([61, 54, 70])\nages[1] = 55"),
        markdown("Set `oldest` to the largest age and `mean_age` to the mean."),
        solution(
            "oldest", "# BEGIN SOLUTION\noldest = ages.max().item()\nmean_age = ages.mean().item()\n# END SOLUTION"
        ),
        test("test_oldest", 1, "assert oldest == ages.max()"),
        test(
            "test_mean",
            1,
            """
            assert abs(mean_age - 62) < 1e-6
            ### BEGIN HIDDEN TESTS
            assert mean_age == np.mean(ages)
            ### END HIDDEN TESTS
            """,
        ),
    )


def two_cells() -> NotebookNode:
    """Two solution cells and one test cell that needs both; the second function calls the first."""
    return notebook(
        solution("double", "def double(x):\n    return 2 * x"),
        solution(
            "quadruple", "def quadruple(x):\n    # BEGIN SOLUTION\n    return double(double(x))\n    # END SOLUTION"
        ),
        test("test_both", 4, "assert double(2) == 4\nassert quadruple(1.5) == 6"),
    )


def helper() -> NotebookNode:
    """Tests that use the instructor's functions and constants, among them one that an earlier test cell defines."""
    return notebook(
        code("import math\n\nTOLERANCE = 1e-6\n\n\ndef close(a, b):\n    return math.fabs(a - b) < TOLERANCE"),
        solution("area", "def area(r):\n    return math.pi * r * r"),
        test(
            "test_area",
            1,
            """
            def check_area(r, expected):
                assert close(area(r), expected), f"radius {r}"


            check_area(1, math.pi)
            """,
        ),
        test(
            "test_area_more",
            2,
            """
            check_area(2, 4 * math.pi)
            ### BEGIN HIDDEN TESTS
            check_area(0, 0)
            ### END HIDDEN TESTS
            """,
        ),
    )


def computed() -> NotebookNode:
    """Tests on values that the instructor's cells compute with the student's functions, under the same name."""
    return notebook(
        solution("f", "def f(x):\n    return x * x"),
        code("result = f(3)\nprint('f(3) is', result)"),
        test("test_result", 2, "assert result == 9, 'f(3) should be 9'"),
        solution("g", "def g(x):\n    return x + 1"),
        code("result = g(3)"),
        test("test_other", 1, "assert result == 4"),
    )


def manual_questions() -> NotebookNode:
    """Questions for a person: Markdown, code and a task with a mark scheme; and one test cell."""
    return notebook(
        markdown("Why does accuracy mislead when one in a hundred patients is ill?"),
        manual("why", 3, "A model that says *healthy* to everyone is right in 99 of 100 cases."),
        manual("sketch", 2, "### BEGIN SOLUTION\nprint('one of many answers')\n### END SOLUTION", kind="code"),
        task(
            "report",
            4,
            """
            Draw the ROC curve below and describe it.

            ### BEGIN MARK SCHEME
            2 for the curve, 2 for words.
            ### END MARK SCHEME
            """,
        ),
        solution("rate", "def rate(ill, n):\n    return ill / n"),
        test("test_rate", 1, "assert rate(1, 100) == 0.01"),
    )


def imports() -> NotebookNode:
    """Imports in the first cell, with magics, and an import inside a solution cell that the tests use."""
    return notebook(
        code("%matplotlib inline\nimport numpy as np\nfrom math import isclose as near"),
        solution(
            "norm",
            """
            import statistics


            def norm(x):
                x = np.asarray(x, dtype=float)
                return x - statistics.fmean(x)
            """,
        ),
        test(
            "test_norm",
            2,
            """
            x = norm([1, 2, 3])
            assert isinstance(x, np.ndarray), "return an array"
            np.testing.assert_allclose(x, [-1, 0, 1])
            assert near(statistics.fmean(x), 0, abs_tol=1e-9)
            """,
        ),
    )


def module() -> NotebookNode:
    """A network: constructed, called, its parameters counted, its weights set."""
    return notebook(
        code("import torch\nfrom torch import nn"),
        solution(
            "net",
            """
            class Net(nn.Module):
                def __init__(self, features, classes):
                    super().__init__()
                    ### BEGIN SOLUTION
                    self.linear = nn.Linear(features, classes)
                    ### END SOLUTION

                def forward(self, x):
                    ### BEGIN SOLUTION
                    return self.linear(x)
                    ### END SOLUTION
            """,
        ),
        test(
            "test_net",
            3,
            """
            torch.manual_seed(0)
            net = Net(4, 3)
            assert net(torch.zeros(2, 4)).shape == (2, 3), "two images, three classes"
            assert sum(p.numel() for p in net.parameters()) == 15, "one linear layer"
            ### BEGIN HIDDEN TESTS
            state = {name: torch.ones_like(tensor) for name, tensor in net.state_dict().items()}
            net.load_state_dict(state)
            assert torch.allclose(net(torch.ones(1, 4)), torch.full((1, 3), 5.0)), "weights and bias are used"
            ### END HIDDEN TESTS
            """,
        ),
    )


def partial() -> NotebookNode:
    """A test cell whose last value is the mark, as nbgrader's partial credit has it."""
    return notebook(
        solution("vowels", "def vowels(word):\n    return sum(letter in 'aeiou' for letter in word.lower())"),
        test(
            "test_vowels",
            4,
            """
            pairs = [("aeiou", 5), ("sky", 0), ("Anna", 2), ("", 0)]
            sum(vowels(word) == n for word, n in pairs)
            """,
        ),
    )


def old_schema() -> NotebookNode:
    """`hidden` as nbgrader wrote it years ago: schemas 0, 1 and 2; points as text; no field `task`."""
    made = hidden()
    old = [cell.metadata["nbgrader"] for cell in made.cells if "nbgrader" in cell.metadata]
    for schema, marks in enumerate(old):
        del marks["task"]
        marks["schema_version"] = schema
    del old[0]["schema_version"]
    del old[0]["grade"]
    old[1].pop("schema_version")
    old[1]["points"] = "3"
    return made


SOURCES: dict[str, Callable[[], NotebookNode]] = {
    "plain": plain,
    "hidden": hidden,
    "class": class_,
    "value": value,
    "two cells": two_cells,
    "helper": helper,
    "computed": computed,
    "manual": manual_questions,
    "imports": imports,
    "module": module,
    "partial": partial,
    "old schema": old_schema,
}

SHARED = """\
class Counter:
    kept = [0]

    def add(self, n=1):
        self.kept[0] += n

    @property
    def total(self):
        return self.kept[0]
"""
NO_BIAS = """\
class Net(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.linear = nn.Linear(features, classes, bias=False)

    def forward(self, x):
        return self.linear(x)
"""
A_LIST = "import statistics\n\n\ndef norm(x):\n    return [v - statistics.fmean(x) for v in x]"
SMALL_LETTERS = "def vowels(word):\n    return sum(letter in 'aeiou' for letter in word)"
NEGATIVE = "def square(x):\n    return x * abs(x)"
CLIP_HALF = "def clip(values, low, high):\n    return [min(value, high) for value in values]"
CLIP_VISIBLE = "def clip(values, low, high):\n    return [2, 5, 8] if values == [1, 5, 9] else [high for _ in values]"
ATTEMPTS: dict[str, list[Attempt]] = {
    "plain": [
        Attempt("not attempted", {"square": None}, {"test_square": 0}),
        Attempt("wrong for negative numbers", {"square": NEGATIVE}, {"test_square": 0}),
        Attempt("another right one", {"square": "square = lambda x: x * x"}),
    ],
    "hidden": [
        Attempt("no lower bound", {"clip": CLIP_HALF}, {"test_clip": 0, "test_clip_many": 0}),
        Attempt("passes the visible tests only", {"clip": CLIP_VISIBLE}, {"test_clip": 0, "test_clip_many": 0}),
    ],
    "class": [Attempt("state shared by all objects", {"counter": SHARED}, {"test_counter_apart": 0})],
    "value": [
        Attempt("one of two", {"oldest": "oldest = 70\nmean_age = 61"}, {"test_mean": 0}),
        Attempt("neither", {"oldest": None}, {"test_oldest": 0, "test_mean": 0}),
    ],
    "two cells": [
        Attempt("the second only", {"double": None}, {"test_both": 0}),
        Attempt("the first only", {"quadruple": None}, {"test_both": 0}),
    ],
    "helper": [Attempt("radius one only", {"area": "def area(r):\n    return math.pi"}, {"test_area_more": 0})],
    "computed": [
        Attempt("the first only", {"g": None}, {"test_other": 0}),
        Attempt("the second only", {"f": None}, {"test_result": 0}),
    ],
    "imports": [Attempt("a list", {"norm": A_LIST}, {"test_norm": 0})],
    "module": [Attempt("no bias", {"net": NO_BIAS}, {"test_net": 0})],
    "partial": [Attempt("small letters only", {"vowels": SMALL_LETTERS}, {"test_vowels": 3})],
}


def _marked(cell: NotebookNode, grade_id: str, **fields) -> NotebookNode:
    marks = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = marks | {"grade_id": grade_id} | fields
    return cell


def _clean(text: str) -> str:
    return dedent(text).strip("\n")


def _without(text: str, region: str) -> str:
    return re.sub(rf"(?ms)^[^\n]*### BEGIN {region}.*?### END {region}[^\n]*\n?", "", text).rstrip("\n")


def _released(cell: NotebookNode) -> str:
    stub = STUB if cell.cell_type == "code" else TEXT_STUB
    if "# BEGIN SOLUTION" not in cell.source:
        return stub

    def replaced(match: re.Match) -> str:
        return "\n".join(match[1] + line for line in stub.split("\n"))

    return re.sub(r"(?ms)^([ \t]*)#+ BEGIN SOLUTION.*?# END SOLUTION[^\n]*", replaced, cell.source)
