"""`start`: the budget of a lesson on this machine, and what is said about it."""

import importlib

import pytest
import tiny_lessons

from medtutor.course import Budget, measured, start
from medtutor.course.machine import Machine, disk_free_mb, memory_free_mb
from medtutor.errors import UnknownNameError

start_module = importlib.import_module("medtutor.course.start")
SMALL = Machine(cores=2, memory_free_mb=700.0, disk_free_mb=90_000.0, gpu=None, gpu_memory_mb=None)
LARGE = Machine(cores=16, memory_free_mb=60_000.0, disk_free_mb=90_000.0, gpu="A big one", gpu_memory_mb=80_000.0)
TAKEN = {"wall_s": 130.0, "peak_rss_mb": 812.4, "gpu_peak_mb": None, "device": "cpu", "cores": 2}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tiny_lessons.write(tmp_path)
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    monkeypatch.delenv("MEDTUTOR_BUDGET", raising=False)
    return tmp_path


def on(monkeypatch, machine):
    monkeypatch.setattr(start_module, "machine", lambda: machine)


@pytest.mark.parametrize(("machine", "name", "steps"), [(SMALL, "laptop", 2), (LARGE, "gpu", 3)])
def test_the_machine_chooses_the_budget(folder, monkeypatch, capsys, machine, name, steps):
    on(monkeypatch, machine)
    budget = start(7)
    assert (budget.name, budget.steps) == (name, steps)
    assert f"Budget: {name}" in capsys.readouterr().out


def test_the_environment_overrides_the_machine(folder, monkeypatch, capsys):
    on(monkeypatch, LARGE)
    monkeypatch.setenv("MEDTUTOR_BUDGET", "smoke")
    assert start(7) == Budget("smoke", {"seeds": (0,), "steps": 1})
    assert "smoke, 1 seed, because MEDTUTOR_BUDGET says so" in capsys.readouterr().out


def test_an_unknown_budget_is_an_error_that_suggests_one(folder, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_BUDGET", "labtop")
    with pytest.raises(UnknownNameError, match="did you mean 'laptop'"):
        start(7)


def test_a_budget_is_read_only_and_names_what_it_has(folder, monkeypatch):
    on(monkeypatch, SMALL)
    budget = start(7)
    with pytest.raises(AttributeError, match="read-only"):
        budget.steps = 100
    with pytest.raises(AttributeError, match="has no 'epochs'; it has name, seeds, steps"):
        budget.epochs  # noqa: B018
    assert repr(budget) == "Budget(seeds=(0, 1, 2), steps=2, name='laptop')"


def test_what_was_measured_stands_beside_what_is_here(folder, monkeypatch, capsys):
    on(monkeypatch, SMALL)
    start(7)
    assert "not measured yet" in capsys.readouterr().out
    measured.keep("tiny_lesson", "laptop", TAKEN, folder)
    start(7)
    text = capsys.readouterr().out
    assert "700 MB free" in text and "at most 812 MB" in text and "2 min" in text
    assert "Caution: the lesson may run out of memory" in text


def test_a_machine_with_enough_is_not_warned(folder, monkeypatch, capsys):
    on(monkeypatch, LARGE)
    measured.keep("tiny_lesson", "gpu", TAKEN | {"gpu_peak_mb": 900.0}, folder)
    start(7)
    assert "Caution" not in capsys.readouterr().out


def test_a_small_gpu_and_a_gpu_budget_without_gpu_are_warned(folder, monkeypatch, capsys):
    measured.keep("tiny_lesson", "gpu", TAKEN | {"gpu_peak_mb": 90_000.0}, folder)
    on(monkeypatch, LARGE)
    start(7)
    assert "the GPU has less memory" in capsys.readouterr().out
    on(monkeypatch, SMALL)
    monkeypatch.setenv("MEDTUTOR_BUDGET", "gpu")
    start(7)
    assert "without a GPU takes hours" in capsys.readouterr().out


def test_free_memory_is_what_the_container_still_allows(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    root = tmp_path / "cgroup"
    assert memory_free_mb(meminfo, root) == pytest.approx(8192.0)
    root.mkdir()
    (root / "memory.current").write_text("1500000000\n")
    (root / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    (root / "memory.max").write_text("2000000000\n")
    assert memory_free_mb(meminfo, root) == pytest.approx(1000.0)
    (root / "memory.max").write_text("max\n")
    assert memory_free_mb(meminfo, root) == pytest.approx(8192.0)


def test_the_old_kind_of_container_limit_is_read_too(tmp_path):
    root = tmp_path / "memory"
    root.mkdir()
    (root / "memory.limit_in_bytes").write_text("2000000000\n")
    (root / "memory.usage_in_bytes").write_text("600000000\n")
    (root / "memory.stat").write_text("total_inactive_file 100000000\n")
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemAvailable: 8000000 kB\n")
    assert memory_free_mb(meminfo, tmp_path) == pytest.approx(1500.0)


def test_the_disk_of_a_cache_that_is_not_made_yet_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_CACHE", str(tmp_path / "not" / "made"))
    assert disk_free_mb() > 0
