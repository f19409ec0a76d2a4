"""Parsing code that somebody handed in, without running it and without being ended by it.

`ast.parse` turns most of what is too deep into an exception, but its stack and memory are those of this process. So a
text is first measured with a lexer. Short statements with little nesting are parsed here. Anything else (a table of a
thousand numbers, or an attack) is first parsed in a process of its own, with a limit on memory and time; only what
that process survives is parsed here too. A notebook has a budget of tokens and of such trials.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass

# Each alternative takes at least one character and none goes back over what it took: a scan is linear in the text.
# Strings that are not closed run to the end of their line, or of the text.
TOKEN = re.compile(
    r"""
    (?P<string>[bBfFrRtTuU]{0,3}(?:
        \"{3}[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+(?:\"{3}|\\?\Z)
      | '{3}[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+(?:'{3}|\\?\Z)
      | "[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(?:"|(?=\n)|\\?\Z)
      | '[^'\\\n]*+(?:\\.[^'\\\n]*+)*+(?:'|(?=\n)|\\?\Z)))
  | (?P<name>\w+)
  | (?P<space>[^\S\n]+|\\\n)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_FORMATTED = re.compile(r"[bBrRuU]{0,2}[fFtT]")

# What is parsed here without a trial: brackets in brackets, tokens of one statement's line, `elif` and the like.
PLAIN_DEPTH, PLAIN_LINE, PLAIN_BRANCHES = 30, 400, 50
DEEPEST = 100  # brackets in brackets, at most
CHARACTERS = 1_000_000  # of a cell, at most
_TRIAL = """
import ast, sys, warnings
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass
warnings.simplefilter("ignore")
ast.parse(sys.stdin.buffer.read().decode())
print("parsed")
"""


@dataclass(frozen=True)
class Measure:
    """Of a text: tokens (spaces too), deepest brackets, tokens in the longest logical line, and branches (`elif`)."""

    tokens: int
    depth: int
    line: int
    branches: int

    @property
    def plain(self) -> bool:
        """Whether it can be parsed here at once."""
        return self.depth <= PLAIN_DEPTH and self.line <= PLAIN_LINE and self.branches <= PLAIN_BRANCHES


def measure(code: str, most: int) -> Measure:
    """Measure a text, in time linear in its length; it ends where there are over `most` tokens.

    Where strings hold code, the figures are too high rather than too low.
    """
    tokens = depth = deepest = line = longest = branches = 0
    for token in TOKEN.finditer(code):
        kind = token.lastgroup
        tokens += 1
        if tokens > most:
            break
        if kind == "space" or kind == "comment":
            continue
        if kind == "newline":
            if depth <= 0:
                line = 0
            continue
        line += 1
        if kind == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "name":
            branches += token[0] in ("elif", "case", "except")
        elif kind == "string" and _FORMATTED.match(token[0]):
            size = len(token[0])  # code within: counted by its characters
            tokens, line = tokens + size // 4, line + size // 4
            deepest = max(deepest, depth + sum(map(token[0].count, "([{")))
            if code[token.end() : token.end() + 1] not in ("", "\n", " ", ",", ")", "]", "}", ".", ":", ";"):
                deepest = max(deepest, PLAIN_DEPTH + 1)  # perhaps quotes within quotes (3.12): let a trial say
        longest = max(longest, line)
    return Measure(tokens, deepest, longest, branches)


class Parser:
    """Parses the cells of one notebook. What it spends at most, all cells together: `tokens` in cells as they are,
    `spare` tokens in pieces of broken cells, and `trials` in `seconds`.

    A lesson has 20 000 tokens, spaces and line ends among them.
    """

    def __init__(self, tokens: int = 200_000, spare: int = 60_000, trials: int = 12, seconds: float = 8.0):
        self.tokens, self.spare, self.trials, self.seconds = tokens, spare, trials, seconds
        self._measured: tuple[str, Measure] | None = None

    def affords(self, code: str) -> bool:
        """Whether `code` is little enough to be parsed."""
        if len(code) > CHARACTERS:
            return False
        self._measured = code, measure(code, self.tokens)
        return self._measured[1].tokens <= self.tokens

    def parse(self, code: str, piece: bool = False) -> list[ast.stmt] | None:
        """The statements of `code`, or None where it has a syntax error or is more than can be parsed."""
        left = self.spare if piece else self.tokens
        known = self._measured is not None and self._measured[0] is code
        size = self._measured[1] if known else measure(code, left)
        if size.tokens > left:
            return None
        if piece:
            self.spare -= size.tokens
        else:
            self.tokens -= size.tokens
        if size.depth > DEEPEST:
            return None
        if not size.plain and not self._survives(code):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the student's code, such as "\d"
                return ast.parse(code).body
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None

    def _survives(self, code: str) -> bool:
        """Whether a process of its own parses `code`."""
        if self.trials <= 0 or self.seconds <= 0 or not sys.executable:
            return False
        self.trials -= 1
        begun = time.perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _TRIAL],
                input=code.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self.seconds,
                env={name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ},
                check=False,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return False
        finally:
            self.seconds -= time.perf_counter() - begun
        return done.returncode == 0 and done.stdout.startswith(b"parsed")


def logical_end(text: str, start: int) -> int:
    """Where the logical line that begins at `start` ends: with the lines that brackets, strings and `\\` add to it."""
    depth = 0
    for token in TOKEN.finditer(text, start):
        if token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth = max(depth - 1, 0)
        elif token.lastgroup == "newline" and depth == 0:
            return token.end()
    return len(text)
