"""What was handed out for a question, so that it is never taken for an answer."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medtutor.grading.cellcode import cell_code
from medtutor.grading.closure import import_text
from medtutor.grading.parsing import Parser
from medtutor.grading.scopes import FUNCTIONS, facts


@dataclass(frozen=True)
class Starters:
    """What was handed out for a question: its statements, its imports by name, and names that it makes with `def`."""

    dumps: frozenset[str] = frozenset()
    imports: Mapping[str, str] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()


def is_stub(node: ast.stmt) -> bool:
    """Whether it is an answer that was not begun: a function that says nothing, `...` or `raise NotImplementedError`,
    a class of such functions, or a value that is `...`."""
    if isinstance(node, FUNCTIONS):
        body = _without_docstring(node.body)
        return not body or (len(body) == 1 and says_nothing(body[0]))
    if isinstance(node, ast.ClassDef):
        body = _without_docstring(node.body)
        functions = [one for one in body if isinstance(one, FUNCTIONS)]
        return bool(functions) and len(functions) == len(body) and all(map(is_stub, functions))
    return isinstance(node, ast.Assign | ast.AnnAssign) and _is_dots(node.value)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    says = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if says else body


def says_nothing(node: ast.stmt) -> bool:
    """Whether it is `raise NotImplementedError` or `...`."""
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(node, ast.Expr) and _is_dots(node.value)


def _is_dots(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def dump(node: ast.stmt) -> str:
    """A statement without its comments and layout."""
    try:
        return ast.dump(node)
    except (RecursionError, ValueError, MemoryError):  # too deep, or a number with too many digits
        return ""


def starters(texts: Iterable[str]) -> Starters:
    """What the cells with these texts handed out."""
    dumps, imports, functions, values = set(), {}, set(), set()
    for text in texts:
        for part in cell_code(text, Parser()).parts:
            node = part.node
            dumps.add(dump(node))
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    imports[name] = import_text(node, [name])
            elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                functions.add(node.name)
            else:
                values |= facts(node).binds
    return Starters(frozenset(dumps - {""}), imports, frozenset(functions), frozenset(values))
