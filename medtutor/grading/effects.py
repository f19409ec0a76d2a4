"""What a statement of a notebook reads, binds and changes, from its syntax tree: nothing is run.

Only names of the notebook itself (globals) count. Where a branch may or may not run, what it reads counts as read, and
what it binds counts as bound in its `binds`, not in its `surely`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, *COMPREHENSIONS)
# Calls that change the object before the dot, or a setting of the module there; and calls that change an argument.
_CHANGES = re.compile(
    r"append|extend|insert|remove|pop|popitem|clear|sort|reverse|update|setdefault|add|discard|seed|manual_seed|fill|"
    r"\w+_|set_\w+|filterwarnings|simplefilter|load_state_dict"
)
_CHANGES_ARGUMENT = re.compile(r"shuffle|heapify|heappush|heappop|heapreplace|insort\w*|setattr|delattr|next|\w+_")


@dataclass(frozen=True)
class Effects:
    """Of one statement, in names.

    `reads` when it runs, before it binds them itself; `later` when a function that it defines is called; `binds`
    perhaps, `surely` in any case; `changes` in place, `may_change` by calling a method; `calls` with their arguments
    where the statement is such a call; `alters` what its function changes when called, and whether its `arguments`.
    """

    reads: frozenset[str]
    later: frozenset[str]
    binds: frozenset[str]
    surely: frozenset[str]
    changes: frozenset[str]
    may_change: frozenset[str]
    calls: tuple[str, frozenset[str]] | None = None
    alters: frozenset[str] = frozenset()
    alters_arguments: bool = False


def effects(statement: ast.stmt) -> Effects:
    """The effects of one statement at the top level of a cell."""
    walk = _Walk()
    surely = walk.block([statement], set())
    calls = None
    may_change: set[str] = set()
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        arguments = _names([*call.args, *(keyword.value for keyword in call.keywords)])
        if isinstance(call.func, ast.Name):
            calls = (call.func.id, frozenset(arguments))
        elif isinstance(call.func, ast.Attribute):
            may_change = _root(call.func)
    alters, alters_arguments = _alters(statement) if isinstance(statement, FUNCTIONS) else (set(), False)
    frozen = [
        frozenset(names) for names in (walk.reads, walk.later, walk.binds, surely or (), walk.changes, may_change)
    ]
    return Effects(*frozen, calls, frozenset(alters), alters_arguments)


def block_effects(body: list[ast.stmt]) -> tuple[set[str], set[str], set[str]]:
    """Of a whole cell: the names that it reads from before it, those that its functions read, and those it binds."""
    walk = _Walk()
    surely = walk.block(body, set()) or set()
    return walk.reads, walk.later - surely, walk.binds


def free(node: ast.AST) -> set[str]:
    """The names that a function, class, lambda or comprehension takes from outside."""
    direct, nested, bound, declared = set(), set(), set(), set()
    for inner in _own(node):
        if isinstance(inner, ast.Name):
            (direct if isinstance(inner.ctx, ast.Load) else bound).add(inner.id)
        elif isinstance(inner, SCOPES):
            nested |= free(inner)
            bound |= {inner.name} if hasattr(inner, "name") else set()
        elif isinstance(inner, ast.Global):
            declared |= set(inner.names)
        else:
            bound |= set(_binds_otherwise(inner))
    if isinstance(node, ast.ClassDef):
        return (direct - bound) | nested | declared
    return ((direct | nested) - bound) | declared


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the scope of `node`, with inner scopes themselves but not what lies in them."""
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        yield from (one for one in every if one)
        inner = list(node.body) if isinstance(node.body, list) else [node.body]
    elif isinstance(node, ast.ClassDef):
        inner = list(node.body)
    else:
        inner = list(ast.iter_child_nodes(node))
    while inner:
        one = inner.pop()
        yield one
        inner += _outside(one) if isinstance(one, SCOPES) else list(ast.iter_child_nodes(one))


def _outside(node: ast.AST) -> list[ast.AST]:
    """The parts of a scope that run where it stands: decorators, defaults, annotations, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, COMPREHENSIONS):
        return []
    arguments = node.args
    parts = [*arguments.defaults, *(default for default in arguments.kw_defaults if default)]
    if isinstance(node, FUNCTIONS):
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        parts += [*node.decorator_list, *(one.annotation for one in every if one and one.annotation)]
        parts += [node.returns] if node.returns else []
    return parts


def _binds_otherwise(node: ast.AST) -> Iterable[str]:
    """The names that a node binds without a `Name`: imports, parameters, exceptions, patterns."""
    if isinstance(node, ast.alias):
        return [] if node.name == "*" else [node.asname or node.name.partition(".")[0]]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        return [node.name]
    return [node.rest] if isinstance(node, ast.MatchMapping) and node.rest else []


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _root(node: ast.AST) -> set[str]:
    """The name at the left end of `a.b[0].c(1).d`, or nothing."""
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func
        else:
            return {node.id} if isinstance(node, ast.Name) else set()


def _changed(node: ast.AST) -> set[str]:
    """The names whose object this one node changes in place."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _root(node)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        found = _root(node.func) if isinstance(node.func, ast.Attribute) and _CHANGES.fullmatch(name) else set()
        return found | (_names(node.args) if _CHANGES_ARGUMENT.fullmatch(name) else set())
    return set()


def _alters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[set[str], bool]:
    """The globals that a call of `function` changes, and whether it changes an argument."""
    own = list(_own(function))
    parameters = {node.arg for node in own if isinstance(node, ast.arg)}
    declared = {name for node in own if isinstance(node, ast.Global) for name in node.names}
    changed = {name for node in own for name in _changed(node)}
    return declared | (changed & free(function)), bool(changed & parameters)


class _Walk:
    """Collects names over statements in the order in which they run."""

    def __init__(self):
        self.reads: set[str] = set()
        self.later: set[str] = set()
        self.binds: set[str] = set()
        self.changes: set[str] = set()

    def block(self, body: list[ast.stmt], bound: set[str]) -> set[str] | None:
        """Walk statements; returns the names that are bound after them, or None where they never come to an end."""
        for statement in body:
            after = self.statement(statement, bound)
            if after is None:
                return None
            bound = after
        return bound

    def statement(self, node: ast.stmt, bound: set[str]) -> set[str] | None:
        bound = set(bound)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.expression(node, bound)
                self.bind([node.name], bound)
            case ast.Import() | ast.ImportFrom():
                self.bind([name for alias in node.names for name in _binds_otherwise(alias)], bound)
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    self.read(node.target.id, bound)
                self.expressions([node.value, node.target], bound)
            case ast.Assign() | ast.AnnAssign():
                if node.value is not None:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    self.expressions([node.value, *targets], bound)
            case ast.For() | ast.AsyncFor():
                self.expression(node.iter, bound)
                inner = set(bound)
                self.expression(node.target, inner)
                self.block(node.body, inner)
                self.block(node.orelse, bound)
            case ast.While():
                self.expression(node.test, bound)
                self.block(node.body, bound)
                self.block(node.orelse, bound)
            case ast.If():
                self.expression(node.test, bound)
                return _all_of([self.block(node.body, bound), self.block(node.orelse, bound)])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expressions([item.context_expr, *([item.optional_vars] if item.optional_vars else [])], bound)
                return self.block(node.body, bound)
            case ast.Try() | ast.TryStar():
                return self.attempt(node, bound)
            case ast.Match():
                self.expression(node.subject, bound)
                for case in node.cases:
                    inner = set(bound)
                    self.bind([name for part in ast.walk(case.pattern) for name in _binds_otherwise(part)], inner)
                    self.expressions([part for part in ast.walk(case.pattern) if isinstance(part, ast.expr)], inner)
                    self.expressions([case.guard] if case.guard else [], inner)
                    self.block(case.body, inner)
            case _:
                self.expressions(ast.iter_child_nodes(node), bound)
                never = isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value
                if never or isinstance(node, ast.Raise | ast.Return | ast.Continue | ast.Break):
                    return None
        return bound

    def attempt(self, node: ast.Try, bound: set[str]) -> set[str] | None:
        done = self.block(node.body, bound)
        ends = [None if done is None else self.block(node.orelse, done)]
        for handler in node.handlers:
            inner = set(bound)
            self.expressions([handler.type] if handler.type else [], inner)
            self.bind(_binds_otherwise(handler), inner)
            end = self.block(handler.body, inner)
            ends.append(None if end is None else end - ({handler.name} - bound))
        end = _all_of(ends)
        last = self.block(node.finalbody, bound)
        return None if end is None or last is None else end | last

    def expressions(self, nodes: Iterable[ast.AST], bound: set[str]) -> None:
        for node in nodes:
            self.expression(node, bound)

    def expression(self, node: ast.AST, bound: set[str]) -> None:
        self.changes |= _changed(node)
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self.read(node.id, bound)
            elif isinstance(node.ctx, ast.Store):
                self.bind([node.id], bound)
        elif isinstance(node, ast.NamedExpr):
            self.expressions([node.value, node.target], bound)
        elif isinstance(node, COMPREHENSIONS):
            for name in free(node):
                self.read(name, bound)
            for inner in _own(node):
                self.changes |= _changed(inner) & free(node)
        elif isinstance(node, ast.ClassDef):
            self.expressions(_outside(node), bound)
            inner = set(bound)
            others, own = _Walk(), self.binds.copy()
            others.block(node.body, inner)
            self.reads |= others.reads
            self.later |= others.later
            self.changes |= others.changes - others.binds
            self.binds = own
        elif isinstance(node, SCOPES):
            self.expressions(_outside(node), bound)
            self.later |= free(node)
        else:
            self.expressions(ast.iter_child_nodes(node), bound)

    def read(self, name: str, bound: set[str]) -> None:
        if name not in bound:
            self.reads.add(name)

    def bind(self, names: Iterable[str], bound: set[str]) -> None:
        self.binds.update(names)
        bound.update(names)


def _all_of(ends: list[set[str] | None]) -> set[str] | None:
    """What is bound however it went; an end that is never reached does not count."""
    reached = [end for end in ends if end is not None]
    return set.intersection(*reached) if reached else None
