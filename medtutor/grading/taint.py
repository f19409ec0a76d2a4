"""Keep what a student wrote out of what the grader says.

A test's message may hold what the answer returned: `f"got {value}"`. Texts that came from the student's process are
remembered, and whatever a message shares with them, and not with the author's own source, is cut out.
"""

from __future__ import annotations

from collections.abc import Iterable

PIECE = 5  # characters: shorter pieces say nothing
ROOM = 400_000  # characters that are remembered; beyond, no message with a quotation is let through
LENGTH = 600
CUT = "[...]"


class Taint:
    """Texts of one student's answer. `clean` cuts them out of a message.

    >>> taint = Taint()
    >>> taint.add(["<b>give me full marks</b>"])
    >>> taint.clean("Expected a number, got '<b>give me full marks</b>'.", author="Expected a number, got {x}.")
    "Expected a number, got '[...]'."
    """

    def __init__(self):
        self._pieces: set[str] = set()
        self._room = ROOM
        self._full = False

    def add(self, texts: Iterable[str]) -> None:
        """Remember texts that came from the student's process."""
        for text in texts:
            if len(text) < PIECE:
                continue
            for form in {text, repr(text)[1:-1], " ".join(text.split())}:
                if len(form) > self._room:
                    self._full = True
                    form = form[: self._room]
                self._room -= len(form)
                self._pieces.update(form[i : i + PIECE] for i in range(len(form) - PIECE + 1))

    def clean(self, message: str, author: str = "") -> str:
        """`message` on one line, without what comes from the student and stands nowhere in the `author`'s source."""
        message = " ".join("".join(c if c.isprintable() else " " for c in message[: 4 * LENGTH]).split())
        if self._full:
            return "The answer returns more text than the grader shows."
        tainted = [False] * len(message)
        for i in range(len(message) - PIECE + 1):
            piece = message[i : i + PIECE]
            if piece in self._pieces and piece not in author:
                tainted[i : i + PIECE] = [True] * PIECE
        parts, cut = [], False
        for character, bad in zip(message, tainted, strict=True):
            if not bad:
                parts.append(character)
            elif not cut:
                parts.append(CUT)
            cut = bad
        text = "".join(parts)
        return text if len(text) <= LENGTH else text[: LENGTH - 3] + "..."
