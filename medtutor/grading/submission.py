"""What was handed in, before anything of it is trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in. `kind`: "code", "markdown" or "raw"; `index` its place in the notebook, from 0."""

    kind: str
    source: str
    index: int
    id: str = ""
    metadata: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook that could be read; `notes` say what was skipped or cut, each in a sentence."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Code that may answer a question: whole and alone (its imports, helpers and the answer itself).

    `how` it was found: "marker", "name", "metadata" or "cell id".
    """

    code: str
    how: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """One student's hand-in: the notebook file (None: missing), other files by name, when it came, and notes.

    `late_minutes` is what the learning platform's own export says, where it says so; None where it does not.
    """

    student: str
    notebook: Path | None
    files: dict[str, Path] = field(default_factory=dict)
    when: float | None = None  # seconds since 1970, of the file or of the platform's record
    late_minutes: float | None = None
    notes: tuple[str, ...] = ()
