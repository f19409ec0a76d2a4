"""The builder: the same source gives the same bytes, and the notebook can travel alone."""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import types

import nbformat
import pytest
import tiny_lessons

import medtutor
from medtutor.course import lesson, measured
from medtutor.course.build import as_bytes, build, drift, write_all
from medtutor.course.frontmatter import read
from medtutor.errors import LessonError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tiny_lessons.write(tmp_path)
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    return tmp_path


def ids(notebook):
    return {cell.source: cell.id for cell in notebook.cells}


def test_the_same_source_gives_the_same_bytes(folder):
    first, second = as_bytes(build(lesson(7))), as_bytes(build(lesson(7)))
    assert first == second
    notebook = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "code", "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
    assert notebook.cells[-1].metadata == {"tags": ["optional"]}
    assert "///" not in first.decode()


def test_an_edit_moves_no_id_of_another_cell(folder):
    before = ids(build(lesson(7)))
    body = "# %%\nnew = 1\n\n" + tiny_lessons.BODY.replace("One and one", "Two and two")
    after = ids(build(read(tiny_lessons.write(folder, body=body))))
    same = [source for source in before if source in after]
    assert len(same) == 4  # header, setup and both code cells
    assert all(before[source] == after[source] for source in same)


def test_equal_cells_have_ids_of_their_own(folder):
    tiny_lessons.write(folder, body="# %%\nx = 1\n\n# %%\nx = 1\n\n# %% [markdown]\n# x = 1\n")
    cells = build(lesson(7)).cells
    assert len({cell.id for cell in cells}) == len(cells) == 5


def test_text_before_the_first_cell_is_refused(folder):
    tiny_lessons.write(folder, body="import os\n\n# %%\nx = 1\n")
    with pytest.raises(LessonError, match="comes a cell marker"):
        build(lesson(7))


def test_the_header_card_says_what_the_lesson_is(folder):
    text = build(lesson(7)).cells[0].source
    tag = f"v{medtutor.__version__}"
    assert text.startswith("# 7. A tiny lesson")
    assert "- add two numbers" in text
    assert "CC BY 4.0" in text and "PneumoniaMNIST" in text
    assert f"github/medtutor/medtutor/blob/{tag}/notebooks/07_tiny_lesson.ipynb" in text
    assert f"gh/medtutor/medtutor/{tag}?labpath=notebooks/07_tiny_lesson.ipynb" in text
    assert "Not for clinical use" in text
    assert text.count("not measured yet") == 9


def test_the_header_card_prints_what_was_measured(folder):
    entry = {"wall_s": 130.0, "peak_rss_mb": 812.4, "gpu_peak_mb": None, "device": "cpu", "cores": 2}
    measured.keep("tiny_lesson", "laptop", entry, folder)
    text = build(lesson(7)).cells[0].source
    assert "| laptop | 2 CPU cores, 2 GB | 0, 1, 2 | 2 min | 812 MB | none | 2 cores |" in text
    assert text.count("not measured yet") == 6


def test_building_writes_what_differs_and_checks_find_it(folder):
    path = folder / "07_tiny_lesson.ipynb"
    assert drift() == write_all()
    assert path.read_bytes() == as_bytes(build(lesson(7)))
    assert drift() == {}
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["x"]}]
    path.write_text(json.dumps(notebook))
    assert list(drift()) == [path]
    (folder / "09_gone.ipynb").write_text("{}")
    assert drift()[folder / "09_gone.ipynb"] is None
    write_all()
    assert (folder / "09_gone.ipynb").exists()


def test_an_unknown_package_is_refused(folder):
    front = tiny_lessons.FRONT.replace("minutes = 5", 'minutes = 5\npackages = ["tensorflow"]')
    tiny_lessons.write(folder, front=front)
    with pytest.raises(LessonError, match="provides the package tensorflow"):
        build(lesson(7))


def setup_source():
    return build(lesson(7)).cells[1].source


def run_setup(monkeypatch, absent):
    """Run the setup cell where the packages `absent` cannot be found; returns pip's arguments and the budget."""
    calls = []
    spec = importlib.machinery.ModuleSpec("found", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else spec)
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    stand_in = types.ModuleType("medtutor")
    stand_in.start = lambda number: f"budget of {number}"
    for name in ("answer", "check", "hint", "progress", "quiz", "solution"):
        setattr(stand_in, name, None)
    monkeypatch.setitem(sys.modules, "medtutor", stand_in)
    names = {}
    exec(setup_source(), names)
    return calls, names["budget"]


def test_the_setup_cell_is_short(folder):
    lines = [line for line in setup_source().splitlines() if line.strip()]
    assert len(lines) < 30
    assert max(map(len, lines)) <= 100


def test_the_setup_cell_installs_nothing_where_nothing_is_missing(folder, monkeypatch):
    calls, budget = run_setup(monkeypatch, absent=())
    assert calls == [] and budget == "budget of 7"


def test_beside_an_installed_torch_only_what_is_missing_is_installed_without_dependencies(folder, monkeypatch):
    monkeypatch.delenv("MEDTUTOR_WHEEL", raising=False)
    (command,), _ = run_setup(monkeypatch, absent=("medtutor", "monai", "skimage"))
    assert command[:5] == [sys.executable, "-m", "pip", "install", "-q"]
    flag, *packages = command[5:]
    assert flag == "--no-deps"
    tag = f"v{medtutor.__version__}"
    archive = f"medtutor @ https://github.com/medtutor/medtutor/archive/refs/tags/{tag}.zip"
    assert packages[0] == archive
    assert [package.split(">")[0] for package in packages[1:]] == ["monai", "scikit-image"]


def test_without_torch_pip_finds_a_set_that_fits_together(folder, monkeypatch):
    (command,), _ = run_setup(monkeypatch, absent=("medtutor", "torch"))
    assert "--no-deps" not in command


def test_a_classroom_names_its_own_wheel(folder, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_WHEEL", "/media/usb/medtutor-0.1.0-py3-none-any.whl")
    (command,), _ = run_setup(monkeypatch, absent=("medtutor",))
    assert command[-1] == "/media/usb/medtutor-0.1.0-py3-none-any.whl"


def test_the_setup_cell_is_the_same_in_every_lesson_but_for_its_number(folder):
    first = setup_source()
    front = tiny_lessons.FRONT.replace("number = 7", "number = 8")
    tiny_lessons.write(folder, "08_another.py", front=front)
    assert build(lesson(8)).cells[1].source == first.replace("start(7)", "start(8)")
