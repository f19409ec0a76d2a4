"""A notebook as one program: its statements in order, and where each name is bound and changed. Nothing is run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from medtutor.grading.scopes import Facts

_MADE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
STEPS = 300_000  # for one question: names that are looked up, and statements found for them


@dataclass(frozen=True)
class Statement:
    """A statement of the notebook: `cell` is its place among the cells, `starter` that it is as it was handed out."""

    node: ast.stmt
    text: str
    cell: int
    facts: Facts
    starter: bool = False

    @property
    def imports(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    def defines(self, name: str) -> bool:
        """Whether it makes the object `name` itself, and does not import it."""
        return name in self.facts.binds and not self.imports

    def makes(self, name: str) -> bool:
        """Whether it is, or holds, the `def` or `class` of `name`."""
        if not isinstance(self.node, (*_MADE, ast.If, ast.Try, ast.With, ast.For, ast.While)):
            return False
        return any(isinstance(part, _MADE) and part.name == name for part in ast.walk(self.node))

    def renews(self, name: str) -> bool:
        """Whether the name holds something new after it, and not what it held before, changed."""
        return name in self.facts.surely and name not in self.facts.now


class Program:
    """The statements of a notebook, with where each name is bound and changed. `steps` are left for closures."""

    def __init__(self, statements: Sequence[Statement], steps: int = STEPS):
        self.statements, self.steps = statements, steps
        self.sure: dict[str, list[int]] = defaultdict(list)  # places of the statements that renew a name
        self.maybe: dict[str, list[int]] = defaultdict(list)  # that bind it perhaps: branches and loops
        self.changed: dict[str, list[int]] = defaultdict(list)  # that change it, or bind it to what it was, changed
        for at, one in enumerate(statements):
            for name in one.facts.binds:
                kind = self.sure if one.renews(name) else self.changed if name in one.facts.now else self.maybe
                kind[name].append(at)
            for name in one.facts.changes - one.facts.binds:
                self.changed[name].append(at)
        for name, places in self.changed.items():
            if name not in self.sure and name not in self.maybe:
                self.maybe[name] += [at for at in places if name in statements[at].facts.binds]
        self.worked_on = {  # those of `sure` that are not as they were handed out
            name: [at for at in places if not statements[at].starter] for name, places in self.sure.items()
        }
        self.stars = [at for at, one in enumerate(statements) if is_star(one.node)]

    def defining(self, name: str) -> list[int]:
        """The statements that make the object `name` themselves, and not as it was handed out."""
        places = (*self.sure.get(name, ()), *self.maybe.get(name, ()), *self.changed.get(name, ()))
        found = {at for at in places if self.statements[at].defines(name) and not self.statements[at].starter}
        return sorted(found)

    def may_be_called(self, node: ast.stmt) -> bool:
        """Whether it is an assignment of a function: `f = lambda x: x`, `f = g`, `f = partial(g, 2)`, `f = make(2)`."""
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Attribute):  # of a module
            return isinstance(value.value, ast.Name) and self._is(value.value, ast.Import, ast.ImportFrom)
        if isinstance(value, ast.Tuple):
            return any(isinstance(part, ast.Lambda) or self._is(part, *_MADE) for part in value.elts)
        if isinstance(value, ast.Call):
            makers = [self.statements[at].node for at in self._bindings(value.func)]
            parts = [*value.args, *(keyword.value for keyword in value.keywords)]
            return any(isinstance(part, ast.Lambda) or self._is(part, *_MADE) for part in parts) or any(
                isinstance(part, (*_MADE, ast.Lambda)) and part is not maker
                for maker in makers
                if isinstance(maker, ast.FunctionDef | ast.AsyncFunctionDef)
                for part in ast.walk(maker)
            )
        return isinstance(value, ast.Lambda) or (value is not None and self._is(value, *_MADE))

    def _bindings(self, node: ast.expr) -> list[int]:
        return self.sure.get(node.id, []) if isinstance(node, ast.Name) else []

    def _is(self, node: ast.expr, *kinds: type) -> bool:
        """Whether it is a name that a statement of such a kind binds."""
        return any(isinstance(self.statements[at].node, kinds) for at in self._bindings(node))


def is_star(node: ast.stmt) -> bool:
    """Whether it is `from module import *`, which may bind anything."""
    return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
