"""The `medtutor` command: quick, one sentence for an error, and an example in every help."""

import importlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_lessons
from typer.testing import CliRunner

import medtutor
from medtutor import cli, resources
from medtutor.errors import UnreachableError

COMMANDS = [
    "learn",
    "lessons",
    "run",
    "data",
    "fetch",
    "check-machine",
    "build",
    "lint",
    "release",
    "grade",
    "export",
    "bench classification",
    "bench grading",
    "bench reference",
]


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    tiny_lessons.write(tmp_path)
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    monkeypatch.delenv("MEDTUTOR_BUDGET", raising=False)
    return tmp_path


def medtutor_command(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def said(result):
    """The one line on stderr of a command that failed."""
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("medtutor: ")
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command):
    result = medtutor_command(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: medtutor {command}" in result.stdout


def test_every_command_is_in_the_list_that_is_tested():
    shown = medtutor_command("--help").stdout.split("Commands:")[1]
    listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.split()}
    assert listed - {"Example:"} == {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("arguments", [["--help"], ["lessons"], ["data"], ["data", "pneumoniamnist"]])
def test_what_only_reads_loads_no_torch_and_is_quick(arguments):
    code = (
        "import sys\nfrom medtutor import cli\nsys.argv[1:] = sys.argv[1:]\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'torch', 'monai', 'matplotlib'} & set(sys.modules)"
    )
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    assert statistics.median(times) < 1.5


def test_the_installed_command_answers():
    done = subprocess.run([Path(sys.executable).parent / "medtutor", "--version"], capture_output=True, text=True)
    assert done.stdout.strip() == medtutor.__version__


def test_lessons_are_listed(lessons):
    result = medtutor_command("lessons")
    assert "7  tiny_lesson  A tiny lesson  5        pneumoniamnist" in result.stdout


def test_an_error_is_one_sentence_and_a_traceback_only_with_debug(lessons):
    assert said(medtutor_command("run", "tiny_leson")) == (
        "medtutor: There is no lesson 'tiny_leson'; did you mean 'tiny_lesson'? Known: tiny_lesson. `medtutor lessons` "
        "lists them.")  # fmt: skip
    assert "did you mean 'smoke'" in said(medtutor_command("run", "7", "--budget", "smok"))
    debug = subprocess.run(
        [sys.executable, "-m", "medtutor.cli", "--debug", "run", "9"], capture_output=True, text=True
    )
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr and "UnknownNameError" in debug.stderr


def test_a_bug_is_one_sentence_too_and_asks_for_the_traceback(lessons, monkeypatch):
    def broken():
        raise KeyError("x")

    monkeypatch.setattr("medtutor.course.lessons", broken)
    text = said(medtutor_command("lessons"))
    assert "unexpected KeyError: 'x'" in text and "--debug" in text
    assert isinstance(medtutor_command("--debug", "lessons").exception, KeyError)


def test_a_wrong_use_of_a_command_is_explained(lessons):
    assert medtutor_command("run").exit_code == 2
    assert medtutor_command("no-such-command").exit_code == 2


def test_run_prints_the_table_and_writes_the_record(lessons, tmp_path):
    file = tmp_path / "result.json"
    result = medtutor_command("run", "7", "--budget", "smoke", "--json", str(file))
    assert result.exit_code == 0, result.stderr
    assert "test AUC  0.900  none" in result.stdout and "val AUC   0.950  0.900 to 0.990" in result.stdout
    assert "cell 3 of 3" in result.stderr
    assert json.loads(file.read_text())["metrics"]["val_auc"]["value"] == 0.95


def test_learn_headless_runs_lesson_3_at_the_machines_budget(lessons, monkeypatch):
    front = tiny_lessons.FRONT.replace("number = 7", "number = 3")
    tiny_lessons.write(lessons, "03_third.py", front=front)
    monkeypatch.setenv("MEDTUTOR_BUDGET", "laptop")
    ran = []

    def run(lesson, **settings):
        ran.append((lesson.number, settings.get("budget")))
        return {}

    monkeypatch.setattr("medtutor.course.run.run", run)
    monkeypatch.setattr("medtutor.course.run.table", lambda lesson, result: "the table")
    result = medtutor_command("learn", "--headless")
    assert result.exit_code == 0, result.stderr
    assert "the table" in result.stdout
    assert ran == [(3, None)]


@pytest.fixture
def fetched(monkeypatch):
    """Stands in for the downloads: what was asked for, and what is answered."""
    asked = SimpleNamespace(calls=[], answer=None)

    def fetch_many(names, keys=None, to=None, every_size=False):
        asked.calls.append((list(names), keys, to, every_size))
        found = SimpleNamespace(path=Path("/cache/file.npz"), source="cache", notes=())
        return [(name, "28", asked.answer or found) for name in names]

    # not by its dotted name, which stands for the function `fetch` of the room
    monkeypatch.setattr(importlib.import_module("medtutor.data.fetch"), "fetch_many", fetch_many)
    return asked


def test_fetch_takes_names_a_lesson_or_all(lessons, fetched, tmp_path):
    assert medtutor_command("fetch", "bccd", "pneumoniamnist").exit_code == 0
    assert medtutor_command("fetch", "--lesson", "7", "--to", str(tmp_path), "--size", "64").exit_code == 0
    assert medtutor_command("fetch", "--all", "--every-size").exit_code == 0
    assert fetched.calls[0] == (["bccd", "pneumoniamnist"], None, None, False)
    assert fetched.calls[1] == (["pneumoniamnist"], ["64"], tmp_path, False)
    assert fetched.calls[2] == (medtutor.data.names(), None, None, True)


@pytest.mark.parametrize("arguments", [[], ["bccd", "--all"], ["--all", "--lesson", "7"]])
def test_fetch_wants_exactly_one_way_of_saying_what(lessons, fetched, arguments):
    assert "Say what to fetch" in said(medtutor_command("fetch", *arguments))
    assert fetched.calls == []


def test_a_fetch_that_fails_ends_with_an_error_status(lessons, fetched):
    fetched.answer = UnreachableError("No source of bccd answers.")
    assert said(medtutor_command("fetch", "bccd")) == "medtutor: No source of bccd answers."


def test_fetch_offline_says_what_is_missing(lessons, no_folders):
    result = medtutor_command("fetch", "pneumoniamnist")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("medtutor: ") and "pneumoniamnist" in result.stderr


def test_data_lists_the_sets_and_shows_where_one_is(real_data):
    listed = medtutor_command("data").stdout
    assert all(name in listed for name in medtutor.data.names())
    shown = medtutor_command("data", "pneumoniamnist").stdout
    assert "CC BY 4.0" in shown
    assert f"28: folder: {real_data / 'medmnist' / 'pneumoniamnist.npz'}" in shown
    assert "64: not here yet" in shown
    assert "did you mean 'pneumoniamnist'" in said(medtutor_command("data", "pneumonia"))


def test_check_machine_says_what_is_here_and_which_budget_fits(lessons, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_BUDGET", "smoke")
    shown = medtutor_command("check-machine").stdout
    assert "cores" in shown and "free" in shown and "smoke (another" in shown
    assert "lesson 7      not measured yet" in shown


def test_build_writes_and_check_names_what_differs(lessons):
    assert "07_tiny_lesson.ipynb: differs" in said(medtutor_command("build", "--check"))
    assert "built 07_tiny_lesson.ipynb" in medtutor_command("build").stdout
    assert medtutor_command("build", "--check").exit_code == 0
    (lessons / "08_gone.ipynb").write_text("{}")
    assert "no lesson source beside it" in said(medtutor_command("build", "--check"))


@pytest.fixture
def started(monkeypatch):
    """The command line that would replace this process."""
    lines = []
    monkeypatch.setattr("os.execv", lambda program, arguments: lines.append(arguments))
    return lines


def test_learn_fetches_and_opens_the_first_lesson_of_the_checkout(lessons, fetched, started):
    medtutor_command("build")
    result = medtutor_command("learn", "--no-browser")
    assert result.exit_code == 0, result.stderr
    assert fetched.calls == [(["pneumoniamnist"], None, None, False)]
    (line,) = started
    assert line[1:4] == ["-m", "jupyterlab", f"--ServerApp.root_dir={lessons}"]
    assert "--LabApp.default_url=/lab/tree/07_tiny_lesson.ipynb" in line
    assert "--no-browser" in line


def test_learn_opens_lesson_1_though_there_is_a_lesson_0(lessons, fetched, started):
    for number in (0, 1):
        front = tiny_lessons.FRONT.replace("number = 7", f"number = {number}")
        tiny_lessons.write(lessons, f"0{number}_lesson.py", front=front)
    medtutor_command("build")
    assert medtutor_command("learn").exit_code == 0
    assert "--LabApp.default_url=/lab/tree/01_lesson.ipynb" in started[0]


def test_learn_goes_on_when_nothing_can_be_fetched(lessons, fetched, started):
    medtutor_command("build")
    fetched.answer = UnreachableError("No source answers.")
    result = medtutor_command("learn")
    assert result.exit_code == 0 and len(started) == 1
    assert "offline sample" in result.stderr


def test_an_installed_medtutor_opens_a_copy_and_never_overwrites_it(lessons, fetched, started, monkeypatch, tmp_path):
    medtutor_command("build")
    place = tmp_path / "my course"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setattr(resources, "checkout", lambda: None)
    monkeypatch.setattr("medtutor.course.setup_cell.resources.checkout", lambda: None)
    medtutor_command("learn")
    copy = place / "07_tiny_lesson.ipynb"
    assert copy.read_bytes() == (lessons / "07_tiny_lesson.ipynb").read_bytes()
    copy.write_text("my answers")
    medtutor_command("learn")
    assert copy.read_text() == "my answers"
    assert f"--ServerApp.root_dir={place}" in started[-1]


def test_learn_without_jupyterlab_says_how_to_get_it(lessons, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'medtutor[lab]'" in said(medtutor_command("learn"))


def test_bench_prints_its_table_and_writes_its_result(monkeypatch, tmp_path):
    calls = []

    def stand_in(name, **settings):
        calls.append((name, settings))
        return {"dataset": name}

    monkeypatch.setattr("medtutor.bench.classification", stand_in)
    monkeypatch.setattr("medtutor.bench.reference", stand_in)
    monkeypatch.setattr("medtutor.bench.table", lambda result: f"table of {result['dataset']}")
    file = tmp_path / "result.json"
    result = medtutor_command("bench", "classification", "bccd", "--seeds", "3", "--json", str(file))
    assert "table of bccd" in result.stdout
    assert json.loads(file.read_text()) == {"dataset": "bccd"}
    assert medtutor_command("bench", "reference", "bccd", "--epochs", "2").exit_code == 0
    assert calls == [("bccd", {"seeds": 3, "size": 28}), ("bccd", {"epochs": 2, "size": 28})]
