"""An nbgrader source notebook as questions: which names each test needs of the student, and what runs before it.

nbgrader runs the whole notebook; here a test cell stands on a slice of it (`slices.py`), so that no cell that trains
or plots runs to grade a function, and a mark hangs on nothing but what its test uses.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from medtutor.errors import LessonError
from medtutor.grading.assignment import Question
from medtutor.grading.nbgrader_cells import cut, marks, released, solved
from medtutor.grading.nodes import Node
from medtutor.grading.slices import Piece, given_for, pieces, slice_for

_MARKER = re.compile(r"(?:#|<!--)[ \t]*medtutor:[ \t]*([\w.]+)")
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")  # magics whose cell is Python still


@dataclass(frozen=True)
class Asserts:
    """Tests of one cell. `setup`, `visible` and `hidden` run one after the other in one namespace, on the judge's side,
    after the student's names have been put there.

    `visible` ends before the first statement with hidden tests, and `hidden` is the rest: the order of the cell stays.
    Where the last statement of the cell is an expression, its value may be a number of points (nbgrader's partial
    credit). `given` is what the student's code may use of the instructor's cells: it stands in the notebook that was
    handed out, and is for answers whose notebook has lost it.
    """

    visible: str
    hidden: str
    setup: str
    given: str = ""


def questions(notebook: Node, name: str) -> tuple[Question, ...]:
    """The questions of a source notebook (from `nbgrader_cells.read`), in its order.

    Raises `LessonError`, naming the cell, for a test or solution that does not parse, and where `slices.py` does.
    """
    found: list[Question] = []
    before: list[Piece] = []
    tested: set[str] = set()  # the test cells so far
    solutions: dict[str, Node] = {}
    recent: list[str] = []  # solution cells since the last test
    for index, cell in enumerate(notebook.cells):
        own, id = marks(cell), marks(cell).get("grade_id", "")
        where = f"{name}, cell {index + 1}" + (f" ({id})" if id else "")
        by_hand = own.get("task") or (own.get("grade") and own.get("solution"))
        if by_hand:
            found.append(_manual(cell, notebook.cells[:index]))
        if cell.cell_type != "code":
            if own.get("grade") and not by_hand:
                raise LessonError(f"{where}: autograder tests are a code cell, this one is {cell.cell_type}.")
            continue
        strict = bool(own.get("grade") or own.get("solution")) and not by_hand
        source = python(solved(cell))
        tree = _parsed(source, where, strict)
        if own.get("grade") and not by_hand:
            found.append(_asserts(cell, source, tree, where, before, tested, solutions, recent))
            tested.add(id)
            recent = []
        if own.get("solution"):
            solutions[id] = cell
            recent.append(id)
        if tree is not None:
            before += pieces(tree, id or f"cell {index + 1}", bool(own.get("solution")))
    return tuple(found)


def _asserts(
    cell: Node,
    source: str,
    tree: ast.Module,
    where: str,
    before: list[Piece],
    tested: set[str],
    solutions: dict[str, Node],
    recent: list[str],
) -> Question:
    needs = slice_for(tree.body, before, where)
    nearest = recent or list(solutions)[-1:]
    # a name that no cell defines is the student's too: a solution that the instructor left empty
    names = {**needs.names, **(dict.fromkeys(sorted(needs.unknown), nearest) if solutions else {})}
    wanted = {id for ids in names.values() for id in ids} or set(nearest)
    ids = [id for id in solutions if id in wanted]
    cells = [solutions[id] for id in ids]
    texts = [released(one) for one in cells]
    plain = [piece for piece in before if piece.cell not in tested]
    body = [node for one in cells for node in (_parsed(python(solved(one)), where, False) or ast.Module([], [])).body]
    visible, hidden = _parts(source, tree)
    return Question(
        id=marks(cell)["grade_id"],
        kind="asserts",
        points=float(marks(cell)["points"]),
        names=tuple(names),
        markers=tuple(dict.fromkeys(marker for text in texts for marker in _MARKER.findall(text))),
        grade_ids=tuple(ids),
        cell_ids=tuple(one["id"] for one in cells),
        starters=tuple(texts),
        tests=Asserts(visible, hidden, needs.code, given_for(body, plain)),
    )


def _manual(cell: Node, above: list[Node]) -> Question:
    """A question for a person; its tests are the text to read by: what was asked, and the instructor's answer."""
    own = marks(cell)
    texts = []
    if own.get("task"):
        texts = [cut(cell.source, "MARK SCHEME", own["grade_id"])[0].strip()]
        rubric = cut(cell.source, "MARK SCHEME", own["grade_id"])[1].strip()
    else:
        if above and above[-1].cell_type == "markdown" and not marks(above[-1]).get("solution"):
            texts = [cut(above[-1].source, "MARK SCHEME", own["grade_id"])[0].strip()]
        rubric = solved(cell).strip()
    text = released(cell)
    return Question(
        id=own["grade_id"],
        kind="manual",
        points=float(own["points"]),
        markers=tuple(dict.fromkeys(_MARKER.findall(text))),
        grade_ids=(own["grade_id"],),
        cell_ids=(cell["id"],),
        starters=(text,),
        tests="\n\n".join(part for part in (*texts, rubric) if part),
    )


def _parts(source: str, tree: ast.Module) -> tuple[str, str]:
    """A test cell before its first statement with hidden tests, and from there on, without the lines that mark them."""
    lines = source.split("\n")
    inside, hidden = False, set()
    for number, line in enumerate(lines, start=1):
        inside = (inside or "BEGIN HIDDEN TESTS" in line) and "END HIDDEN TESTS" not in line
        if inside:
            hidden.add(number)
    kept = ["" if "BEGIN HIDDEN TESTS" in line or "END HIDDEN TESTS" in line else line for line in lines]
    for node in tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        if hidden & set(range(first, node.end_lineno + 1)):
            # a statement that shares its line with the one before goes with it
            return "\n".join(kept[: first - 1]).strip("\n"), "\n".join(kept[first - 1 :]).strip("\n")
    return "\n".join(kept).strip("\n"), ""


def python(source: str) -> str:
    """A cell without what only IPython understands; "" for `%%bash` and the like."""
    if _tree(source) is not None:
        return source
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        return python(rest) if first.split()[0] in _PYTHON_CELLS else ""
    source = re.sub(r"(?m)^([ \t]*)(?:[%!].*|[\w.]+\?{1,2}|\?{1,2}[\w.]+)$", r"\1pass", source)
    return re.sub(r"(?m)^([ \t]*[\w., ]+=[ \t]*)[%!](?!=).*$", r"\1None", source)


def _tree(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _parsed(source: str, where: str, strict: bool) -> ast.Module | None:
    """The tree of a cell; None where it is no Python and need not be one."""
    tree = _tree(source)
    if tree is None and strict:
        try:
            ast.parse(source)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
            raise LessonError(f"{where}{line}: this is no Python: {getattr(error, 'msg', error)}.") from error
    return tree
