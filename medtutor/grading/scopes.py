"""What one statement of a notebook takes from the notebook, and what it gives: by Python's rules of scope, not run.

The code is somebody's, so nothing here recurses: each syntax tree is walked once with a list of what is left to do.
(`effects.py` asks finer questions of the instructor's own code.)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = (ast.expr_context, ast.Constant, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WORD = re.compile(r"[^\W\d]\w*")
_HINT_CHARACTERS = 1000
# Methods that change what they are called on, in a way that a later function sees.
_CHANGES = re.compile(
    r"append|extend|insert|remove|pop|popitem|clear|sort|reverse|update|setdefault|add|discard|appendleft|extendleft|"
    r"(fill|zero|add|mul|sub|div|copy)_|load_state_dict|register_buffer|register_parameter|add_module"
)
_CHANGES_ARGUMENT = ("setattr", "delattr")


@dataclass(frozen=True)
class Facts:
    """Of one statement, in names of the notebook.

    `now` are read when it runs, `later` when a function that it defines is called, `hints` perhaps, in annotations that
    are texts. `binds` may be bound by it, `surely` are. `changes` are changed in place.
    """

    now: frozenset[str]
    later: frozenset[str]
    hints: frozenset[str]
    binds: frozenset[str]
    surely: frozenset[str]
    changes: frozenset[str]
    loops: bool  # it is a loop
    waits: bool  # it awaits outside any function


@dataclass(eq=False)
class _Scope:
    kind: str  # "module", "function", "class" or "comprehension"
    outer: _Scope | None
    inside: bool  # whether it lies in a function: what it does is done later
    bound: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)  # `global`

    def read(self, name: str) -> None:
        # A module or class runs from top to bottom: what is bound above is its own. A function knows all its names.
        scope = self
        while scope.kind == "comprehension" and name not in scope.bound:
            scope = scope.outer
        if name not in scope.bound or scope.kind == "function" or (scope.kind == "class" and scope is not self):
            self.reads.add(name)

    def bind(self, name: str) -> None:
        self.bound.add(name)

    def is_global(self, name: str) -> bool:
        """Whether `name`, read here, is one of the notebook's."""
        if name in self.declared or self.kind == "module":
            return True
        if self.kind != "class" and name in self.bound:
            return False
        scope = self.outer
        while scope is not None and scope.kind != "module":
            if scope.kind != "class" and name in scope.bound and name not in scope.declared:
                return False
            scope = scope.outer
        return True


def facts(statement: ast.stmt) -> Facts:
    """The facts of a statement at the top level of a cell."""
    walk = _Walk()
    walk.run(statement)
    now: set[str] = set()
    later: set[str] = set()
    for scope in walk.scopes:
        found = {name for name in scope.reads | scope.declared if scope.is_global(name)}
        (later if scope.inside else now).update(found)
    module = walk.scopes[0]
    try:
        surely = frozenset(_surely([statement])) & module.bound
    except RecursionError:
        surely = frozenset()
    return Facts(
        frozenset(now),
        frozenset(later),
        frozenset(walk.hints),
        frozenset(module.bound),
        surely,
        frozenset(walk.changes),
        isinstance(statement, _LOOPS),
        walk.waits,
    )


class _Walk:
    """Walks a statement in the order in which it runs. `todo` holds nodes with their scope, and names to be bound."""

    def __init__(self):
        self.scopes = [_Scope("module", None, False)]
        self.todo: list[tuple[ast.AST | str, _Scope]] = []
        self.hints: set[str] = set()
        self.changes: set[str] = set()
        self.waits = False

    def run(self, statement: ast.stmt) -> None:
        self.next([statement], self.scopes[0])
        while self.todo:
            node, scope = self.todo.pop()
            if isinstance(node, str):
                scope.bind(node)
            elif isinstance(node, ast.Name):
                self.name(node, scope)
            elif not isinstance(node, _LEAVES):
                self.node(node, scope)

    def next(self, nodes: Iterable[ast.AST | str | None], scope: _Scope) -> None:
        """Do `nodes` next, in this order."""
        self.todo += [(node, scope) for node in reversed([*nodes]) if node is not None]

    def inner(self, kind: str, outer: _Scope) -> _Scope:
        scope = _Scope(kind, outer, outer.inside or kind == "function")
        self.scopes.append(scope)
        return scope

    def name(self, node: ast.Name, scope: _Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            scope.read(node.id)
        elif isinstance(node.ctx, ast.Store) or scope.kind == "function":  # `del` makes a name a function's own
            scope.bind(node.id)

    def node(self, node: ast.AST, scope: _Scope) -> None:
        if not scope.inside:
            self.changes |= _changed(node)
            self.waits = self.waits or isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
            self.waits = self.waits or (isinstance(node, ast.comprehension) and bool(node.is_async))
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self.function(node, scope)
            case ast.ClassDef():
                body = self.inner("class", scope)
                kinds = getattr(node, "type_params", [])
                self.next([node.name], scope)
                self.next([*kinds, *node.body], body)
                self.next([*node.decorator_list, *node.bases, *node.keywords], scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                body = self.inner("comprehension", scope)
                made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
                first, *others = node.generators
                self.next([first.target, *first.ifs, *others, *made], body)
                self.next([first.iter], scope)
                self.waits = self.waits or (bool(first.is_async) and not scope.inside)
            case ast.comprehension():
                self.next([node.iter, node.target, *node.ifs], scope)
            case ast.NamedExpr():
                outer = scope
                while outer.kind == "comprehension":
                    outer = outer.outer
                self.next([node.target], outer)
                self.next([node.value], scope)
            case ast.Assign():
                self.next([node.value, *node.targets], scope)
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    scope.read(node.target.id)
                self.next([node.value, node.target], scope)
            case ast.AnnAssign():
                self.annotation(node.annotation)
                bare = node.value is None and isinstance(node.target, ast.Name) and scope.kind != "function"
                self.next([node.annotation, node.value, None if bare else node.target], scope)
            case ast.For() | ast.AsyncFor():
                self.next([node.iter, node.target, *node.body, *node.orelse], scope)
            case ast.Global():
                if scope.kind != "module":
                    scope.declared.update(node.names)
            case ast.alias():
                if node.name != "*":
                    scope.bind(node.asname or node.name.partition(".")[0])
            case ast.ExceptHandler():
                self.next([node.type, node.name, *node.body], scope)
            case ast.MatchAs() | ast.MatchStar():
                self.next([getattr(node, "pattern", None), node.name], scope)
            case ast.MatchMapping():
                self.next([*node.keys, *node.patterns, node.rest], scope)
            case _:
                self.next(ast.iter_child_nodes(node), scope)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        """What stands at its head runs now, its body later."""
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        every = [one for one in every if one is not None]
        head = [*arguments.defaults, *arguments.kw_defaults, *(one.annotation for one in every)]
        body = self.inner("function", scope)
        body.bound.update(one.arg for one in every)
        kinds = getattr(node, "type_params", [])  # 3.12: def f[T](x: T)
        body.bound.update(one.name for one in kinds)
        if isinstance(node, ast.Lambda):
            self.next([node.body], body)
            self.next(head, scope)
            return
        for one in [*(one.annotation for one in every), node.returns]:
            self.annotation(one)
        self.next([*kinds, *node.body], body)
        self.next([*node.decorator_list, *head, node.returns, node.name], scope)

    def annotation(self, node: ast.expr | None) -> None:
        """Words of annotations that are texts: `x: "np.ndarray"`."""
        for part in ast.walk(node) if node is not None else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) <= _HINT_CHARACTERS:
                self.hints.update(_WORD.findall(part.value))


def _changed(node: ast.AST) -> set[str]:
    """The names whose object this node changes in place."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _root(node)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and _CHANGES.fullmatch(node.func.attr):
            return _root(node.func)
        if isinstance(node.func, ast.Name) and node.func.id in _CHANGES_ARGUMENT and node.args:
            return _root(node.args[0])
    return set()


def _root(node: ast.AST) -> set[str]:
    """The name at the left end of `a.b[0].c`, or nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _surely(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements bind whichever way they go (an exception apart)."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.If():
                yield from set(_surely(node.body)) & set(_surely(node.orelse))
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    yield from _stored(item.optional_vars)
                yield from _surely(node.body)
            case ast.Try():
                yield from _surely(node.body)
                yield from _surely(node.finalbody)
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr():
                yield from _stored(node)
            case ast.For() | ast.AsyncFor() | ast.While() | ast.Match():
                pass
            case _ if hasattr(ast, "TypeAlias") and isinstance(node, ast.TypeAlias):
                yield from _stored(node.name)


def _stored(node: ast.AST | None) -> Iterator[str]:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
