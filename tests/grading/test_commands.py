"""The instructor's commands, one after the other, as docs/instructors.md says."""

import csv
import subprocess
import sys

import nbformat
import pytest
from grading import sources
from typer.testing import CliRunner

from medtutor import cli


def command(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def course(tmp_path):
    """A released assignment and what two students handed in."""
    source = tmp_path / "week1.ipynb"
    nbformat.write(sources.hidden(), source)
    done = command("release", source, "--out", tmp_path / "course", "--due", "2027-02-01T23:59+01:00")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "course" / "student" / "week1.ipynb").is_file()
    for student in ("ada", "bob"):
        path = tmp_path / "in" / student / "week1.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(sources.handed_in(sources.hidden()), path)
    return tmp_path


def grade(course, *more):
    """The real command, in a process of its own."""
    command = [sys.executable, "-m", "medtutor.cli", "grade", course / "in", "--out", course / "marks"]
    command += ["--assignment", course / "course" / "week1.bundle", *more]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)


def test_from_release_to_the_files_of_three_platforms(course):
    done = grade(course, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert "2 submissions, 2 graded now" in done.stdout and "isolation: " in done.stdout
    with open(course / "marks" / "summary.csv", newline="") as file:
        totals = [float(row["total"]) for row in csv.DictReader(file)]
    assert len(totals) == 2 and totals[0] == totals[1] > 0
    for format in ("canvas", "gradescope"):
        exported = command("export", course / "marks", "--format", format, "--to", course / format)
        assert exported.exit_code == 0, exported.stderr
        assert any((course / format).iterdir())
    tree = ["--assignment", course / "course" / "week1.bundle", "--submissions", course / "in"]
    exported = command("export", course / "marks", "--format", "nbgrader", "--to", course / "nb", *tree)
    assert exported.exit_code == 0, exported.stderr
    assert {path.name for path in (course / "nb").iterdir()} >= {"source", "release", "submitted", "autograded"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--assignment", "nowhere.bundle"], "nowhere.bundle"),
        (["--isolation", "steel"], "There is no isolation level 'steel'"),
        (["--timeout", "0"], "--timeout needs a number above 0"),
        (["--memory", "1"], "--memory at least 16"),
        (["--jobs", "0"], "--jobs at least 1"),
    ],
)
def test_what_an_instructor_gets_wrong_is_one_sentence(course, arguments, said):
    done = grade(course, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("medtutor: ") and said in line


def test_points_and_formats_that_do_not_exist_are_named(course):
    done = command("release", course / "week1.ipynb", "--out", course / "x", "--points", "a=many")
    assert done.exit_code == 1 and "--points should be as cnn.conv2d=3" in done.stderr
    done = command("export", course, "--format", "blackbord", "--to", course / "x")
    assert done.exit_code == 1 and "There is no export format 'blackbord'" in done.stderr
    done = command("export", course, "--format", "nbgrader", "--to", course / "x")
    assert done.exit_code == 1 and "--submissions" in done.stderr
