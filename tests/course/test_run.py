"""The runner: a lesson in a fresh kernel, what it measured and took, and bounds that can fail."""

import json
import os

import nbformat
import pytest
import tiny_lessons

from medtutor.course import lesson
from medtutor.course.kernel import first_line
from medtutor.course.run import check_bounds, run, table
from medtutor.errors import LessonError, UnknownNameError

WITH_DATA = tiny_lessons.BODY + '\n# %%\ntrain = medtutor.load("pneumoniamnist")\n'
ON_SAMPLE = (
    tiny_lessons.BODY
    + """
# %%
from medtutor.data.sources import note_source

note_source("pneumoniamnist", "sample")
note_source("bccd", "download")
"""
)
BOTH = tiny_lessons.FRONT.replace('data = ["pneumoniamnist"]', 'data = ["pneumoniamnist", "bccd"]')
RESULT = {
    "lesson": "tiny_lesson",
    "budget": "smoke",
    "source": "folder",
    "metrics": {
        "val_auc": {"value": 0.95, "low": 0.9, "high": 0.99},
        "test_auc": {"value": 0.9, "low": None, "high": None},
    },
    "seeds": [0],
    "wall_s": 12.3,
    "cpu_s": 20.4,
    "peak_rss_mb": 512.0,
    "gpu_peak_mb": None,
    "device": "cpu",
    "cores": 2,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tiny_lessons.write(tmp_path)
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    return tmp_path


def test_a_run_gives_the_record_and_writes_what_was_asked_for(folder, tmp_path):
    seen = []
    result = run(
        lesson(7),
        "laptop",
        json_to=tmp_path / "result.json",
        record=True,
        notebook_to=tmp_path / "run.ipynb",
        progress=lambda i, n, line: seen.append((i, n, line)),
    )
    assert result["metrics"] == {
        "val_auc": {"value": 0.95, "low": 0.9, "high": 0.99},
        "test_auc": {"value": 0.9, "low": None, "high": None},
    }
    assert (result["lesson"], result["budget"], result["seeds"], result["source"]) == (
        "tiny_lesson", "laptop", [0, 1, 2], "none")  # fmt: skip
    assert 0 < result["cpu_s"] < 300 and 0 < result["wall_s"] < 300 and 10 < result["peak_rss_mb"] < 5000
    assert json.loads((tmp_path / "result.json").read_text()) == result
    kept = json.loads((folder / "measured.json").read_text())["tiny_lesson"]["laptop"]
    assert kept["wall_s"] == result["wall_s"] and kept["metrics"] == result["metrics"]
    executed = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    assert "val_auc: 0.950 (0.900 to 0.990)" in executed.cells[-1].outputs[0].text
    assert seen == [(1, 3, "import importlib.util"), (2, 3, "total = 1 + budget.steps"),
                    (3, 3, 'medtutor.record("val_auc", 0.95, 0.9, 0.99)')]  # fmt: skip


def test_a_failing_cell_is_named_and_the_notebook_shows_how_far_it_came(folder, tmp_path):
    body = tiny_lessons.BODY.replace("total = 1 +", "total = 1 / 0 +")
    tiny_lessons.write(folder, body=body)
    with pytest.raises(LessonError) as error:
        run(lesson(7), "smoke", notebook_to=tmp_path / "run.ipynb")
    text = str(error.value)
    assert "stops in cell 2 of 3 ('total = 1 / 0 + budget.steps'): ZeroDivisionError: division by zero" in text
    assert "\n" not in text and "\x1b" not in text
    assert "Traceback" in str(error.value.__cause__)
    executed = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    assert executed.cells[3].outputs[-1].ename == "ZeroDivisionError"
    assert executed.cells[4].outputs == []


def test_a_cell_that_raises_is_not_excused_by_its_tag(folder):
    tiny_lessons.write(folder, body='# %% tags=["raises-exception"]\nraise RuntimeError("hidden")\n')
    with pytest.raises(LessonError, match="RuntimeError: hidden"):
        run(lesson(7), "smoke")


def test_a_kernel_that_dies_and_a_cell_that_does_not_end_are_reported(folder):
    tiny_lessons.write(folder, body="# %%\nimport os\n\nos._exit(1)\n")
    with pytest.raises(LessonError, match="the kernel died"):
        run(lesson(7), "smoke")
    tiny_lessons.write(folder, body="# %%\nimport time\n\ntime.sleep(600)\n")
    with pytest.raises(LessonError, match=r"cell 2 of 2 \('import time'\): it took longer than 10 s"):
        run(lesson(7), "smoke", timeout_s=10)


def test_one_sample_among_the_sets_makes_the_run_a_sample_and_is_never_recorded(folder, tmp_path):
    tiny_lessons.write(folder, front=BOTH, body=ON_SAMPLE)
    with pytest.raises(LessonError, match="offline sample, which is never recorded"):
        run(lesson(7), "smoke", json_to=tmp_path / "result.json", record=True)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["source"] == "sample"
    assert table(lesson(7), result).startswith("OFFLINE SAMPLE")
    assert not (folder / "measured.json").exists()


def test_real_images_are_named_by_where_they_come_from(folder, real_data, monkeypatch):
    tiny_lessons.write(folder, body=WITH_DATA)
    monkeypatch.chdir(real_data.parent)
    monkeypatch.setenv("MEDTUTOR_DATA", real_data.name)  # relative to here, and the kernel stands elsewhere
    assert run(lesson(7), "smoke")["source"] == "folder"


def test_data_that_the_front_matter_does_not_name_are_refused(folder):
    tiny_lessons.write(folder, body=ON_SAMPLE)
    with pytest.raises(LessonError, match="loads bccd, which is missing in the field data"):
        run(lesson(7), "smoke")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('# %%\nmedtutor.record("val_auc", 1)\nmedtutor.record("val_auc", 1)\n', "records val_auc twice"),
        ("# %%\ntotal = 1\n", "records no metric"),
    ],
)
def test_a_record_that_says_nothing_or_two_things_is_refused(folder, body, said):
    tiny_lessons.write(folder, body=body)
    with pytest.raises(LessonError, match=said):
        run(lesson(7), "smoke")


def with_value(value, **changes):
    return RESULT | {"metrics": {"val_auc": {"value": value, "low": None, "high": None}}} | changes


def test_a_metric_under_its_bound_is_named_with_value_and_bound(folder):
    check_bounds(lesson(7), with_value(0.9))
    with pytest.raises(LessonError, match=r"val_auc is 0.8999.*0\.9 .*bounds.smoke.real") as error:
        check_bounds(lesson(7), with_value(0.8999))
    assert "07_tiny_lesson.py" in str(error.value)


def test_the_sample_has_bounds_of_its_own(folder):
    check_bounds(lesson(7), with_value(0.85, source="sample"))
    with pytest.raises(LessonError, match="bounds.smoke.sample"):
        check_bounds(lesson(7), with_value(0.7, source="sample"))


def test_a_bound_without_its_metric_is_an_error(folder):
    with pytest.raises(LessonError, match="recorded no val_auc"):
        check_bounds(lesson(7), RESULT | {"metrics": {"val_acc": {"value": 1.0, "low": None, "high": None}}})


def test_an_unknown_budget_runs_nothing(folder):
    with pytest.raises(UnknownNameError, match="did you mean 'smoke'"):
        run(lesson(7), "smok")


def test_the_table_shows_test_first_intervals_source_time_and_memory(folder):
    lines = table(lesson(7), RESULT).splitlines()
    assert lines[0] == "Lesson 7, A tiny lesson: budget smoke, seed 0"
    assert [line.split()[:2] for line in lines[3:5]] == [["test", "AUC"], ["val", "AUC"]]
    assert "0.950  0.900 to 0.990" in lines[4]
    assert "data: folder; 12 s (20 s of CPU), 512 MB of memory, on 2 cores" in lines
    assert "one seed" in lines[-1]
    assert "OFFLINE SAMPLE" not in "\n".join(lines)


def test_the_first_line_of_a_cell_is_code_where_there_is_any():
    assert first_line("# why\n\nx = 1\ny = 2") == "x = 1"
    assert first_line("# only words\n") == "# only words"


def test_a_run_leaves_its_caller_and_the_users_progress_alone(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_PROGRESS", str(tmp_path / "mine.json"))
    body = (
        tiny_lessons.BODY + '\n# %%\nimport pathlib\n\npathlib.Path(os.environ["MEDTUTOR_PROGRESS"]).write_text("x")\n'
    )
    tiny_lessons.write(folder, body=body)
    before = dict(os.environ)
    run(lesson(7), "smoke")
    assert dict(os.environ) == before
    assert not (tmp_path / "mine.json").exists()
