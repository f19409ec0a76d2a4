"""From the source of a code cell, as a notebook runs it, to statements of Python.

Magics, shell lines and questions to IPython are taken out, and nothing in a string is touched: a cell that is Python
as it stands is left as it is. Of a cell with a syntax error the parts that parse are kept, cut where a line begins
without indent, so that a stray line costs nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from medtutor.grading.parsing import Parser, logical_end

# Cell magics whose body is not for this notebook's Python: another language, another process, or a file.
_OTHER = re.compile(
    r"!|bash|sh|zsh|script|system|sx|cmd|powershell|perl|ruby|julia|R|python[23]?|pypy3?|cython|html|svg|latex|markdown|"
    r"javascript|js|writefile|file|sql|bigquery|ai|mermaid",
    re.IGNORECASE,
)
_CELL_MAGIC = re.compile(r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*%%([\w!]+)[^\n]*(?:\n|\Z)")
# A line that starts so is none of Python. A continued one takes its next lines with it.
_LINE = re.compile(
    r"""(?P<indent>[^\S\n]*)(?:
        (?P<assigned>\w[\w., \t]{0,200}=)[^\S\n]*+(?:!|%(?=[a-zA-Z_]))
      | %{1,2}(?P<timed>time|prun|memit)\b(?:[^\S\n]+-(?:[lsTD][^\S\n]+\S+|r[^\S\n]+\d+|[\w-]+))*(?P<code>[^\n]*)
      | %pylab\b(?P<pylab>)
      | [!?%]
      | [\w.*%]+[^\S\n]*\?{1,2}[^\S\n]*;?[^\S\n]*(?:\#[^\n]*)?(?=\n|\Z)
    )""",
    re.VERBOSE,
)
_TO_END = re.compile(r"(?:[^\n\\]|\\(?!\n)|\\\n)*+")
_PYLAB = "import numpy, matplotlib; import numpy as np; import matplotlib.pyplot as plt; from numpy import *"
_PROMPT = re.compile(r"^[^\S\n]*(?:>>>|\.\.\.|In[ ]?\[\d*\]:)(?:[ ]|$)", re.MULTILINE)
_GOES_ON = re.compile(r"[\s)\]}#@]|(?:elif|else|except|finally)\b")
STACKED = 5  # cell magics above each other
CHUNKS, JOINED = 300, 12  # of a broken cell: parts at most, and parts that are tried together


@dataclass(frozen=True)
class Part:
    """A statement at the top level of a cell, and its text."""

    node: ast.stmt
    text: str


@dataclass(frozen=True)
class CellCode:
    """What a code cell says in Python. `whole`: it parses; `changed`: lines that are no Python were taken out."""

    parts: tuple[Part, ...]
    text: str
    whole: bool
    changed: bool


def cell_code(source: str, parser: Parser) -> CellCode:
    """The statements of a code cell. Never raises; what cannot be used is left out."""
    text = source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    if not parser.affords(text):
        return CellCode((), text, False, False)
    nodes = parser.parse(text)
    if nodes is not None:
        return CellCode(tuple(_parts(nodes, text)), text, True, False)
    clean = _clean(text)
    if clean != text:
        nodes = parser.parse(clean)
        if nodes is not None:
            return CellCode(tuple(_parts(nodes, clean)), clean, True, True)
    return CellCode(tuple(_salvaged(clean, parser)), clean, False, clean != text)


def _clean(text: str) -> str:
    """The text without what only a notebook understands; empty for a cell in another language."""
    for _ in range(STACKED):
        magic = _CELL_MAGIC.match(text)
        if magic is None:
            break
        if _OTHER.fullmatch(magic[1]):
            return ""
        marks = "".join(line + "\n" for line in text[: magic.end()].split("\n") if line.lstrip().startswith("#"))
        text = marks + text[magic.end() :]
    if _PROMPT.match(text.lstrip("\n")):
        text = _PROMPT.sub("", text)
    return _lines(_dedented(text))


def _dedented(text: str) -> str:
    """Without the indent of the first line, as IPython takes it off."""
    first = re.search(r"^([ \t]*)[^\s#]", text, re.MULTILINE)
    if first is None or not first[1]:
        return text
    return "\n".join(line.removeprefix(first[1]) for line in text.split("\n"))


def _lines(text: str) -> str:
    """The text with `pass` (or the like) in place of each line that is none of Python."""
    made: list[str] = []
    at = 0
    while at < len(text):
        found = _LINE.match(text, at)
        end = _TO_END.match(text, at).end() if found else logical_end(text, at)
        if not found:
            made.append(text[at:end])
        elif found["assigned"]:
            made.append(f"{found['indent']}{found['assigned']} None")
        elif found["timed"]:
            made.append(found["indent"] + (text[found.start("code") : end].strip() or "pass"))
        else:
            made.append(found["indent"] + ("pass" if found["pylab"] is None else _PYLAB))
        if found and end < len(text):
            made.append("\n")
            end += 1
        at = end
    return "".join(made)


def _parts(nodes: list[ast.stmt], text: str) -> Iterator[Part]:
    """Each statement with its own text: decorators with it, comments around it without."""
    lines = text.split("\n")
    coded: dict[int, bytes] = {}  # offsets are in bytes
    before = 0  # the last line of the statement before
    for node in nodes:
        first, start = node.lineno, node.col_offset
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            start = 0
            first = next(
                (number for number in range(before + 1, node.lineno) if lines[number - 1].lstrip().startswith("@")),
                node.lineno,
            )
        before = node.end_lineno
        last = node.end_lineno
        for number in (first, last):
            if number not in coded:
                coded[number] = lines[number - 1].encode()
        if first == last:
            piece = coded[first][start : node.end_col_offset].decode()
        else:
            between = lines[first : last - 1]
            piece = "\n".join([coded[first][start:].decode(), *between, coded[last][: node.end_col_offset].decode()])
        yield Part(node, piece.lstrip(" \t\f"))


def _salvaged(text: str, parser: Parser) -> Iterator[Part]:
    """The statements of those parts of a broken cell that parse."""
    chunks: list[list[str]] = []
    after_decorator = False
    for line in text.split("\n"):
        goes_on = not line or (_GOES_ON.match(line) and not line.startswith("@"))
        if chunks and (goes_on or after_decorator):
            chunks[-1].append(line)
        else:
            chunks.append([line])
        if line.strip() and not goes_on:
            after_decorator = line.startswith("@")
    if len(chunks) > CHUNKS:
        return
    at = 0
    while at < len(chunks):
        for end in range(at + 1, min(at + JOINED, len(chunks)) + 1):  # a string may hold lines without indent
            piece = _lines("\n".join(line for chunk in chunks[at:end] for line in chunk))
            nodes = parser.parse(piece, piece=True)
            if nodes is not None:
                yield from _parts(nodes, piece)
                at = end
                break
        else:
            at += 1
