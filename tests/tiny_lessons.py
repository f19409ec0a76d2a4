"""Lessons of a few cells for the tests of the course room."""

from __future__ import annotations

from pathlib import Path

FRONT = """\
number = 7
title = "A tiny lesson"
goals = ["add two numbers"]
minutes = 5
data = ["pneumoniamnist"]
needs = ["Python"]

[budget.smoke]
seeds = [0]
steps = 1

[budget.laptop]
seeds = [0, 1, 2]
steps = 2

[budget.gpu]
seeds = [0, 1, 2, 3, 4]
steps = 3

[bounds.smoke.real]
val_auc = 0.9

[bounds.smoke.sample]
val_auc = 0.8
"""
BODY = """\
# %% [markdown]
# ## The case
#
# One and one.

# %%
# a comment first
total = 1 + budget.steps

# %% tags=["optional"]
medtutor.record("val_auc", 0.95, 0.9, 0.99)
medtutor.record("test_auc", 0.9)
"""


def source(front: str = FRONT, body: str = BODY) -> str:
    """The text of a lesson from its TOML and its cells."""
    lines = ["# /// lesson", *(f"# {line}".rstrip() for line in front.splitlines()), "# ///", "", body]
    return "\n".join(lines)


def write(folder: Path, name: str = "07_tiny_lesson.py", front: str = FRONT, body: str = BODY) -> Path:
    """Write a lesson into `folder` and return its path."""
    path = folder / name
    path.write_text(source(front, body), encoding="utf-8")
    return path
