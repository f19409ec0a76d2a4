"""The ES modules of the widgets, put together: anywidget sends the browser one module, ours are several small files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)


@cache
def module(name: str) -> str:
    """The text of `name`, such as "threshold.js", with all that it imports from its neighbours in front.

    The neighbours' names stand side by side then, so no two files may use one name at their top level.
    """
    parts: dict[str, str] = {}
    _gather(name, parts)
    own = parts.pop(name)
    others = [re.sub(r"^export ", "", text, flags=re.MULTILINE) for text in parts.values()]
    return "\n".join([*others, own])


@cache
def style() -> str:
    """The style sheet that all widgets share."""
    return (FOLDER / "widgets.css").read_text(encoding="utf-8")


def _gather(name: str, parts: dict[str, str]) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    for other in _IMPORT.findall(text):
        if other not in parts:
            _gather(other, parts)
    parts[name] = _IMPORT.sub("", text)
