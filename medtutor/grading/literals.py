"""What a student wrote out in code cells as plain literals. The code is parsed, never run, and may be anything."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from medtutor.grading.submission import Cell, Notebook

LONGEST = 100_000  # characters of a cell that is looked at: an answer is a line
_MAGIC = re.compile(r"^[ \t]*[%!?].*$", re.MULTILINE)


class Unread:
    """In place of a value that is no literal: it would have to be computed, and nothing is."""


UNREAD = Unread()


def has_marker(cell: Cell, ids: Iterable[str]) -> bool:
    """Whether the cell holds a comment `# medtutor: <id>` or `<!-- medtutor: <id> -->` with one of `ids`."""
    names = "|".join(map(re.escape, ids))
    return bool(names) and (
        re.search(rf"^[ \t]*(#[ \t]*medtutor:[ \t]*({names})|<!--[ \t]*medtutor:[ \t]*({names})[ \t]*-->)[ \t]*\r?$",
                  cell.source, re.MULTILINE) is not None
    )  # fmt: skip


def handed_out(cell: Cell, grade_ids: Iterable[str], cell_ids: Iterable[str]) -> bool:
    """Whether nbgrader's metadata or the cell's id says that it is one of those that were handed out."""
    nbgrader = cell.metadata.get("nbgrader") if isinstance(cell.metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return (isinstance(grade_id, str) and grade_id in tuple(grade_ids)) or (
        cell.id != "" and cell.id in tuple(cell_ids)
    )


def assigned(source: str) -> list[tuple[str, Any]]:
    """(name, value) of the top-level assignments of a cell, in order; ("", value) for a literal that stands alone."""
    found = []
    for node in _statements(source):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = literal(node.value)
            found += [(target.id, value) for target in targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.Expr) and (value := literal(node.value)) is not UNREAD:
            found.append(("", value))
    return found


def calls(notebook: Notebook, function: str, ids: Iterable[str]) -> Iterator[tuple[Cell, ast.expr]]:
    """The cell and second argument of every call `function("<id>", argument)`, in the order of the notebook."""
    ids = tuple(ids)
    for cell in notebook.cells:
        if cell.kind != "code" or function not in cell.source or not any(id in cell.source for id in ids):
            continue
        found = []
        for statement in _statements(cell.source):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and _called(node) == function and len(node.args) >= 2:
                    first = node.args[0]
                    if isinstance(first, ast.Constant) and first.value in ids:
                        found.append((node.lineno, node.args[1]))
        yield from ((cell, argument) for _, argument in sorted(found, key=lambda one: one[0]))


def literal(node: ast.expr) -> Any:
    """The value of a literal: None, numbers, texts, and lists, tuples and sets of them, flattened; else `UNREAD`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = literal(node.operand) if isinstance(node.operand, ast.Constant) else UNREAD
        return -value if type(value) in (int, float) and isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Constant):
        return node.value
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return UNREAD
    values, waiting = [], list(reversed(node.elts))
    while waiting:  # no recursion: lists in lists may be deep
        one = waiting.pop()
        if isinstance(one, ast.List | ast.Tuple | ast.Set):
            waiting.extend(reversed(one.elts))
        elif isinstance(one, ast.Constant):
            values.append(one.value)
        else:
            return UNREAD
    return values


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; where it does not parse as a whole, those of its lines that do."""
    if len(source) > LONGEST:
        return []
    whole = _parsed(_MAGIC.sub("", source))
    if whole is not None:
        return whole
    found: list[ast.stmt] = []
    for number, line in enumerate(source.splitlines()[:1000]):
        for node in _parsed(line) or []:
            found.append(ast.increment_lineno(node, number))
    return found


def _parsed(code: str) -> list[ast.stmt] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the student's code, such as "\d"
            return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
