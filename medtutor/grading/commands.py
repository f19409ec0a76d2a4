"""The commands of an instructor: `medtutor release`, `grade`, `export`. Registered by `medtutor/cli.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def add(command: Callable[..., Callable]) -> None:
    """Register the commands with `command(example)`."""
    command("medtutor release 3 --out course --due 2027-02-01T23:59+01:00")(release)
    command("medtutor grade --assignment course/03_convolutional_networks.bundle handed-in.zip --out marks")(grade)
    command("medtutor export marks --format moodle --to upload")(export)


def release(
    what: Annotated[str, typer.Argument(help="A lesson (number or slug), or an nbgrader source notebook.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for student notebook and bundle.")],
    due: Annotated[str, typer.Option(help="When it is due: an ISO time with offset, 2027-02-01T23:59+01:00.")] = "",
    grace_minutes: Annotated[int, typer.Option(help="Minutes after the time that cost nothing.")] = 0,
    percent_per_day: Annotated[float, typer.Option(help="What each begun day late costs, in percent.")] = 0.0,
    last_day: Annotated[int, typer.Option(help="After so many days nothing is given; 0: no end.")] = 0,
    credit: Annotated[str, typer.Option(help="all: points where every case passes; cases: a share for each.")] = "all",
    points: Annotated[list[str] | None, typer.Option(help="Other points, as ID=POINTS; may be repeated.")] = None,
    quiz_points: Annotated[float | None, typer.Option(help="Points of each quiz question; 0: not graded.")] = None,
    labels: Annotated[Path | None, typer.Option(help="A folder with ID.csv for exercises by predictions.")] = None,
    course: Annotated[str, typer.Option(help="The course's name; variants are drawn for it.")] = "",
    variants: Annotated[str, typer.Option(help="none, course or student: whose parameters are drawn.")] = "none",
    secret: Annotated[Path | None, typer.Option(help="The file of the secret; made where it is missing.")] = None,
    roster: Annotated[Path | None, typer.Option(help="The class list (CSV), for variants by student.")] = None,
) -> None:
    """Write the notebook for students, without solutions and hidden tests, and the bundle to grade it with."""
    from medtutor.grading.release import release as write

    done = write(
        what,
        out,
        due=due,
        grace_minutes=grace_minutes,
        percent_per_day=percent_per_day,
        last_day=last_day,
        credit=credit,
        points=_points(points or []),
        quiz_points=quiz_points,
        labels=labels,
        course=course,
        variants=variants,
        secret=secret,
        roster=roster,
    )
    for path in done.student:
        typer.echo(f"for students: {path}")
    typer.echo(f"for you, to grade with: {done.bundle} (it holds the tests: never hand it out)")


def grade(
    submissions: Annotated[Path, typer.Argument(help="A folder or zip: one folder a student, or an LMS's download.")],
    assignment: Annotated[Path, typer.Option("--assignment", help="A bundle, or an nbgrader source notebook.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for grades, feedback and report.")],
    jobs: Annotated[int | None, typer.Option(help="Submissions at once; as many as cores if left out.")] = None,
    timeout: Annotated[float, typer.Option(help="Processor seconds for each question.")] = 30.0,
    memory: Annotated[int, typer.Option(help="MB that each question may use.")] = 1024,
    isolation: Annotated[str, typer.Option(help="auto, namespaces, bubblewrap, landlock, or none.")] = "auto",
    dask: Annotated[str | None, typer.Option(help="Grade on the Dask cluster at this address, tcp://...")] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade all again, not only what changed.")] = False,
    secret: Annotated[Path | None, typer.Option(help="The secret that variants were drawn from.")] = None,
    roster: Annotated[Path | None, typer.Option(help="The class list (CSV): who is missing, and ids.")] = None,
) -> None:
    """Grade a whole class. What students handed in runs shut in, and its files are never trusted."""
    from tqdm.auto import tqdm

    from medtutor.errors import DataError
    from medtutor.grading.attempt import Settings
    from medtutor.grading.batch import grade_class

    if not timeout > 0 or memory < 16 or (jobs is not None and jobs < 1):
        raise DataError("--timeout needs a number above 0, --memory at least 16, --jobs at least 1.")
    bar: Any = None

    def progress(done: int, todo: int) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=todo, unit="submission", desc="grading", disable=None)
        bar.update(done - bar.n)

    try:
        done = grade_class(
            assignment,
            submissions,
            out,
            jobs=jobs,
            settings=Settings(timeout, memory),
            isolation=isolation,
            dask=dask,
            force=force,
            secret=secret,
            roster=roster,
            progress=progress,
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; what is graded is kept, run the same command again to go on", err=True)
        raise typer.Exit(130) from None
    finally:
        if bar is not None:
            bar.close()
    waiting = sum(one.status == "needs marking" for one in done.graded)
    typer.echo(f"{len(done.graded)} submissions, {done.info['graded']} graded now, in {done.info['seconds']:.1f} s")
    typer.echo(f"isolation: {done.info['isolation']['level']}")
    for note in done.info["notes"]:
        typer.echo(f"look at this: {note}", err=True)
    if waiting:
        typer.echo(f"{waiting} wait for a person: fill in {out / 'manual.csv'} and run the same command again")
    typer.echo(f"report: {out / 'report.html'}")


def export(
    out: Annotated[Path, typer.Argument(help="The folder that `medtutor grade` wrote.")],
    format: Annotated[str, typer.Option("--format", help="canvas, moodle, gradescope or nbgrader.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write.")] = Path("export"),
    gradebook: Annotated[
        Path | None, typer.Option(help="Canvas's gradebook, or Moodle's grading worksheet, to fill in.")
    ] = None,
    title: Annotated[str, typer.Option(help="Canvas: the assignment's name there, if it is another one.")] = "",
    scale: Annotated[bool, typer.Option("--scale", help="Convert to the platform's points where they differ.")] = False,
    missing: Annotated[str, typer.Option(help="blank or zero: the mark of who handed in nothing.")] = "blank",
    assignment: Annotated[Path | None, typer.Option(help="nbgrader: the bundle or source notebook.")] = None,
    submissions: Annotated[Path | None, typer.Option(help="nbgrader: what was handed in.")] = None,
) -> None:
    """Write the marks as Canvas, Moodle, Gradescope or nbgrader take them."""
    from medtutor.errors import DataError
    from medtutor.grading import export as formats

    if format == "nbgrader" and (assignment is None or submissions is None):
        raise DataError("For nbgrader, give --assignment (bundle or source notebook) and --submissions too.")
    given = {"gradebook": gradebook, "title": title or None, "assignment": assignment, "submissions": submissions}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if scale:
        options["scale"] = True
    if missing != "blank":
        options["missing"] = missing
    notes: list[str] = []
    written = formats.export(format, out, to, **options, notes=notes)
    for note in notes:
        typer.echo(note, err=True)
    for path in written[:10]:
        typer.echo(f"wrote {path}")
    if len(written) > 10:
        typer.echo(f"and {len(written) - 10} more in {to}")


def _points(given: list[str]) -> dict[str, float]:
    from medtutor.errors import DataError

    found = {}
    for entry in given:
        id, _, value = entry.partition("=")
        try:
            found[id] = float(value)
        except ValueError:
            raise DataError(f"--points should be as cnn.conv2d=3, got {entry!r}.") from None
    return found
