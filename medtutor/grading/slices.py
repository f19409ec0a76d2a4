"""The part of a notebook that a test stands on: the instructor's statements that it needs, and the student's names.

A walk backwards from the test: a statement that binds or changes a wanted name is taken, and what it reads is wanted
in turn. It ends at the student's cells: what they define crosses from the student's process, except their imports.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from medtutor.errors import LessonError
from medtutor.grading.effects import Effects, block_effects, effects

KNOWN = {*dir(builtins), "display", "get_ipython", "In", "Out", "exit", "quit", "_", "__", "___", "__file__"}
_SETTING = re.compile(r"set_\w+|seed|manual_seed|filterwarnings|simplefilter")


@dataclass(frozen=True)
class Piece:
    """A statement at the top level of a cell. `cell` is the cell's grade_id, or words for one that has none."""

    node: ast.stmt
    effects: Effects
    cell: str
    student: bool

    @property
    def imports(self) -> bool:
        """Whether it is an import; one in a student's cell is taken as the instructor's."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def star(self) -> bool:
        """Whether it is `from module import *`, which may bind anything."""
        return self.imports and any(alias.name == "*" for alias in self.node.names)


@dataclass(frozen=True)
class Slice:
    """`code` to run first; `names` of the student with the cells that define each; and names of which nobody knows."""

    code: str
    names: dict[str, tuple[str, ...]]
    unknown: frozenset[str]


@dataclass
class _Walked:
    taken: list[Piece] = field(default_factory=list)
    found: dict[str, list[str]] = field(default_factory=dict)  # the student's names, with the cells that bind them
    later: set[str] = field(default_factory=set)  # what functions among the taken read


def pieces(tree: ast.Module, cell: str, student: bool) -> list[Piece]:
    """The statements of a cell, in order."""
    return [Piece(node, effects(node), cell, student) for node in tree.body]


def slice_for(body: list[ast.stmt], before: Sequence[Piece], where: str) -> Slice:
    """What the statements `body` of the test cell `where` need of the pieces `before` them.

    Raises `LessonError` where a name is the instructor's first and the student's later, and both are needed.
    """
    reads, later, own = block_effects(body)
    walked = _fixed(reads, later, before, where)
    needed = reads.union(later, *(piece.effects.reads for piece in walked.taken))
    bound = own.union(KNOWN, walked.found, *(piece.effects.binds for piece in walked.taken))
    unknown = frozenset() if any(piece.star for piece in before) else frozenset(needed - bound)
    cells = {name: tuple(cells[::-1]) for name, cells in walked.found.items()}
    order = [name for piece in before for name in sorted(piece.effects.binds | piece.effects.changes)]
    return Slice(_code(walked.taken, before), {name: cells[name] for name in order if name in cells}, unknown)


def given_for(body: list[ast.stmt], before: Sequence[Piece]) -> str:
    """What the statements `body` of a solution may use of the instructor's cells; nothing that takes an answer."""
    theirs = _theirs(before)
    own = [piece for piece in before if not piece.student and not piece.effects.reads & theirs]
    reads, later, _ = block_effects(body)
    return _code(_fixed(reads, later, own, "").taken, own)


def _theirs(before: Iterable[Piece]) -> set[str]:
    return {name for piece in before if piece.student and not piece.imports for name in piece.effects.binds}


def _fixed(reads: set[str], later: set[str], before: Sequence[Piece], where: str) -> _Walked:
    """Walk until no function brings a new name: what a function reads is wanted wherever it stands."""
    always = set(later)
    while True:
        walked = _walk(reads, always, before, where)
        if walked.later <= always:
            return walked
        always |= walked.later


def _walk(reads: set[str], always: set[str], before: Sequence[Piece], where: str) -> _Walked:
    walked, live, settled = _Walked(), set(reads), set()
    read_early: dict[str, str] = {}  # a name of the student's that an instructor's cell before it reads
    theirs = _theirs(before)
    imported = {name for piece in before if piece.imports for name in piece.effects.binds}
    functions = {name: piece.effects for piece in before if not piece.student for name in piece.effects.binds}
    for piece in reversed(before):
        does = piece.effects
        need = (live | always) - settled
        for name in sorted(does.binds & set(read_early)):
            raise LessonError(
                f"{where} needs {name} as a student defines it, and {read_early[name]} needs {name} as it was before, "
                f"from {piece.cell}: give one of them another name."
            )
        if piece.student and not piece.imports:
            hits = (does.binds | does.changes) & need
            for name in hits:
                if piece.cell not in walked.found.setdefault(name, []):
                    walked.found[name].append(piece.cell)
            settled |= (hits & does.surely) - does.reads
            continue
        need -= set(walked.found)
        if not (does.binds & need or piece.star or _changes(piece, need, functions, theirs, imported)):
            continue
        walked.taken.insert(0, piece)
        walked.later |= does.later
        live = (live - does.surely) | does.reads
        read_early |= dict.fromkeys(does.reads & set(walked.found), piece.cell)
    return walked


def _changes(
    piece: Piece, need: set[str], functions: dict[str, Effects], theirs: set[str], imported: set[str]
) -> set[str]:
    """The needed names whose object this statement of the instructor's changes, or may change."""
    does = piece.effects
    changed = does.changes & need
    if not _is_setting(piece.node):
        changed -= imported  # `torch.nn.init.zeros_(w)` changes w, and nothing in torch
    if does.calls and does.calls[0] in functions:
        function, arguments = functions[does.calls[0]], does.calls[1]
        changed |= (function.alters | (arguments if function.alters_arguments else frozenset())) & need
    perhaps = (does.may_change & need) - imported
    # `ages.apply(answer)` shows something; it must not make this test wait for another answer
    return changed if does.reads & (theirs - perhaps) else changed | perhaps


def _is_setting(node: ast.stmt) -> bool:
    """Whether a statement sets something in a module: a seed, an option, an attribute."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and _SETTING.fullmatch(part.func.attr):
            return True
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store):
            return True
    return False


def _code(taken: Iterable[Piece], before: Iterable[Piece]) -> str:
    """The statements as source; `from __future__` goes first."""
    nodes = [piece.node for piece in taken if getattr(piece.node, "module", "") != "__future__"]
    # `assert c.add(1) == 1` of an earlier test changes c, and fails that test only
    lines = [ast.unparse(ast.Expr(node.test) if isinstance(node, ast.Assert) else node) for node in nodes]
    future = [ast.unparse(piece.node) for piece in before if getattr(piece.node, "module", "") == "__future__"]
    return "\n".join([*dict.fromkeys(future), *lines]) if lines else ""
