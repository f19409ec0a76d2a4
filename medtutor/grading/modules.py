"""Which modules the clean process imports before any answer runs: those that the instructor's own text names."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)
# The judge's own, and what nobody's answer needs; a student's process must not hold them.
_NEVER = (
    "medtutor.checks",
    "medtutor.grading",
    "medtutor.course",
    "medtutor.bench",
    "pytest",
    "hypothesis",
    "nbgrader",
)
ALWAYS = ("numpy",)


def modules_of(assignment: Path) -> list[str]:
    """Names of installed modules that a bundle's module, or an nbgrader source notebook, imports anywhere.

    The text is searched, not run. An optimizer of torch brings `torch._dynamo`, which takes seconds at first use.
    """
    text = _text(Path(assignment))
    found = dict.fromkeys(ALWAYS)
    for one, several in _IMPORT.findall(text):
        for name in [one] if one else several.split(","):
            name = name.split(" as ")[0].strip()
            if name and not name.startswith(_NEVER) and not name.startswith(".") and _installed(name):
                found[name] = None
    if "torch" in {name.partition(".")[0] for name in found}:
        found["torch"] = None
        if re.search(r"\boptim\b", text):
            found["torch._dynamo"] = None
    return list(found)


def _text(path: Path) -> str:
    if (path / "exercises.py").is_file():  # of a lesson; the notebook beside it trains and plots, which no answer needs
        return _text(path / "exercises.py")
    if path.is_dir():
        return "\n".join(_text(one) for one in sorted(path.iterdir()) if one.suffix in (".py", ".ipynb"))
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".ipynb":
            return text
        cells = json.loads(text).get("cells", [])
        return "\n".join("".join(cell.get("source", "")) for cell in cells if cell.get("cell_type") == "code")
    except (OSError, ValueError, AttributeError, TypeError):  # `bundle.load` says what is wrong with it
        return ""


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError, AttributeError):
        return False
