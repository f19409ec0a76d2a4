"""Finding the answer to each question in what was handed in, whatever happened to the notebook on the way.

In this order: a marker comment, the names that an answer has to define, nbgrader's metadata, the cell's id. Nothing is
run. An answer is the code that its names need (`closure.py`), not the cell; so cells that train or plot are not in it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medtutor.grading.assignment import Question
from medtutor.grading.cellcode import CellCode, Part, cell_code
from medtutor.grading.closure import Choice, Closures, TooMuch
from medtutor.grading.parsing import Parser
from medtutor.grading.program import STEPS, Statement
from medtutor.grading.scopes import facts
from medtutor.grading.starters import Starters, dump, is_stub, says_nothing
from medtutor.grading.starters import starters as handed_out
from medtutor.grading.submission import Answer, Cell, Notebook

CANDIDATES = 3
BROKEN_CHARACTERS = 100_000  # of a cell with a syntax error that is passed on, so that its author is told
_MARKER = re.compile(r"medtutor[ \t]*:[ \t]*([^\s'\"]+)", re.IGNORECASE)

MARKER_MISSING = "The marker comment of this question was missing; the answer was found by the name it defines."
MOVED = "The answer was found in another cell than the one that the question was asked in."
BY_METADATA = "The answer was found by the metadata of its cell."
BY_CELL_ID = "The answer was found by the id of its cell."
COPIED = "Several cells have the marker of this question."
LINES_OUT = "Magics, shell commands and the like were left out of the cell."
SALVAGED = "The cell has a syntax error; the parts of it that can be read were used."
BROKEN = "The cell has a syntax error."
SUPPLIED = "An import that the notebook lacks was supplied."
NAMELESS = "The cell does not define the name that is asked for."


@dataclass(frozen=True)
class _Read:
    """A code cell: what it says, and the places of its statements in the notebook."""

    cell: Cell
    code: CellCode
    markers: frozenset[str]
    places: range = range(0)


def find_answers(notebook: Notebook, questions: Sequence[Question]) -> dict[str, list[Answer]]:
    """Up to three candidates for each question, by its id, the best first; none where nothing was attempted.

    Never raises for anything in the notebook. Candidates differ in their code: cells that were copied, and what a
    helper's name means where the notebook binds it more than once.
    """
    starters = {question.id: handed_out(question.starters) for question in questions}
    known = frozenset().union(*(one.dumps for one in starters.values()))
    names = frozenset(name for one in starters.values() for name in (*one.functions, *one.values))
    cells, program = _read(notebook, known, names)
    return {question.id: _Search(question, starters[question.id], cells, program).answers() for question in questions}


def _read(notebook: Notebook, known: frozenset[str], names: frozenset[str]) -> tuple[list[_Read], Closures]:
    parser = Parser()
    codes: dict[int, CellCode] = {}
    code_cells = [cell for cell in notebook.cells if cell.kind == "code"]
    for at, cell in sorted(enumerate(code_cells), key=lambda item: len(item[1].source)):
        codes[at] = cell_code(cell.source, parser)  # the short ones first: one huge cell costs the others nothing
    statements: list[Statement] = []
    cells: list[_Read] = []
    for at, cell in enumerate(code_cells):
        first = len(statements)
        statements += [_statement(part, at, known, names) for part in codes[at].parts if not _is_main(part.node)]
        cells.append(_Read(cell, codes[at], _markers(cell.source), range(first, len(statements))))
    return cells, Closures(statements)


def _statement(part: Part, cell: int, known: frozenset[str], names: frozenset[str]) -> Statement:
    found = facts(part.node)
    starter = is_stub(part.node) or (not names.isdisjoint(found.binds) and dump(part.node) in known)
    return Statement(part.node, part.text, cell, found, starter)


def _markers(source: str) -> frozenset[str]:
    """The ids of the marker comments `# medtutor: <id>` in a cell."""
    return frozenset(
        found[1]
        for found in _MARKER.finditer(source)
        if source[max(found.start() - 40, 0) : found.start()].rstrip(" \t").endswith("#")
    )


def _is_main(node: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__":`, which is for scripts."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(isinstance(one, ast.Name) and one.id == "__name__" for one in (node.test.left, *node.test.comparators))
    )


class _Search:
    """The search for the answers to one question."""

    def __init__(self, question: Question, starters: Starters, cells: Sequence[_Read], program: Closures):
        self.question, self.starters, self.cells, self.program = question, starters, cells, program
        self.markers = frozenset((*question.markers, question.id))
        places = (place for name in question.names for place in program.defining(name))
        self.defining = frozenset(program.statements[place].cell for place in places)
        self.marked = [at for at, one in enumerate(cells) if one.markers & self.markers]

    def answers(self) -> list[Answer]:
        """The candidates, best first."""
        self.program.steps = STEPS
        found: dict[str, Answer] = {}
        for at, how, choice in self._tries():
            answer = self._answer(at, how, choice)
            if answer is not None and answer.code not in found:
                found[answer.code] = answer
            if len(found) == CANDIDATES:
                break
        if not found:
            found = {answer.code: answer for answer in self._last_resort()}
        return list(found.values())[:CANDIDATES]

    def _tries(self) -> Iterator[tuple[int, str, Choice]]:
        """Cells with how each was found and how to read it. Cells first: a second reading is for the rare case."""
        cells = list(self._ordered())
        yield from ((at, how, Choice()) for at, how in cells[:2])
        for choice in (Choice(nearest=True), Choice(nearest=True, changes=False)):
            yield from ((at, how, choice) for at, how in cells[:2])
        yield from ((at, how, Choice()) for at, how in cells[2:])

    def _ordered(self) -> Iterator[tuple[int, str]]:
        """The cells that may hold an answer, the best first; within a kind the last first."""
        seen: set[int] = set()
        fits = self._fits()
        ids = frozenset(self.question.cell_ids) - {""}
        kinds = [
            (self.marked, "marker"),
            ([at for at, fit in fits.items() if fit == 0], "name"),
            ([at for at, fit in fits.items() if fit == 1], "name"),
            ([at for at, one in enumerate(self.cells) if _grade_id(one.cell) in self.question.grade_ids], "metadata"),
            ([at for at, one in enumerate(self.cells) if one.cell.id in ids], "cell id"),
        ]
        for places, how in kinds:
            for at in reversed(places):
                if at not in seen and self._worked_on(at):
                    seen.add(at)
                    yield at, how

    def _worked_on(self, at: int) -> bool:
        """Whether the cell defines a name that is asked for, and not as it was handed out."""
        return at in self.defining if self.question.names else bool(self._roots(at))

    def _fits(self) -> dict[int, int]:
        """How well cells fit by what they define, marked or not: 0 as asked for, 1 perhaps; no others fit.

        Where a function is asked for, a lesson may well use its name in a loop, for something else.
        """
        found: dict[int, int] = {}
        for name in self.question.names:
            for place in self.program.defining(name):
                one = self.program.statements[place]
                if one.makes(name) or name in self.starters.values - self.starters.functions:
                    found[one.cell] = 0
                elif name not in self.starters.functions or self.program.may_be_called(one.node):
                    found.setdefault(one.cell, 1)
        return dict(sorted(found.items()))

    def _roots(self, at: int) -> list[int]:
        """Where no name is asked for, the cell as a whole counts: its statements, but those that were handed out."""
        found = []
        for place in self.cells[at].places:
            one = self.program.statements[place]
            if not (one.starter or one.imports or says_nothing(one.node) or dump(one.node) in self.starters.dumps):
                found.append(place)
        return found

    def _answer(self, at: int, how: str, choice: Choice) -> Answer | None:
        one = self.cells[at]
        roots = [] if self.question.names else self._roots(at)
        try:
            closed = self.program.closure(roots, self.question.names, at, choice, self.starters.imports)
        except TooMuch:
            return None
        notes = list(self._how_found(at, how))
        if not one.code.whole:
            notes.append(SALVAGED)
        elif one.code.changed:
            notes.append(LINES_OUT)
        if closed.supplied:
            notes.append(SUPPLIED)
        return Answer(closed.code, how, tuple(notes))

    def _how_found(self, at: int, how: str) -> Iterable[str]:
        if how == "marker":
            return [COPIED] if len(self.marked) > 1 else []
        if how == "name":
            if self.marked:
                return [MOVED]
            return [MARKER_MISSING] if self.question.markers else []
        return [BY_METADATA if how == "metadata" else BY_CELL_ID]

    def _last_resort(self) -> Iterator[Answer]:
        """What says to its author why there is no mark: a cell that cannot be read, or that defines another name."""
        for at, how in self._asked_in():
            one = self.cells[at]
            own = [self.program.statements[place] for place in one.places]
            text = one.code.text
            if not one.code.whole and 0 < len(text) <= BROKEN_CHARACTERS:
                yield Answer(text, how, (BROKEN,))
            elif any(part.facts.binds and not part.imports and not part.starter for part in own):
                roots = [place for place in one.places if self.program.statements[place].facts.binds]
                try:
                    closed = self.program.closure(roots, (), at, Choice(), self.starters.imports)
                except TooMuch:
                    continue
                yield Answer(closed.code, how, (NAMELESS,))

    def _asked_in(self) -> Iterator[tuple[int, str]]:
        """Cells that the question was asked in, and broken ones that look as if they defined a name."""
        names = "|".join(map(re.escape, self.question.names))
        makes = re.compile(rf"^(?:(?:async[ \t]+)?def|class)[ \t]+(?:{names})\b|^(?:{names})[ \t]*=", re.MULTILINE)
        for at in reversed(range(len(self.cells))):
            one = self.cells[at]
            if at in self.marked:
                yield at, "marker"
            elif _grade_id(one.cell) in self.question.grade_ids:
                yield at, "metadata"
            elif one.cell.id and one.cell.id in self.question.cell_ids:
                yield at, "cell id"
            elif not one.code.whole and any(name in one.code.text for name in self.question.names):
                yield from [(at, "name")] if makes.search(one.code.text) else []


def _grade_id(cell: Cell) -> str | None:
    nbgrader = cell.metadata.get("nbgrader") if isinstance(cell.metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) else None
