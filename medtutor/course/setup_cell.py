"""The setup cell that the builder puts into every notebook. A notebook travels alone, so it brings its own needs."""

from __future__ import annotations

import re
import textwrap
import tomllib
from importlib import metadata

import medtutor
from medtutor import resources
from medtutor.course.frontmatter import Lesson
from medtutor.errors import LessonError

REPOSITORY = "https://github.com/medtutor/medtutor"
IMPORT_NAMES = {"ipython": "IPython", "pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn"}

# Where PyTorch is there (Colab), what is installed stays as it is: a numpy that moves under a running notebook breaks
# it, and Colab has what the missing packages need in turn. Elsewhere pip has to find a set that fits together.
CELL = """\
# Setup, the same in every lesson: installs what is missing, and compares machine and lesson.
import importlib.util
import os
import subprocess
import sys

needed = {{
    "medtutor": os.environ.get("MEDTUTOR_WHEEL")
    or "medtutor @ {archive}",
{needed}
}}
missing = [needed[name] for name in needed if importlib.util.find_spec(name) is None]
if missing:
    # beside an installed PyTorch (as on Colab) nothing may change under this notebook
    flags = ["--no-deps"] if importlib.util.find_spec("torch") else []
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *flags, *missing], check=True)
    importlib.invalidate_caches()

import medtutor  # before torch: it sets the number of threads
from medtutor import answer, check, hint, progress, quiz, solution

budget = medtutor.start({number})"""


def tag() -> str:
    """The tag of the release that the notebooks belong to."""
    return f"v{medtutor.__version__}"


def setup_cell(lesson: Lesson) -> str:
    """The source of the setup cell. Raises `LessonError` for a package that no requirement of medtutor provides."""
    base, extra = requirements()
    needed = dict(base)
    for name in lesson.packages:
        if name not in base and name not in extra:
            raise LessonError(
                f"{lesson.path.name}: nothing in pyproject.toml provides the package {name}; add it there."
            )
        needed.setdefault(name, extra.get(name, ""))
    entries = ", ".join(f'"{name}":_"{requirement}"' for name, requirement in sorted(needed.items())) + ","
    lines = textwrap.wrap(entries, 96, break_long_words=False, break_on_hyphens=False)
    return CELL.format(
        archive=f"{REPOSITORY}/archive/refs/tags/{tag()}.zip",
        needed="\n".join(f"    {line}" for line in lines).replace(":_", ": "),
        number=lesson.number,
    )


def requirements() -> tuple[dict[str, str], dict[str, str]]:
    """Import name to requirement: what medtutor needs itself, and what its extras add.

    From pyproject.toml in a checkout, else from the installed package.
    """
    root = resources.checkout()
    if root:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        base = project["dependencies"]
        extra = [entry for entries in project["optional-dependencies"].values() for entry in entries]
    else:
        entries = metadata.requires("medtutor") or []
        base = [entry for entry in entries if "extra ==" not in entry]
        extra = [entry.split(";")[0].strip() for entry in entries if "extra ==" in entry]
    return _by_import_name(base), _by_import_name(entry for entry in extra if not entry.startswith("medtutor"))


def _by_import_name(entries) -> dict[str, str]:
    found = {}
    for entry in entries:
        name = re.match(r"[\w.-]+", entry).group().lower()
        found[IMPORT_NAMES.get(name, name.replace("-", "_"))] = entry
    return found
