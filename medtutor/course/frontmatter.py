"""The front matter of a lesson: a TOML block in comments at the top of `notebooks/NN_slug.py`.

    # /// lesson
    # number = 3
    # title = "Convolutional networks"
    # ...
    # [budget.smoke]
    # seeds = [0]
    # ///

A field that is missing, unknown or of the wrong kind is a `LessonError` that names the file and the field.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medtutor import resources
from medtutor.errors import LessonError, UnknownNameError, unknown

BUDGETS = ("smoke", "laptop", "gpu")
KINDS = ("real", "sample")  # of images: bounds differ, because a drawn picture is easier to learn
BEGIN, END = "# /// lesson", "# ///"
FILE_NAME = re.compile(r"(\d\d)_([a-z0-9]+(?:_[a-z0-9]+)*)\.py")


@dataclass(frozen=True)
class Lesson:
    """One lesson. `budgets` is budget to its values; `bounds` is budget to "real" or "sample" to metric to lower bound.

    `slug` comes from the file name; `packages` are names to import that medtutor itself does not need.
    """

    number: int
    slug: str
    title: str
    goals: tuple[str, ...]
    minutes: int
    optional_minutes: int
    data: tuple[str, ...]
    needs: tuple[str, ...]
    packages: tuple[str, ...]
    budgets: Mapping[str, Mapping[str, Any]]
    bounds: Mapping[str, Mapping[str, Mapping[str, float]]]
    path: Path

    def __str__(self) -> str:
        return f"Lesson {self.number}, {self.title}"


# Each check returns the value or raises ValueError with what is expected.


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not empty")
    return value.strip()


def _whole(least: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"a whole number of at least {least}")
        return value

    return check


def _texts(least: int, check: Callable[[Any], str] = _text) -> Callable[[Any], tuple[str, ...]]:
    def checked(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < least or len(set(map(str, value))) < len(value):
            raise ValueError(f"a list of texts, at least {least}, none twice")
        return tuple(check(item) for item in value)

    return checked


def _set_name(value: Any) -> str:
    from medtutor.data.cards import card

    try:
        return card(_text(value)).name
    except UnknownNameError as error:
        raise ValueError(f"names of data sets ({error})") from None


def _import_name(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError('names that can be imported, such as "sklearn"')
    return value


def _budgets(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or sorted(value) != sorted(BUDGETS):
        raise ValueError(f"three tables [budget.NAME], for {', '.join(BUDGETS)}")
    keys = {name: list(table) if isinstance(table, dict) else [] for name, table in value.items()}
    for name, table in value.items():
        seeds = table.get("seeds") if isinstance(table, dict) else None
        if not isinstance(seeds, list) or not seeds or len(set(map(str, seeds))) < len(seeds):
            raise ValueError(f"tables with a list of seeds, none twice (look at [budget.{name}])")
        for seed in seeds:
            _whole(0)(seed)
        odd = sorted(set(keys[name]) ^ set(keys["smoke"]))
        if odd:
            raise ValueError(f"tables with the same keys in every budget; {odd[0]!r} is not in all of them")
        for key in table:
            if not key.isidentifier() or key.startswith("_") or key == "name":
                raise ValueError(f"tables whose keys can follow `budget.`, and {key!r} cannot")
    if len(value["smoke"]["seeds"]) != 1:
        raise ValueError("one seed in [budget.smoke]")
    return MappingProxyType({name: MappingProxyType(_frozen(value[name])) for name in BUDGETS})


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _bounds(value: Any) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    if not isinstance(value, dict) or not set(value) <= set(BUDGETS):
        raise ValueError(f"tables [bounds.BUDGET.KIND] with a budget out of {', '.join(BUDGETS)}")
    for kinds in value.values():
        if not isinstance(kinds, dict) or not set(kinds) <= set(KINDS):
            raise ValueError(f"tables [bounds.BUDGET.KIND] with a kind out of {', '.join(KINDS)}")
        for bounds in kinds.values():
            if not isinstance(bounds, dict) or not bounds:
                raise ValueError("tables [bounds.BUDGET.KIND] with lower bounds, such as val_auc = 0.9")
            for metric, low in bounds.items():
                if not isinstance(low, int | float) or isinstance(low, bool):
                    raise ValueError(f"numbers, not {low!r} for {metric}")
                if metric.startswith("test"):
                    raise ValueError(f"bounds on validation: {metric} would turn the test set into a target")
    frozen = MappingProxyType
    return frozen({b: frozen({k: frozen(low) for k, low in kinds.items()}) for b, kinds in value.items()})


NEEDED = {
    "number": _whole(0),
    "title": _text,
    "goals": _texts(1),
    "minutes": _whole(1),
    "data": _texts(0, _set_name),
    "needs": _texts(0),
    "budget": _budgets,
}
OPTIONAL = {"optional_minutes": (_whole(0), 0), "packages": (_texts(0, _import_name), ()), "bounds": (_bounds, {})}


def split(source: str, name: str) -> tuple[str, str]:
    """The TOML of the front matter, and the source after it. `name` is the file's, for the `LessonError`."""
    lines = source.splitlines()
    if not lines or lines[0].rstrip() != BEGIN:
        raise LessonError(f"{name}: the first line should be {BEGIN!r}, the begin of the front matter.")
    ends = [i for i, line in enumerate(lines) if line.rstrip() == END]
    if not ends:
        raise LessonError(f"{name}: the front matter has no end; close it with a line {END!r}.")
    for number, line in enumerate(lines[1 : ends[0]], start=2):
        if line.rstrip() != "#" and not line.startswith("# "):
            raise LessonError(f"{name}, line {number}: every line of the front matter begins with '# ', got {line!r}.")
    return "\n".join(line[2:] for line in lines[1 : ends[0]]), "\n".join(lines[ends[0] + 1 :]).strip("\n") + "\n"


def read(path: str | Path) -> Lesson:
    """The lesson in `NN_slug.py`. Raises `LessonError` that names the file, the field and what is expected."""
    path = Path(path)
    match = FILE_NAME.fullmatch(path.name)
    if not match:
        raise LessonError(f"{path.name}: a lesson's file is named like 03_convolutional_networks.py.")
    try:
        table = tomllib.loads(split(path.read_text(encoding="utf-8"), path.name)[0])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LessonError(f"{path.name}: the front matter is not valid TOML: {error}.") from None
    known = {**NEEDED, **{key: check for key, (check, _) in OPTIONAL.items()}}
    fields: dict[str, Any] = {key: default for key, (_, default) in OPTIONAL.items()}
    for key in table:
        if key not in known:
            raise LessonError(f"{path.name}: the field {key} is unknown; known: {', '.join(known)}.")
    for key in NEEDED:
        if key not in table:
            raise LessonError(f"{path.name}: the field {key} is missing; add it.")
    for key, value in table.items():
        try:
            fields[key] = known[key](value)
        except ValueError as error:
            raise LessonError(f"{path.name}: {key} should be {error}; got {value!r}.") from None
    if fields["number"] != int(match[1]):
        raise LessonError(f"{path.name}: number should be {int(match[1])} like the file, got {fields['number']}.")
    budgets = fields.pop("budget")
    return Lesson(**fields, budgets=budgets, slug=match[2], path=path)


@cache
def _read_once(path: Path, changed: int) -> Lesson:
    return read(path)


def lessons_folder() -> Path:
    """Where the lessons lie: the folder that MEDTUTOR_LESSONS names (your own lessons), else this installation's."""
    own = os.environ.get("MEDTUTOR_LESSONS")
    if own and not Path(own).is_dir():
        raise LessonError(f"MEDTUTOR_LESSONS names {own!r}, which is no folder; correct it or leave it out.")
    return Path(own).absolute() if own else resources.folder("notebooks")


def lessons() -> list[Lesson]:
    """All lessons of `lessons_folder()`, sorted by number. Raises `LessonError`."""
    files = sorted(lessons_folder().glob("[0-9][0-9]_*.py"))
    found = [_read_once(path, path.stat().st_mtime_ns) for path in files]
    for before, after in pairwise(found):
        if before.number == after.number:
            raise LessonError(f"{before.path.name} and {after.path.name} have the same number; give one another.")
    return found


def lesson(which: int | str) -> Lesson:
    """The lesson of a number (3, "03") or a slug ("convolutional_networks").

    Raises `UnknownNameError` with the nearest slug.
    """
    known = lessons()
    wanted = str(which).strip().lower().replace("-", "_")
    wanted = re.sub(r"^\d\d_(?=\D)|\.(py|ipynb)$", "", wanted)
    for one in known:
        if wanted == one.slug or (wanted.isdecimal() and int(wanted) == one.number):
            return one
    if not known:
        raise UnknownNameError(f"There is no lesson {which!r}: this installation holds no lessons.")
    names = [str(one.number) for one in known] if wanted.isdecimal() else [one.slug for one in known]
    raise unknown("lesson", which, names, "`medtutor lessons` lists them.")
