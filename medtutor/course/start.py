"""`start`: the last line of every setup cell. Chooses a budget and compares the machine with what the lesson takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import medtutor
from medtutor.course.frontmatter import BUDGETS, Lesson, lesson, lessons
from medtutor.course.machine import Machine, machine
from medtutor.course.measured import measured, megabytes, seconds
from medtutor.errors import unknown


class Budget:
    """How much a lesson may do here: `budget.name`, and what the front matter sets, such as `budget.seeds`.

    >>> budget = Budget("smoke", {"seeds": (0,), "epochs": 1})
    >>> budget.epochs
    1
    """

    def __init__(self, name: str, values: Mapping[str, Any]):
        self.__dict__.update(values, name=name)

    def __getattr__(self, key: str) -> Any:
        raise AttributeError(f"This lesson's budget has no {key!r}; it has {', '.join(sorted(self.__dict__))}.")

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"A budget is read-only; put the value into a name of your own: {key} = {value!r}.")

    def __repr__(self) -> str:
        return f"Budget({', '.join(f'{key}={value!r}' for key, value in self.__dict__.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Budget) and self.__dict__ == other.__dict__

    __hash__ = None


def start(number: int | str) -> Budget:
    """The budget of a lesson on this machine, after printing what the lesson takes beside what the machine has.

    The budget is the one named by MEDTUTOR_BUDGET, else "gpu" where there is one, else "laptop". Raises
    `UnknownNameError` for a lesson or a budget that does not exist.
    """
    one = lesson(number)
    name = _named_budget()
    here = machine()
    why = "because MEDTUTOR_BUDGET says so" if name else f"because {'a' if here.gpu else 'no'} GPU was found"
    name = name or ("gpu" if here.gpu else "laptop")
    print(comparison(one, name, why, here, measured(one.path.parent).get(one.slug, {}).get(name)))
    return Budget(name, one.budgets[name])


def choose_budget(name: str | None = None) -> str:
    """`name`, else MEDTUTOR_BUDGET, else "gpu" or "laptop" by the machine. Raises `UnknownNameError`."""
    return _known(name) or _named_budget() or ("gpu" if machine().gpu else "laptop")


def _named_budget() -> str | None:
    return _known(os.environ.get("MEDTUTOR_BUDGET", "").strip().lower())


def _known(name: str | None) -> str | None:
    if name and name not in BUDGETS:
        raise unknown("budget", name, BUDGETS, "Set MEDTUTOR_BUDGET to one of them, or leave it out.")
    return name or None


def comparison(one: Lesson, name: str, why: str, here: Machine, taken: dict[str, Any] | None) -> str:
    """What is here against what the lesson took when it was measured (`taken`, None: not yet), as lines of text."""
    seeds = one.budgets[name]["seeds"]
    lines = [f"{one}. Budget: {name}, {len(seeds)} seed{'s' * (len(seeds) > 1)}, {why}."]
    gpu = f"{here.gpu}, {megabytes(here.gpu_memory_mb)}" if here.gpu else "none"
    rows = [
        ("", "this machine", "this lesson"),
        ("cores", str(here.cores), f"measured on {taken['cores']}" if taken else "not measured yet"),
        ("memory", f"{megabytes(here.memory_free_mb)} free", _most(taken, "peak_rss_mb")),
        ("GPU", gpu, _most(taken, "gpu_peak_mb")),
        ("disk", f"{megabytes(here.disk_free_mb)} free", f"data: {', '.join(one.data) or 'none'}"),
        ("time", "", seconds(taken["wall_s"]) if taken else "not measured yet"),
    ]
    lines += [f"  {a:<8}{b:<34}{c}".rstrip() for a, b, c in rows]
    return "\n".join(lines + [f"Caution: {text}" for text in _short(name, here, taken)])


def _most(taken: dict[str, Any] | None, key: str) -> str:
    if taken is None:
        return "not measured yet"
    return f"at most {megabytes(taken[key])}" if taken.get(key) else "not used"


def _short(name: str, here: Machine, taken: dict[str, Any] | None) -> list[str]:
    """What this machine has too little of."""
    short = []
    if taken and here.memory_free_mb is not None and here.memory_free_mb < taken["peak_rss_mb"]:
        short.append("the lesson may run out of memory. Close other programs and notebooks, or take a smaller budget.")
    if taken and here.gpu_memory_mb and here.gpu_memory_mb < (taken.get("gpu_peak_mb") or 0):
        short.append("the GPU has less memory than the lesson took. Set MEDTUTOR_BUDGET=laptop before you start.")
    if name == "gpu" and not here.gpu:
        short.append("the gpu budget without a GPU takes hours. Set MEDTUTOR_BUDGET=laptop before you start.")
    if here.disk_free_mb is not None and here.disk_free_mb < 500:
        short.append("the disk is nearly full. Make room, or set MEDTUTOR_CACHE to a folder on another disk.")
    return short


def overview() -> list[tuple[str, str]]:
    """What this machine has and which budget the lessons choose here, as (what, text) rows."""
    from medtutor.data.fetch import cache_folder, data_folders

    here, name = machine(), choose_budget()
    rows = [
        ("medtutor", medtutor.__version__),
        ("Python", f"{sys.version.split()[0]}, {sys.executable}"),
        ("cores", str(here.cores)),
        ("memory", f"{megabytes(here.memory_free_mb)} free"),
        ("disk", f"{megabytes(here.disk_free_mb)} free"),
        ("GPU", f"{here.gpu}, {megabytes(here.gpu_memory_mb)}" if here.gpu else "none"),
        ("budget", f"{name} (another: set MEDTUTOR_BUDGET)"),
        ("data folders", ", ".join(map(str, data_folders())) or "none (set MEDTUTOR_DATA)"),
        ("cache", str(cache_folder())),
    ]
    for one in lessons():
        taken = measured(one.path.parent).get(one.slug, {}).get(name)
        text = f"takes {seconds(taken['wall_s'])} and {_most(taken, 'peak_rss_mb')}" if taken else "not measured yet"
        rows.append((f"lesson {one.number}", " ".join([text, *_short(name, here, taken)])))
    return rows
