"""`medtutor build`: from `notebooks/NN_slug.py` to the `NN_slug.ipynb` that students open.

The same source gives the same bytes. A notebook holds no outputs and no widget state, and is never edited by hand.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

from medtutor.course import frontmatter
from medtutor.course.exercise_cells import KINDS, Cell, Parameters, expand, graded_cell
from medtutor.course.frontmatter import BUDGETS, Lesson
from medtutor.course.measured import measured, megabytes, seconds, write
from medtutor.course.setup_cell import REPOSITORY, setup_cell, tag
from medtutor.data.cards import card
from medtutor.errors import LessonError, unknown

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PLACES = {"smoke": "a short check", "laptop": "2 CPU cores, 2 GB", "gpu": "a CUDA GPU"}


def build(lesson: Lesson, kind: str = "student", parameters: Parameters | None = None) -> nbformat.NotebookNode:
    """A notebook of a lesson: header card, setup cell, and the cells of its source.

    `kind`: "student" (starters where the exercises are; this one is committed), "solution" (this one is run),
    "nbgrader" (a source notebook for nbgrader), or "graded" (for a class). `parameters`: exercise id to the values of
    a seeded exercise; without, the public ones. Raises `LessonError` where the source is no notebook.
    """
    if kind not in KINDS:
        raise unknown("kind of notebook", kind, KINDS)
    _, body = frontmatter.split(lesson.path.read_text(encoding="utf-8"), lesson.path.name)
    if body.strip() and not body.startswith("# %%"):
        raise LessonError(f"{lesson.path.name}: after the front matter comes a cell marker '# %%', not text.")
    cells = [
        nbformat.v4.new_markdown_cell(header(lesson), id="header"),
        nbformat.v4.new_code_cell(setup_cell(lesson), id="setup"),
    ]
    if kind == "graded":
        cells.append(nbformat.v4.new_code_cell(graded_cell(body, parameters).source, id="graded"))
    seen: Counter[str] = Counter()
    for cell in _cells(body, kind, lesson.path.name, parameters):
        # From the content, so that an edit elsewhere moves no id; equal cells are told apart by a count.
        key = f"{lesson.slug}\n{cell.kind}\n{cell.source}"
        seen[key] += 1
        name = hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:12]
        make = nbformat.v4.new_markdown_cell if cell.kind == "markdown" else nbformat.v4.new_code_cell
        cells.append(make(cell.source, id=name, metadata=dict(cell.metadata)))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise LessonError(f"{lesson.path.name} gives no valid notebook: {str(error).splitlines()[0]}") from error
    return notebook


def _cells(body: str, kind: str, where: str, parameters: Parameters | None) -> Iterator[Cell]:
    """The cells of a lesson's source, with prompt, answer and check in place of each line `# exercise: ID`."""
    for cell in jupytext.reads(body, fmt="py:percent").cells:
        expanded = expand(cell.source, kind, where, parameters) if cell.cell_type == "code" else None
        if expanded is not None:
            yield from expanded
        else:
            tags = cell.metadata.get("tags")
            yield Cell(cell.cell_type, cell.source, {"tags": tags} if tags else {})


def as_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """A notebook as it lies on disk: sorted keys, one space of indent, a newline at the end."""
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def notebook_path(lesson: Lesson) -> Path:
    """Where the built notebook of a lesson lies: beside its source."""
    return lesson.path.with_suffix(".ipynb")


def drift() -> dict[Path, bytes | None]:
    """What `write_all` would change: path to its content, or None for a notebook that has no source."""
    wanted = {notebook_path(one): as_bytes(build(one)) for one in frontmatter.lessons()}
    changed: dict[Path, bytes | None] = {
        path: content for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content
    }
    return changed | {
        path: None for path in sorted(frontmatter.lessons_folder().glob("[0-9][0-9]_*.ipynb")) if path not in wanted
    }


def write_all() -> dict[Path, bytes | None]:
    """Write every notebook that differs from its source, and return `drift`. One without source is left alone."""
    changed = drift()
    for path, content in changed.items():
        if content is not None:
            write(path, content)
    return changed


def write_to(folder: str | Path, kind: str) -> list[Path]:
    """Write the notebooks of one kind into `folder`, made where it is missing, and return their paths."""
    made = {Path(folder) / notebook_path(one).name: build(one, kind) for one in frontmatter.lessons()}
    for path, notebook in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, as_bytes(notebook))
    return list(made)


def header(lesson: Lesson) -> str:
    """The header card as markdown: what for, how long, which data, what it takes, and where it opens."""
    name = f"notebooks/{notebook_path(lesson).name}"
    colab = (
        f"https://colab.research.google.com/github/{REPOSITORY.removeprefix('https://github.com/')}/blob/{tag()}/{name}"
    )
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY.removeprefix('https://github.com/')}/{tag()}?labpath={name}"
    time = f"{lesson.minutes} minutes"
    if lesson.optional_minutes:
        time += f", and {lesson.optional_minutes} for the parts marked optional"
    return "\n".join(
        [
            f"# {lesson.number}. {lesson.title}",
            "",
            # links and not pictures: a lesson that is opened offline asks nobody for anything
            f"**[Open in Colab]({colab})** or **[Open in Binder]({binder})**",
            "",
            "**What you will be able to do**",
            "",
            *(f"- {goal}" for goal in lesson.goals),
            "",
            f"**Time:** {time}.",
            "",
            f"**Know first:** {'; '.join(lesson.needs) or 'nothing but Python'}.",
            "",
            f"**Data:** {'; '.join(_data(name) for name in lesson.data) or 'none'}.",
            "",
            "**What it takes.** The setup cell chooses a budget by your machine; the environment variable "
            "`MEDTUTOR_BUDGET` overrides it.",
            "",
            *_costs(lesson, measured(lesson.path.parent).get(lesson.slug, {})),
            "",
            "**Not for clinical use.** Nothing here is a medical device or medical advice.",
        ]
    )


def _data(name: str) -> str:
    one = card(name)
    first = next(iter(one.files.values()))
    size = megabytes(first.bytes / 1e6) if first.bytes else "size not stated"
    return f"[{one.title}]({one.homepage}), {size}, [{one.licence}]({one.licence_url})"


def _costs(lesson: Lesson, taken: dict) -> list[str]:
    rows = ["| budget | for | seeds | time | memory | GPU memory | measured on |", "|---|---|---|---|---|---|---|"]
    for name in BUDGETS:
        seeds = ", ".join(map(str, lesson.budgets[name]["seeds"]))
        if name in taken:
            one = taken[name]
            gpu = megabytes(one["gpu_peak_mb"]) if one["gpu_peak_mb"] else "none"
            where = f"{one['cores']} cores" if one["device"] == "cpu" else one["device"]
            cells = f"{seconds(one['wall_s'])} | {megabytes(one['peak_rss_mb'])} | {gpu} | {where}"
        else:
            cells = "not measured yet | not measured yet | not measured yet | "
        rows.append(f"| {name} | {PLACES[name]} | {seeds} | {cells} |")
    return rows
