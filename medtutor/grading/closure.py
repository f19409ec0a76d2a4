"""The code that a name needs, out of a whole notebook: the statements that make it, and all that those need in turn.

Cells that only train, plot, print or read files are not part of it, because nothing that is needed comes from them.
Nothing is run. A statement keeps its own text, and statements keep the order of the notebook, except that what is
needed when a statement runs is put before it (a cell may have been moved).
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medtutor.grading.program import Program, Statement, is_star

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__builtins__", "__class__"}
# For a name that nothing in the notebook binds: its cell was deleted after it had run.
USUAL = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "from torch.nn import functional as F",
    "math": "import math",
    "random": "import random",
    "plt": "from matplotlib import pyplot as plt",
    "pd": "import pandas as pd",
    "display": "def display(*objects, **options): pass",
    "get_ipython": "def get_ipython(): return None",
}


@dataclass(frozen=True)
class Closed:
    """`code` that stands alone, and the names in it that were supplied because the notebook no longer imports them."""

    code: str
    supplied: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """Which binding of several a function sees when it is called. `nearest`: the last one above the answer, as when
    the answer was checked where it stands; else the last of the notebook. `changes`: later changes count."""

    nearest: bool = False
    changes: bool = True


class TooMuch(Exception):
    """The notebook's statements hang together in more ways than are followed."""


@dataclass
class _Needs:
    """What was found so far. `before`: what stands below a statement and has to go above it; `aliases`: what of an
    import; `final`: what `_final` found."""

    taken: set[int] = field(default_factory=set)
    todo: list[int] = field(default_factory=list)
    before: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    aliases: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    unknown: dict[str, None] = field(default_factory=dict)
    final: dict[str, list[int]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


class Closures(Program):
    """A program, and the code that its names need."""

    def closure(
        self, roots: Iterable[int], names: Iterable[str], cell: int, choice: Choice, given: Mapping[str, str]
    ) -> Closed:
        """The code of the statements `roots` and of `names` as the answer in `cell` means them, with all they need.

        `given` are imports of what was handed out, by name, for names that the notebook no longer binds. Raises
        `TooMuch` where `steps` are spent.
        """
        needs = _Needs()
        for root in roots:
            self._take(root, needs)
        for name in names:
            for at in self._final(name, cell, choice, needs):
                self._take(at, needs, name)
        while needs.todo:
            at = needs.todo.pop()
            one = self.statements[at]
            for name in one.facts.now:
                for found in self._known(self._seen_from(name, at), name, needs):
                    if found > at:
                        needs.before[at].add(found)
                    self._take(found, needs, name)
            for name in one.facts.later:
                for found in self._known(self._final(name, cell, choice, needs), name, needs):
                    if found > at and self.statements[found].imports:
                        needs.before[at].add(found)
                    self._take(found, needs, name)
            for name in one.facts.hints:
                for found in self._final(name, cell, choice, needs):
                    if isinstance(self.statements[found].node, ast.ClassDef | ast.Import | ast.ImportFrom):
                        self._take(found, needs, name)
        return self._written(needs, given)

    def _known(self, found: list[int], name: str, needs: _Needs) -> list[int]:
        self.steps -= len(found) + 1
        if self.steps < 0:
            raise TooMuch
        if not found and name not in BUILTINS:
            needs.unknown[name] = None
        return found

    def _take(self, at: int, needs: _Needs, name: str = "") -> None:
        needs.aliases[at].add(name)
        if at not in needs.taken:
            needs.taken.add(at)
            needs.todo.append(at)
        if name and name not in needs.packages and isinstance(self.statements[at].node, ast.Import):
            needs.packages.add(name)
            for other in self.sure.get(name, ()):  # `import a.b` and `import a.c` together make `a`
                if isinstance(self.statements[other].node, ast.Import):
                    needs.taken.add(other)
                    needs.aliases[other].add(name)

    def _seen_from(self, name: str, at: int) -> list[int]:
        """The statements that make `name` as the statement `at` finds it when it runs."""
        for places in (self.worked_on.get(name), self.sure.get(name), self.maybe.get(name)):
            if places and (place := bisect_left(places, at)):
                return self._with_changes(name, places[place - 1], at, Choice())
        if name in BUILTINS:
            return []
        for places in (self.sure.get(name), self.maybe.get(name)):  # the cell was moved up
            place = bisect_right(places, at) if places else 0
            if places and place < len(places):
                return [places[place]]
        return []

    def _final(self, name: str, cell: int, choice: Choice, needs: _Needs) -> list[int]:
        """The statements that make `name` as a function finds it that is called at the end."""
        if name not in needs.final:
            start = self._final_start(name, cell, choice)
            needs.final[name] = [] if start is None else self._with_changes(name, start, None, choice)
        return needs.final[name]

    def _final_start(self, name: str, cell: int, choice: Choice) -> int | None:
        every = [self.worked_on.get(name, []), self.sure.get(name, []), self.maybe.get(name, [])]
        for places in (every[0], every[2]):
            own = [at for at in places if self.statements[at].cell == cell and not self.statements[at].starter]
            if own:
                return own[-1]
        for places in every:
            above = [at for at in places if self.statements[at].cell <= cell]
            if name in BUILTINS:  # bound by accident, further down
                places = above
            if places:
                return (above[-1] if above else places[0]) if choice.nearest else places[-1]
        return None

    def _with_changes(self, name: str, start: int, end: int | None, choice: Choice) -> list[int]:
        """`start`, and what changes `name` after it and before `end` or until it is bound anew."""
        if self.statements[start].imports:
            return [start]
        stop = len(self.statements) if end is None else end
        again = self.worked_on.get(name, [])
        place = bisect_right(again, start)
        if place < len(again):
            stop = min(stop, again[place])
        cell = self.statements[start].cell
        found = [start]
        for places, branches in ((self.changed.get(name, []), False), (self.maybe.get(name, []), True)):
            for at in places[bisect_right(places, start) : bisect_left(places, stop)]:
                one = self.statements[at]
                if one.cell == cell or (choice.changes and not (branches and one.facts.loops)):
                    found.append(at)
        return found

    # writing ----------------------------------------------------------------------------------------------------

    def _written(self, needs: _Needs, given: Mapping[str, str]) -> Closed:
        supplied = {name: given.get(name) or USUAL.get(name, "") for name in needs.unknown}
        supplied = {name: text for name, text in supplied.items() if text}
        if needs.unknown:
            needs.taken.update(self.stars)
        lines = self._futures() + list(dict.fromkeys(supplied.values()))
        for at in self._order(needs):
            text = _text(self.statements[at], needs.aliases[at])
            if text:
                lines.append(text)
        imports = (name for name in supplied if not supplied[name].startswith("def "))
        return Closed("\n".join(lines) + "\n", tuple(imports))

    def _futures(self) -> list[str]:
        """`from __future__ import annotations` counts for all cells, so it goes first; others say nothing today."""
        nodes = (one.node for one in self.statements if isinstance(one.node, ast.ImportFrom))
        names = (alias.name for node in nodes if node.module == "__future__" for alias in node.names)
        return ["from __future__ import annotations"] if "annotations" in names else []

    def _order(self, needs: _Needs) -> list[int]:
        """The order of the notebook, but each statement after what it needs when it runs."""
        done: dict[int, None] = {}
        begun: set[int] = set()
        for first in sorted(needs.taken):
            waiting = [first]
            while waiting:
                at = waiting[-1]
                before = sorted(one for one in needs.before[at] if one not in done and one not in begun)
                begun.add(at)
                if before:
                    waiting += reversed(before)
                else:
                    waiting.pop()
                    done[at] = None
        return list(done)


def import_text(node: ast.Import | ast.ImportFrom, names: Iterable[str]) -> str:
    """The import of `names` only: another package in the same line need not be there."""
    names = set(names)
    wanted = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in names]
    listed = ", ".join(f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in wanted)
    if isinstance(node, ast.Import):
        return f"import {listed}" if listed else ""
    return f"from {'.' * node.level}{node.module or ''} import {listed}" if listed else ""


def _text(one: Statement, names: set[str]) -> str:
    if isinstance(one.node, ast.ImportFrom) and one.node.module == "__future__":
        return ""
    if one.imports and not is_star(one.node) and "" not in names:
        return import_text(one.node, names)
    if one.facts.waits:  # as a notebook does: the statement is made a coroutine, and waited for
        compiled = f"compile({one.text!r}, '<answer>', 'exec', {ast.PyCF_ALLOW_TOP_LEVEL_AWAIT})"
        return f"__import__('asyncio').run(eval({compiled}, globals()))"
    return one.text
