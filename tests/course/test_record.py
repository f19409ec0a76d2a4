"""`record`: one line for the reader, one for the runner."""

import json
import math

import pytest

from medtutor.course import record
from medtutor.errors import LessonError
from medtutor.evaluate import Interval


@pytest.fixture
def kept(tmp_path, monkeypatch):
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv("MEDTUTOR_RECORD", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


def test_numbers_and_intervals_are_printed_and_kept(kept, capsys):
    record("val_auc", Interval(0.95, 0.9, 0.99))
    record("val_acc", 0.875)
    record("loss_of_seed_0", 1, 0.5, 2)
    assert capsys.readouterr().out.splitlines() == [
        "val_auc: 0.950 (0.900 to 0.990)",
        "val_acc: 0.875",
        "loss_of_seed_0: 1.000 (0.500 to 2.000)",
    ]
    assert kept() == [
        {"name": "val_auc", "value": 0.95, "low": 0.9, "high": 0.99},
        {"name": "val_acc", "value": 0.875, "low": None, "high": None},
        {"name": "loss_of_seed_0", "value": 1.0, "low": 0.5, "high": 2.0},
    ]


def test_without_a_runner_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MEDTUTOR_RECORD", raising=False)
    monkeypatch.chdir(tmp_path)
    record("val_auc", 0.5)
    assert list(tmp_path.iterdir()) == []
    assert "val_auc: 0.500" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Val AUC", 0.5), "needs a name"),
        (("val_auc", math.nan), "only finite"),
        (("val_auc", "high"), "one number"),
        (("val_auc", 0.5, 0.4), "both ends"),
        (("val_auc", 0.5, 0.6, 0.4), "upside down"),
        (("val_auc", 0.5, 0.4, math.inf), "only finite"),
        (("val_auc", Interval(0.5, 0.4, 0.6), 0.1, 0.2), "interval already"),
    ],
)
def test_what_is_no_number_is_refused_and_not_kept(kept, tmp_path, arguments, said):
    with pytest.raises(LessonError, match=said):
        record(*arguments)
    assert not (tmp_path / "record.jsonl").exists()
