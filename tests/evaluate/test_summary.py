"""The report of a task, a metric by subgroup, and the table of both."""

import numpy as np
import pytest

from medtutor import evaluate
from medtutor.errors import DataError, UnknownNameError
from medtutor.evaluate import Interval, Subgroup, by_subgroup, report, table


def binary(n=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return labels, np.clip(0.35 * labels + 0.65 * rng.random(n), 0, 1)


def test_a_report_holds_the_metrics_of_its_task_with_intervals():
    labels, scores = binary()
    result = report(labels, scores, task="binary-class", resamples=100)
    assert list(result) == ["auc", "acc", "sensitivity", "specificity"]
    for name, metric in (("auc", evaluate.auc), ("acc", evaluate.accuracy), ("specificity", evaluate.specificity)):
        assert result[name] == evaluate.bootstrap(metric, labels, scores, resamples=100)
    both = np.stack([1 - scores, scores], axis=1)
    assert report(labels, both, task="binary-class", resamples=100) == result
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 120)
    assert list(report(np.arange(120) % 3, probabilities, task="multi-class", resamples=100)) == ["auc", "acc"]
    with pytest.raises(UnknownNameError, match="classification task"):
        report(labels, scores, task="regression")


def test_a_report_moves_with_the_threshold_and_over_seeds():
    labels, scores = binary()
    strict = report(labels, scores, task="binary-class", threshold=0.6, resamples=100)
    lax = report(labels, scores, task="binary-class", threshold=0.4, resamples=100)
    assert strict["specificity"].value > lax["specificity"].value
    assert strict["sensitivity"].value < lax["sensitivity"].value
    assert strict["auc"] == lax["auc"]
    stack = np.stack([scores, scores**2])
    over_seeds = report(labels, stack, task="binary-class", resamples=100)
    assert over_seeds["acc"].value == pytest.approx(np.mean([evaluate.accuracy(labels, one) for one in stack]))


def test_multi_label_reports_take_medmnists_name_of_the_task():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 2))
    result = report(labels, rng.random((60, 2)), task="multi-label, binary-class", resamples=100)
    assert 0 < result["auc"].low < result["auc"].high < 1


def test_subgroups_are_listed_by_name_each_with_its_own_interval():
    labels, scores = binary()
    sex = np.array(["M", "F"])[(np.arange(120) // 2) % 2]
    rows = by_subgroup(evaluate.auc, labels, scores, sex, resamples=100)
    assert list(rows) == ["F", "M"]
    inside = sex == "F"
    assert rows["F"].interval == evaluate.bootstrap(evaluate.auc, labels[inside], scores[inside], resamples=100)
    assert (rows["F"].n, rows["F"].patients, rows["F"].note) == (60, None, "")


def test_a_subgroup_that_cannot_be_measured_says_why_and_unknown_ones_are_kept():
    labels, scores = binary()
    hospital = ["A"] * 100 + ["B" if y else None for y in labels[100:110]] + ["", float("nan")] * 5
    patients = [f"p{i // 2}" for i in range(120)]
    rows = by_subgroup(evaluate.auc, labels, scores, hospital, groups=patients, resamples=100)
    assert list(rows) == ["(not known)", "A", "B"]
    assert rows["(not known)"].n == 15
    assert rows["B"].interval is None and "all images are of class 1" in rows["B"].note
    assert (rows["B"].n, rows["B"].patients) == (5, 5)
    assert (rows["A"].n, rows["A"].patients) == (100, 50)
    assert str(rows["B"]).endswith("n = 5")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"subgroup": ["a"] * 119}, "120 images but 119 subgroups"),
        ({"scores": binary()[1][:-1]}, "120 labels but 119 scores"),
        ({"labels": np.zeros(120, int)}, "no image is of class 1"),
        ({"groups": ["p"] * 119 + [None]}, "have no patient"),
        ({"resamples": 5}, "too few"),
    ],
)
def test_what_is_wrong_with_all_images_is_an_error_and_no_note(change, words):
    labels, scores = binary()
    given = {"labels": labels, "scores": scores, "subgroup": ["a", "b"] * 60, "resamples": 100} | change
    with pytest.raises(DataError, match=words):
        by_subgroup(evaluate.auc, **given)


def test_the_table_is_aligned_and_names_its_level():
    text = table({"auc": Interval(0.948, 0.931, 0.964), "count": 3}, level=0.9, digits=2)
    assert text.splitlines() == [
        "        value  90 % interval",
        "auc      0.95  0.93 to 0.96",
        "count    3.00",
    ]


def test_the_table_of_subgroups_shows_sizes_and_reasons():
    rows = {
        "all": Interval(0.9, 0.8, 0.95),
        "F": Subgroup(60, 41, Interval(0.91, 0.85, 0.96)),
        "M": Subgroup(4, 2, None, "no image is of class 1"),
    }
    assert table(rows).splitlines() == [
        "       n  patients  value  95 % interval",
        "all                 0.900  0.800 to 0.950",
        "F     60        41  0.910  0.850 to 0.960",
        "M      4         2      -  no image is of class 1",
    ]
