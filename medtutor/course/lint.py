"""`medtutor lint`: what a lesson's source must not have (faults), and how it reads (its rhythm, a report)."""

from __future__ import annotations

import ast
import re
import statistics
from itertools import pairwise

import jupytext

from medtutor.course import frontmatter
from medtutor.course.exercise_cells import ids
from medtutor.course.frontmatter import Lesson

# Guide: median of at most 8 lines a code cell, 9 of 10 at most 20, none over 35, 8 words of prose for a line of code.
LONGEST = 35


def faults(lesson: Lesson) -> list[str]:
    """What has to be mended: headings out of order, figures and widgets without `alt`, magics, cells over 35 lines."""
    found = []
    cells = _cells(lesson)
    levels = [2]
    for kind, source in cells:
        if kind == "markdown":
            levels += [len(mark) for mark in re.findall(r"^(#+) ", source, re.MULTILINE)]
            found += [f"an image without alt text: {image}" for image in re.findall(r"!\[\s*\]\([^)]*\)", source)]
        else:
            found += _code_faults(source)
    if 1 in levels:
        found.append("a heading of level 1; the header card has the only one")
    found += [f"a heading of level {after} under one of level {before}" for before, after in pairwise(levels)
              if after > before + 1]  # fmt: skip
    marked = ids(lesson.path.read_text(encoding="utf-8"))
    found += [f"the exercise {id} is marked twice" for id in sorted({id for id in marked if marked.count(id) > 1})]
    return found


def rhythm(lesson: Lesson) -> dict[str, float]:
    """Numbers to hold against the lesson guide; exercises are not counted, which have prompts of their own."""
    cells = _cells(lesson)
    lines = [_lines(source) for kind, source in cells if kind == "code" and _lines(source)]
    words = sum(len(source.split()) for kind, source in cells if kind == "markdown")
    return {
        "markdown_cells": sum(kind == "markdown" for kind, _ in cells),
        "code_cells": len(lines),
        "median_lines": statistics.median(lines),
        "ninth_decile_lines": statistics.quantiles(lines, n=10)[-1],
        "longest": max(lines),
        "words_per_line": words / sum(lines),
    }


def _cells(lesson: Lesson) -> list[tuple[str, str]]:
    _, body = frontmatter.split(lesson.path.read_text(encoding="utf-8"), lesson.path.name)
    return [(cell.cell_type, cell.source) for cell in jupytext.reads(body, fmt="py:percent").cells]


def _lines(source: str) -> int:
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in source.splitlines())


def _code_faults(source: str) -> list[str]:
    magics = re.findall(r"^\s*([%!]\S+)", source, re.MULTILINE)
    if magics:
        return [f"the magic or shell command {magic}; say it in Python" for magic in magics]
    found = []
    if _lines(source) > LONGEST:
        found.append(f"a code cell of {_lines(source)} lines: {source.splitlines()[0]!r}")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        draws = called.startswith("figures.") or called.endswith(("Viewer", "Playground"))
        if draws and not any(keyword.arg == "alt" for keyword in node.keywords):
            found.append(f"{called} without alt=, the picture in words")
        if called.startswith(("plt.", "pyplot.")):
            found.append(f"{called}: draw with medtutor.figures, which describes what it draws")
    return found
