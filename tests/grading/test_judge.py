"""Honest and hostile answers: the mark each gets, and that it costs nobody else anything."""

import os
import time
from pathlib import Path

import pytest
from grading import cases
from grading import small_class as small

from medtutor.grading.attempt import Settings
from medtutor.grading.judge import grade
from medtutor.grading.submission import Submission

RIGHT = "# medtutor: t.three\ndef three(x):\n    return 3 * x"
RIGHT_DOUBLE = "# medtutor: t.double\ndef double(values):\n    return [2 * v for v in values]"


@pytest.fixture
def marks(worker, tmp_path, quick):
    """Grade cells for exercises; returns {id: outcome}."""

    def run(*cells, exercises=(small.THREE, small.DOUBLE), credit="all", settings=quick):
        submission = small.hand_in(tmp_path, *cells)
        graded = grade(submission, small.assignment(*exercises, credit=credit), worker, settings)
        return {outcome.id: outcome for outcome in graded.outcomes}

    return run


# honest --------------------------------------------------------------------------------------------------------------


def test_right_answers_get_their_points(marks):
    found = marks(RIGHT, RIGHT_DOUBLE)
    assert [(one.status, one.points) for one in found.values()] == [("correct", 2), ("correct", 2)]


def test_a_wrong_answer_is_told_why_in_the_author_s_words(marks):
    found = marks("# medtutor: t.three\ndef three(x):\n    return x + 2", RIGHT_DOUBLE)
    assert (found["t.three"].status, found["t.three"].points) == ("wrong", 0)
    assert found["t.three"].reason == "Three times a million is three million."
    assert found["t.double"].points == 2


def test_nothing_and_the_starter_are_not_attempted(marks):
    found = marks("# medtutor: t.three\ndef three(x):\n    ...")
    assert {one.status for one in found.values()} == {"not attempted"}


@pytest.mark.parametrize(
    "noise",
    [
        "print('x' * 1000)",
        "import warnings\nwarnings.warn('careful')",
        "import sys\nsys.stderr.write('50%|#####     |')",
        "%matplotlib inline\n!ls\nfiles = !ls",
        "name = input('Your name? ')",
        "this is no Python",
        "1/0",
        "while True: pass",
        "raise SystemExit",
        "import os\nos._exit(0)",
        "train = [x for x in range(10**12)]",
        "import a_module_that_nobody_has",
    ],
)
def test_what_other_cells_do_costs_nothing(marks, noise):
    assert [one.points for one in marks(noise, RIGHT, noise, RIGHT_DOUBLE, noise).values()] == [2, 2]


def test_prints_of_40_mb_cost_nothing(marks):
    loud = "# medtutor: t.three\ndef three(x):\n    for _ in range(40): print('y' * 1_000_000)\n    return 3 * x"
    found = marks(loud + "\nimport os\nos.write(1, b'z' * 40_000_000)\nos.write(2, b'z' * 1000)")
    assert found["t.three"].points == 2


def test_helpers_imports_and_moved_answers_count(marks):
    found = marks("factor = 3", "import math", "def helper(x):\n    return math.floor(factor) * x", "three = helper")
    assert found["t.three"].points == 2
    found = marks("# medtutor: t.three\n", "def three(x):\n    return 3 * x")
    assert found["t.three"].points == 2


def test_a_copied_cell_with_the_starter_does_not_hide_the_answer(marks):
    assert marks(RIGHT, "# medtutor: t.three\ndef three(x):\n    ...")["t.three"].points == 2
    assert marks("# medtutor: t.three\ndef three(x):\n    return 0", RIGHT)["t.three"].points == 2


def test_a_name_that_the_answer_needs_and_that_fails_elsewhere_costs_only_what_needs_it(marks):
    found = marks("broken = 1 / 0", "# medtutor: t.three\nunused = broken\ndef three(x):\n    return 3 * x")
    assert found["t.three"].points == 2


def test_a_future_import_counts_for_the_whole_answer(marks):
    code = "from __future__ import annotations\n# medtutor: t.three\ndef three(x: NotYet) -> NoSuch:\n    return 3 * x"
    assert marks(code)["t.three"].points == 2


def test_partial_credit_counts_cases(marks):
    half = "# medtutor: t.three\ndef three(x):\n    return x + 2"
    found = marks(half, credit="cases")["t.three"]
    assert (found.status, found.points) == ("partial", 1)
    assert found.reason == "Three times a million is three million."


def test_an_answer_that_changes_its_argument_is_seen_to(marks):
    change = (
        "# medtutor: t.double\ndef double(values):\n    for i in range(len(values)): values[i] *= 2\n    return values"
    )
    assert marks(change)["t.double"].reason == "Leave the list as it is."


def test_a_data_loader_with_workers_of_its_own_still_loads(marks):
    code = """# medtutor: t.three
import torch
from torch.utils.data import DataLoader, TensorDataset
def three(x):
    loader = DataLoader(TensorDataset(torch.full((3,), x)), batch_size=1, num_workers=2, persistent_workers=True)
    return sum(int(batch[0]) for batch in loader)
"""
    assert marks(code)["t.three"].points == 2


# stand-ins -----------------------------------------------------------------------------------------------------------


NET = small.exercise(
    "t.net",
    "class Net:\n    ...",
    "from torch import nn\nclass Net(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    "        self.layer = nn.Linear(n, 2)\n    def forward(self, x):\n        return self.layer(x)",
    *cases.network(),
)


def test_a_network_is_built_called_trained_and_loaded_from_the_other_process(marks):
    answer = "# medtutor: t.net\n" + NET.solution
    found = marks(answer, exercises=[NET])["t.net"]
    assert (found.status, found.reason) == ("correct", "")
    small_net = marks(answer.replace("nn.Linear(n, 2)", "nn.Linear(n, 2, bias=False)"), exercises=[NET])["t.net"]
    assert small_net.reason == "Ten numbers."
    cut = marks(answer.replace("self.layer(x)", "self.layer(x).detach()"), exercises=[NET])["t.net"]
    assert cut.points == 0


def test_functions_and_networks_can_be_lent_to_an_answer(marks):
    apply = small.exercise(
        "t.apply", "def apply(f, x):\n    ...", "def apply(f, x):\n    return f(f(x))", *cases.lent()
    )
    found = marks("# medtutor: t.apply\ndef apply(f, x):\n    return f(f(x))", exercises=[apply])["t.apply"]
    assert (found.status, found.reason) == ("correct", "")


STACK = """class Stack:
    def __init__(self):
        self.items = []
    def push(self, item):
        self.items.append(item)
    def pop(self):
        return self.items.pop()
    def __len__(self):
        return len(self.items)
    def __iter__(self):
        return iter(self.items)
    def __add__(self, other):
        made = Stack()
        made.items = self.items + other.items
        return made
    def __eq__(self, other):
        return self.items == other.items
"""


def test_a_class_with_methods_of_its_own_works(marks):
    stack = small.exercise("t.stack", "class Stack:\n    ...", STACK, *cases.stack())
    found = marks("# medtutor: t.stack\n" + STACK, exercises=[stack])["t.stack"]
    assert (found.status, found.reason) == ("correct", "")


def test_random_numbers_follow_the_seed_that_the_test_sets(marks):
    code = "import torch\ndef noise(n):\n    return torch.rand(n) if isinstance(n, int) else n.random()"
    made = small.exercise("t.noise", "def noise(n):\n    ...", code, [cases.draws], [cases.draws])
    assert marks("# medtutor: t.noise\n" + code, exercises=[made])["t.noise"].reason == ""


# hostile -------------------------------------------------------------------------------------------------------------

ONE_QUESTION = {
    "an endless loop": ("while True: pass", "time", "longer than"),
    "a sleep": ("import time\n    time.sleep(100)", "time", "longer than"),
    "an exit": ("import os\n    os._exit(0)", "crashed", "ends its own process"),
    "sys.exit": ("import sys\n    sys.exit()", "wrong", "raises"),
    "a crash": ("import ctypes\n    ctypes.string_at(0)", "crashed", "ends its own process"),
    "an abort": ("import os\n    os.abort()", "crashed", "ends its own process"),
    "a memory bomb": ("return bytearray(4 * 10**9)", "memory", "memory"),
    "a slow memory bomb": ("a = []\n    while True: a.append(bytearray(10**7))", "memory", "memory"),
    "a deep recursion": ("return three(x)", "wrong", "RecursionError"),
    "an endless answer": ("return iter(int, 1)", "wrong", "class of its own"),
    "too much": ("return bytes(300_000_000)", "wrong", ""),
}


@pytest.mark.parametrize("name", ONE_QUESTION)
def test_a_question_that_misbehaves_costs_that_question_only(marks, name, quick):
    body, status, said = ONE_QUESTION[name]
    began = time.monotonic()
    found = marks(f"# medtutor: t.three\ndef three(x):\n    {body}", RIGHT_DOUBLE)
    assert (found["t.three"].status, found["t.three"].points) == (status, 0)
    assert said in found["t.three"].reason
    assert found["t.double"].points == 2
    assert time.monotonic() - began < 6 * quick.seconds


EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __float__(self): return 3.0
    def __array__(self, *args, **kwargs):
        import numpy
        return numpy.array(3)
    __hash__ = None
"""


@pytest.mark.parametrize(
    "answer",
    [
        EQUAL + "def three(x): return Equal()",
        EQUAL + "three = Equal()",
        EQUAL.replace("class Equal:", "class Equal(int):") + "def three(x): return Equal(1)",
        "class Liar(type):\n    def __eq__(self, other): return True\n    __hash__ = type.__hash__\n"
        "class Answer(metaclass=Liar): pass\ndef three(x): return Answer",
        "import torch\nclass T(torch.Tensor):\n    def __eq__(self, other): return True\ndef three(x): return T()",
    ],
)
def test_an_object_that_equals_everything_earns_nothing(marks, answer):
    found = marks("# medtutor: t.three\n" + answer)["t.three"]
    assert found.points == 0 and found.status == "wrong"


@pytest.mark.parametrize(
    "attack",
    [
        "import builtins\nbuiltins.AssertionError = type('E', (Exception,), {})",
        "import numpy.testing, numpy\nnumpy.testing.assert_allclose = numpy.allclose = lambda *a, **k: True",
        "import medtutor.grading.student as s\ns.Served.do_call = lambda *a: {'value': True}",
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Served': o.objects.clear()",
        "import sys\nsys.modules['medtutor.grading.judge'] = None",
    ],
)
def test_patching_its_own_process_earns_nothing(marks, attack):
    found = marks(f"# medtutor: t.three\n{attack}\ndef three(x):\n    return 4", RIGHT_DOUBLE)
    assert found["t.three"].points == 0 and found["t.double"].points == 2


@pytest.mark.parametrize(
    "sent",
    ["b'rubbish' * 10", "b'mt' + b'\\xff' * 12", "b'mt\\0\\0\\0\\x08' + b'\\0' * 8 + b'[{},[9]]'", "b''"],
)
def test_rubbish_on_the_connection_ends_that_question(marks, sent):
    forge = f"# medtutor: t.three\nimport os\ndef three(x):\n    os.write(3, {sent})\n    os._exit(1)"
    found = marks(forge, RIGHT_DOUBLE)
    assert found["t.three"].status == "crashed" and found["t.double"].points == 2


def test_no_test_value_secret_or_submission_is_on_the_heap(marks, worker, tmp_path, quick):
    """Two submissions in a row; the second searches what it can reach for the first, and for the tests."""
    needle, expected = "needle-in-the-first-submission", "SECRET-EXPECTED"

    def hidden_case(search):
        """Looks."""
        found = search()
        assert found == [], f"{len(found)} found"

    def secret(search):
        assert isinstance(search, object) and expected, "SECRET-MESSAGE"

    made = small.exercise("t.search", "def search():\n    ...", "def search():\n    return []", [secret], [hidden_case])
    marks(f"# medtutor: t.search\nnote = '{needle}'\ndef search():\n    return [note]", exercises=[made])
    code = """
# medtutor: t.search
import gc, sys
def search():
    parts = ["needle-in-" + "the-first", "SECRET-" + "EXPECTED", "SECRET-" + "MESSAGE", "hidden_" + "case"]
    seen, todo, found = set(), gc.get_objects() + [sys.modules], []
    mine = {id(parts), id(seen), id(todo), id(found)}
    while todo:
        one = todo.pop()
        if id(one) in seen or id(one) in mine: continue
        seen.add(id(one))
        if isinstance(one, (str, bytes)):
            text = one if isinstance(one, str) else one.decode("latin-1")
            found += [p for p in parts if p in text and text not in parts]
        else:
            todo += [r for r in gc.get_referents(one) if id(r) not in seen]
    frame = sys._getframe()
    while frame is not None:
        frame = frame.f_back
    return found + [m for m in sys.modules if m.startswith(("medtutor.checks", "medtutor.grading.judge", "pytest"))]
"""
    found = marks(code, exercises=[made], settings=Settings(seconds=60, memory_mb=512))["t.search"]
    assert (found.status, found.reason) == ("correct", "")


def test_memory_of_the_process_holds_no_test_either(marks):
    """The same search over raw memory, through /proc where the sandbox shows it at all."""
    code = """
# medtutor: t.raw
def search():
    try:
        maps = open("/proc/self/maps").read()
    except OSError:
        return []
    return [p for p in ("SECRET-" + "EXPECTED",) if p in maps]
"""

    def look(search):
        assert search() == [], "SECRET-EXPECTED"

    made = small.exercise("t.raw", "def search():\n    ...", "def search():\n    return []", [look], [look])
    assert marks(code, exercises=[made])["t.raw"].points == 2


def test_files_planted_in_the_folder_are_not_imported(worker, tmp_path, quick):
    for name in ("medtutor", "numpy", "sitecustomize", "usercustomize", "json", "answer"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'planted')!r}, 'w')")
    plant = (
        "# medtutor: t.three\nimport os\nfor name in ('numpy', 'json', 'fractions', 'sitecustomize'):\n"
        "    open(name + '.py', 'w').write('raise SystemExit')\ndef three(x):\n    return 3 * x"
    )
    use = RIGHT_DOUBLE.replace("return", "import fractions\n    return")
    submission = small.hand_in(tmp_path, plant, use)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        graded = grade(submission, small.assignment(small.THREE, small.DOUBLE), worker, quick)
    finally:
        os.chdir(before)
    assert [one.points for one in graded.outcomes] == [2, 2]
    assert not (tmp_path / "planted").exists()


def test_nothing_of_one_question_is_left_for_the_next(marks):
    leave = (
        "# medtutor: t.three\nimport os\nos.makedirs('a/b/c')\nopen('a/b/c/note', 'w').write('left')\n"
        "os.chmod('a/b', 0)\nos.symlink('/', 'link')\ndef three(x):\n    return 3 * x"
    )
    look = "import os\n# medtutor: t.double\ndef double(values):\n    return None if os.listdir('.') else [2, 4]"
    assert [one.points for one in marks(leave, look).values()] == [2, 2]


def test_a_student_s_text_is_not_in_the_feedback(marks):
    made = small.exercise(
        "t.three", "def three(x):\n    ...", "def three(x):\n    return 3", [lambda t: None], [cases.echoes]
    )
    for text in ("<script>alert(1)</script>", "Full marks, says the instructor"):
        reason = marks(f"# medtutor: t.three\ndef three(x):\n    return {text!r}", exercises=[made])["t.three"].reason
        assert reason == "Expected 3, got '[...]' instead."
        reason = marks(f"# medtutor: t.three\ndef three(x):\n    raise ValueError({text!r})", exercises=[made])[
            "t.three"
        ].reason
        assert reason == "Your code raises ValueError. Hidden case: Case."


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"cells": 3}', b"[" * 100_000])
def test_a_file_that_is_no_notebook_gets_a_row(worker, tmp_path, content, quick):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    graded = grade(Submission("x", path), small.assignment(small.THREE), worker, quick)
    assert graded.total == 0 and graded.outcomes[0].status in ("unreadable", "not attempted")


def test_no_process_outlives_its_submission_and_nothing_is_left(marks, zygote):
    marks(
        "# medtutor: t.three\nimport threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n" + RIGHT
    )
    children = Path(f"/proc/{zygote._process.pid}/task/{zygote._process.pid}/children")
    if not children.exists():
        pytest.skip("this kernel does not list children")
    left = _descendants(zygote._process.pid)
    assert len(left) <= 2 + len(children.read_text().split()), left


def _descendants(pid: int) -> list[int]:
    try:
        inner = [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return inner + [d for child in inner for d in _descendants(child)]
