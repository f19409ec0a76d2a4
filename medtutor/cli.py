"""The `medtutor` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import errno
import functools
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import medtutor
from medtutor import resources
from medtutor.errors import DataError, LessonError, MedtutorError
from medtutor.grading import commands

FIRST_LESSON = 1
HEADLESS_LESSON = 3

app = typer.Typer(
    help="Learn deep learning for medical images in notebooks. Not for clinical use.",
    epilog="Example: medtutor learn",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
bench_app = typer.Typer(
    help="The comparisons that the README quotes, measured here.",
    epilog="Example: medtutor bench classification pneumoniamnist --seeds 5",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(bench_app, name="bench")
_options = {"debug": False}


def _command(example: str, name: str | None = None, group: typer.Typer = app) -> Callable:
    """A command whose errors are one sentence on stderr, and whose help ends with an example."""

    def register(function: Callable) -> Callable:
        @functools.wraps(function)
        def told(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except (typer.Exit, typer.Abort, KeyboardInterrupt):
                raise
            except Exception as error:
                broken_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE  # `medtutor data | head`
                if _options["debug"] or broken_pipe:
                    raise
                _say(error)
                raise typer.Exit(1) from None

        group.command(name, epilog=f"Example: {example}")(told)
        return function

    return register


commands.add(_command)


def _say(error: Exception) -> None:
    text = " ".join(str(error).split())
    if not isinstance(error, MedtutorError):
        text = f"unexpected {type(error).__name__}: {text}. A bug: run again with `medtutor --debug`, report it."
    typer.echo(f"medtutor: {text}", err=True)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(medtutor.__version__)
        raise typer.Exit


@app.callback()
def _main(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    _options["debug"] = debug


@_command("medtutor learn")
def learn(
    headless: Annotated[bool, typer.Option("--headless", help="Run lesson 3 to its end and print its result.")] = False,
    browser: Annotated[bool, typer.Option(help="Open a browser; without, the address is printed.")] = True,
) -> None:
    """Fetch the first lesson's data and open JupyterLab on it."""
    from medtutor.course import lesson, lessons

    if headless:
        _run(lesson(HEADLESS_LESSON))
        return
    if importlib.util.find_spec("jupyterlab") is None:
        raise MedtutorError("JupyterLab is not installed; install it with: pip install 'medtutor[lab]'")
    known = lessons()
    if not known:
        raise LessonError("This installation holds no lessons; install medtutor again.")
    first = next((one for one in known if one.number == FIRST_LESSON), known[0])
    if first.data and _fetch(first.data):
        typer.echo("Going on without: lessons then use a small offline sample, which says that it is one.", err=True)
    notebook = _own_copy(first.path.with_suffix(".ipynb"))
    typer.echo(f"{first}: opening {notebook}")
    # by its address, not as a file to open: so the lesson also stands in the address that is printed
    address = f"--LabApp.default_url=/lab/tree/{notebook.name}"
    arguments = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}", address]
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # whoever runs this as root, as in a container, has decided so
    sys.stdout.flush()
    os.execv(sys.executable, arguments)


@_command("medtutor lessons")
def lessons() -> None:
    """List the lessons."""
    from medtutor.course import lessons

    rows = [("", "lesson", "title", "minutes", "data")]
    for one in lessons():
        rows.append((str(one.number), one.slug, one.title, str(one.minutes), ", ".join(one.data) or "none"))
    _print_table(rows)


@_command("medtutor run 3 --budget smoke")
def run(
    lesson: Annotated[str, typer.Argument(help="A number or a slug, as `medtutor lessons` lists them.")],
    budget: Annotated[str | None, typer.Option(help="smoke, laptop or gpu; chosen by the machine if left out.")] = None,
    json_to: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Keep the result in notebooks/measured.json.")] = False,
    notebook: Annotated[Path | None, typer.Option(help="Write the notebook with its outputs to this file.")] = None,
) -> None:
    """Run a lesson's notebook from top to bottom, and hold what it learnt against its bounds."""
    from medtutor.course import lesson as find_lesson

    _run(find_lesson(lesson), budget=budget, json_to=json_to, record=record, notebook_to=notebook)


@_command("medtutor data pneumoniamnist")
def data(name: Annotated[str | None, typer.Argument(help="A data set; all are listed if left out.")] = None) -> None:
    """List the data sets, or show the card of one and where it was found."""
    from medtutor.data.cards import card, cards
    from medtutor.data.fetch import find

    def where(one: Any, key: str) -> str:
        found = find(one, key)
        return f"{found.source}: {found.path}" if found else "not here yet"

    if name is None:
        rows = [("data set", "kind", "task", "images", "licence", "here")]
        for one in cards():
            here = [key for key in one.files if find(one, key)]
            count = str(sum(one.counts.values()))
            rows.append((one.name, one.kind, one.task, count, one.licence, ", ".join(here) or "-"))
        _print_table(rows)
        return
    one = card(name)
    typer.echo(one.summary())
    for key in one.files:
        typer.echo(f"{'here':<14}{key}: {where(one, key)}")


@_command("medtutor fetch --lesson 3 --to /media/usb")
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets, as `medtutor data` lists them.")] = None,
    lesson: Annotated[str | None, typer.Option(help="The data of this lesson, a number or a slug.")] = None,
    all_sets: Annotated[bool, typer.Option("--all", help="Every data set.")] = False,
    to: Annotated[Path | None, typer.Option(help="A folder, such as a USB stick, instead of the cache.")] = None,
    size: Annotated[list[str] | None, typer.Option(help="Of sets in several sizes, this one, such as 64.")] = None,
    every_size: Annotated[bool, typer.Option("--every-size", help="Of sets in several sizes, every one.")] = False,
) -> None:
    """Download data sets. What is there already is not downloaded again, and what was cut off goes on."""
    from medtutor.course import lesson as find_lesson
    from medtutor.data.cards import names as all_names

    if bool(names) + (lesson is not None) + all_sets != 1:
        raise DataError("Say what to fetch: names of data sets, or --lesson, or --all.")
    wanted = all_names() if all_sets else names or find_lesson(lesson).data
    if _fetch(wanted, by_hand_counts=bool(names), keys=size or None, to=to, every_size=every_size):
        raise typer.Exit(1)


@_command("medtutor check-machine", name="check-machine")
def check_machine() -> None:
    """Show what this machine has, and which budget the lessons choose here."""
    from medtutor.course.start import overview

    _print_table(overview())


@_command("medtutor bench classification pneumoniamnist --seeds 5 --json result.json", group=bench_app)
def classification(
    name: Annotated[str, typer.Argument(help="A data set of images.")],
    seeds: Annotated[int, typer.Option(help="How many trainings; three or more make a claim.")] = 5,
    size: Annotated[int, typer.Option(help="Size of the images in pixels.")] = 28,
    json_to: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Train the course's small network with its frozen defaults, and read the test set once per seed."""
    from medtutor import bench

    _benched(bench.classification(name, seeds=seeds, size=size), json_to)


@_command("medtutor bench reference pneumoniamnist --epochs 2", group=bench_app)
def reference(
    name: Annotated[str, typer.Argument(help="A data set of images.")],
    epochs: Annotated[int, typer.Option(help="How many of the published 100 epochs.")] = 1,
    size: Annotated[int, typer.Option(help="Size of the images in pixels.")] = 28,
    json_to: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Train the published ResNet-18 for a few epochs beside the course's small network and HOG + SVM."""
    from medtutor import bench

    _benched(bench.reference(name, epochs=epochs, size=size), json_to)


@_command("medtutor bench grading --students 40 --jobs 2", name="grading", group=bench_app)
def bench_grading(
    students: Annotated[int, typer.Option(help="How large the generated class is.")] = 40,
    jobs: Annotated[int, typer.Option(help="Submissions that medtutor grades at once.")] = 2,
    json_to: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Grade the same generated class with nbgrader and with medtutor, and print the ratio."""
    from medtutor.bench import grading

    _benched(grading.grading(students, jobs), json_to, grading.table)


@_command("medtutor build --check")
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a notebook differs.")] = False,
    kind: Annotated[str, typer.Option(help="student, solution or nbgrader (source notebooks for it).")] = "student",
    to: Annotated[Path | None, typer.Option(help="Write into this folder, not beside the sources.")] = None,
) -> None:
    """Build the notebooks from their sources."""
    _need_lab()
    from medtutor.course.build import drift, write_all, write_to

    if to is not None:
        typer.echo(f"built {', '.join(path.name for path in write_to(to, kind))} in {to}")
        return
    if kind != "student":
        raise LessonError(
            f"Only student notebooks lie beside their sources; name a folder for the {kind} ones: --to DIR."
        )

    changed = drift() if check else write_all()
    stray = [path.name for path, content in changed.items() if content is None]
    written = [path.name for path, content in changed.items() if content is not None]
    if check and written:
        raise LessonError(f"{', '.join(written)}: differs from its source; run medtutor build.")
    if stray:
        raise LessonError(f"{', '.join(stray)}: there is no lesson source beside it; remove it.")
    typer.echo(f"built {', '.join(written)}" if written else "every notebook equals its source")


@_command("medtutor lint 3")
def lint(lesson: Annotated[str | None, typer.Argument(help="A number or a slug; all if left out.")] = None) -> None:
    """Say what is wrong with a lesson's source, and how it reads beside the lesson guide."""
    _need_lab()
    from medtutor.course import lesson as find_lesson
    from medtutor.course import lessons as all_lessons
    from medtutor.course.lint import faults, rhythm

    rows = [("lesson", "text cells", "code cells", "median lines", "90 %", "longest", "words a line")]
    wrong = []
    for one in [find_lesson(lesson)] if lesson else all_lessons():
        wrong += [f"{one}: {fault}" for fault in faults(one)]
        rows.append((one.slug, *(f"{value:.0f}" for value in rhythm(one).values())))
    _print_table(rows)
    for fault in wrong:
        typer.echo(fault, err=True)
    if wrong:
        raise LessonError(f"{len(wrong)} fault{'s' * (len(wrong) > 1)} to mend, named above.")


def _run(one: Any, **settings: Any) -> None:
    """Run a lesson with a line for each cell on stderr, and print its table."""
    _need_lab()
    from medtutor.course.run import run, table

    def progress(i: int, n: int, line: str) -> None:
        typer.echo(f"cell {i} of {n}: {line[:80]}", err=True)

    typer.echo(table(one, run(one, progress=progress, **settings)))


def _need_lab() -> None:
    for name in ("jupytext", "nbformat", "nbclient", "ipykernel"):
        if importlib.util.find_spec(name) is None:
            raise MedtutorError(f"{name} is not installed; install it with: pip install 'medtutor[lab]'")


def _fetch(names: Any, by_hand_counts: bool = False, **settings: Any) -> int:
    """Fetch, say what happened to each file, and return how many failed.

    A set without a download, which has to be got by hand, is a failure only where it was asked for by its name.
    """
    from medtutor.data.cards import card
    from medtutor.data.fetch import fetch_many

    failed = 0
    for name, key, found in fetch_many(names, **settings):
        if isinstance(found, Exception):
            failed += by_hand_counts or bool(card(name).files[key].urls)
            _say(found)
        else:
            typer.echo("\n".join([f"{name} {key}: {found.source}, {found.path}", *found.notes]))
    return failed


def _own_copy(notebook: Path) -> Path:
    """The notebook of the checkout, or a copy in the current folder; a copy that is there already is the student's."""
    if not notebook.is_file():
        raise LessonError(f"{notebook.name} is missing; run medtutor build.")
    if resources.checkout():
        return notebook
    copy = Path.cwd() / notebook.name
    if not copy.exists():
        shutil.copyfile(notebook, copy)
    return copy


def _benched(result: dict[str, Any], json_to: Path | None, table: Callable | None = None) -> None:
    from medtutor import bench
    from medtutor.course.measured import write

    if json_to:
        write(json_to, (json.dumps(result, indent=2) + "\n").encode())
    typer.echo((table or bench.table)(result))


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> None:
    """The entry point of the `medtutor` command."""
    app(prog_name="medtutor")


if __name__ == "__main__":
    main()
