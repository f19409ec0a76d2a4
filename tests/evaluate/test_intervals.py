"""Intervals hold the truth as often as they say: by patient, over seeds, in pairs. What gives none is refused."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import norm

from medtutor import evaluate
from medtutor.errors import DataError
from medtutor.evaluate import Interval, bootstrap, bootstrap_seeds, paired_difference, roc_band


def two_classes(n, seed, distance=1.2, ill=0.4):
    """Labels, and scores whose true AUC is that of two bell curves `distance` apart."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < ill).astype(int)
    return labels, rng.normal(size=n) + distance * labels


def width(interval):
    return interval.high - interval.low


def mean_score(labels, scores, counts=None):
    return float(scores.mean()) if counts is None else counts @ scores / counts.sum(axis=1)


def test_an_interval_holds_the_true_auc_in_about_95_of_100_test_sets():
    truth = norm.cdf(1.2 / np.sqrt(2))
    held = 0
    for seed in range(200):
        interval = bootstrap(evaluate.auc, *two_classes(120, seed), resamples=150, seed=seed)
        held += interval.low <= truth <= interval.high
    assert 0.90 <= held / 200 <= 0.99


def test_an_interval_of_80_percent_is_narrower():
    labels, scores = two_classes(200, 0)
    whole, part = (bootstrap(evaluate.auc, labels, scores, level=level, resamples=500) for level in (0.95, 0.8))
    assert whole.value == part.value
    assert width(part) / width(whole) == pytest.approx(norm.ppf(0.9) / norm.ppf(0.975), abs=0.1)


def test_the_interval_has_the_width_that_theory_gives():
    labels = np.repeat([0, 1], 50)
    scores = np.where(np.arange(100) % 5 == 0, 1 - labels, labels).astype(float)  # 80 of 100 are right
    interval = bootstrap(evaluate.accuracy, labels, scores, resamples=4000)
    assert interval.value == pytest.approx(0.8)
    assert width(interval) == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 100), rel=0.06)


def test_images_of_one_patient_count_as_one_patient():
    labels, scores = two_classes(60, 1)
    who = [f"patient {i}" for i in range(60)]
    one_each = bootstrap(evaluate.auc, labels, scores, groups=who, resamples=400)
    four = [np.repeat(part, 4) for part in (labels, scores, who)]
    by_patient = bootstrap(evaluate.auc, *four[:2], groups=four[2], resamples=400)
    by_image = bootstrap(evaluate.auc, *four[:2], resamples=400)
    assert by_patient == pytest.approx(one_each), "copies of an image add nothing"
    assert width(by_patient) / width(by_image) == pytest.approx(2, abs=0.35)  # the root of 4 copies


@pytest.mark.parametrize("metric", [evaluate.auc, evaluate.accuracy, evaluate.brier, evaluate.sensitivity])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_metric_computed_at_once_gives_the_interval_of_one_called_each_time(metric, grouped):
    labels, scores = two_classes(50, 2)
    scores = 1 / (1 + np.exp(-scores))
    options = {"groups": np.arange(50) // 2 if grouped else None, "resamples": 100, "seed": 5}
    at_once = bootstrap(metric, labels, scores, **options)
    each_time = bootstrap(lambda y, s: metric(y, s), labels, scores, **options)
    assert at_once == pytest.approx(each_time, abs=1e-12)


def test_blocks_of_resamples_do_not_change_the_kind_of_result(monkeypatch):
    from medtutor.evaluate import intervals

    labels, scores = two_classes(100, 3)
    whole = bootstrap(evaluate.auc, labels, scores, resamples=500)
    monkeypatch.setattr(intervals, "_CELLS", 700)  # seven resamples at a time
    parts = bootstrap(evaluate.auc, labels, scores, resamples=500)
    assert parts == pytest.approx(whole, abs=0.02)


def test_one_seed_gives_one_interval_and_another_seed_another():
    labels, scores = two_classes(80, 4)
    a, b, c = (bootstrap(evaluate.auc, labels, scores, resamples=200, seed=seed) for seed in (0, 0, 1))
    assert a == b
    assert a != c and a.value == c.value


def test_the_interval_over_seeds_has_the_variance_of_seeds_and_test_set_together():
    seeds, n, of_seeds, of_images = 8, 50, 0.3, 0.7
    rng = np.random.default_rng(0)
    variances = {"both": [], "images": []}
    for repeat in range(120):
        scores = rng.normal(0, of_seeds, (seeds, 1)) + rng.normal(0, of_images, (1, n))
        both = bootstrap_seeds(mean_score, np.zeros(n), scores, resamples=300, seed=repeat)
        images = bootstrap_seeds(mean_score, np.zeros(n), scores[:1], resamples=300, seed=repeat)
        for name, interval in (("both", both), ("images", images)):
            variances[name].append((width(interval) / (2 * 1.96)) ** 2)
    assert np.mean(variances["images"]) == pytest.approx(of_images**2 / n, rel=0.12)
    assert np.mean(variances["both"]) == pytest.approx(of_seeds**2 / seeds + of_images**2 / n, rel=0.12)


def test_three_seeds_count_their_spread_in_full():
    from medtutor.evaluate.intervals import _mean_over_seeds

    seeds = np.array([0.91, 0.95, 0.92])  # drawing three of three would give two thirds of this variance
    means = _mean_over_seeds(np.tile(seeds, (50_000, 1)), np.random.default_rng(0))
    assert means.var() == pytest.approx(seeds.var(ddof=1) / 3, rel=0.03)
    assert means.mean() == pytest.approx(seeds.mean(), abs=1e-3)


def test_seeds_and_test_set_together_are_wider_than_either_alone():
    labels, scores = two_classes(150, 6)
    rng = np.random.default_rng(0)
    stack = scores + np.array([0.1, 1.0, 2.5, 4.0, 1.7])[:, None] * rng.normal(size=(5, 150))
    both = bootstrap_seeds(evaluate.auc, labels, stack, resamples=1000)
    test_set = [bootstrap(evaluate.auc, labels, one, resamples=1000) for one in stack]
    per_seed = [interval.value for interval in test_set]
    assert both.value == pytest.approx(np.mean(per_seed))
    assert width(both) > np.mean([width(interval) for interval in test_set])
    assert width(both) > 2 * 1.96 * np.std(per_seed, ddof=1) / np.sqrt(5)


def test_one_seed_alone_is_the_plain_bootstrap_and_a_list_of_tensors_is_a_stack():
    labels, scores = two_classes(60, 7)
    plain = bootstrap(evaluate.auc, labels, scores, resamples=100)
    assert bootstrap_seeds(evaluate.auc, labels, scores[None], resamples=100) == plain
    stack = np.stack([scores, scores * 2])
    tensors = [torch.tensor(one) for one in stack]
    over_seeds = bootstrap_seeds(evaluate.auc, labels, stack, resamples=100)
    assert bootstrap_seeds(evaluate.auc, labels, tensors, resamples=100) == over_seeds


def test_a_paired_difference_is_narrower_than_the_two_intervals_suggest():
    labels, a = two_classes(200, 8)
    b = a + 0.3 * np.random.default_rng(0).normal(size=200)
    difference = paired_difference(evaluate.auc, labels, a, b, resamples=500)
    apart = np.hypot(*(width(bootstrap(evaluate.auc, labels, s, resamples=500)) for s in (a, b)))
    assert difference.value == pytest.approx(evaluate.auc(labels, a) - evaluate.auc(labels, b))
    assert difference.low < difference.value < difference.high
    assert width(difference) < 0.6 * apart


def test_a_paired_difference_turns_its_sign_and_holds_zero_for_equals():
    labels, a = two_classes(100, 9)
    b = two_classes(100, 9, distance=0)[1]
    one, other = (paired_difference(evaluate.auc, labels, *pair, resamples=300) for pair in ((a, b), (b, a)))
    assert one == pytest.approx((-other.value, -other.high, -other.low), abs=1e-12)
    assert one.low > 0
    with pytest.warns(UserWarning, match="no width"):
        assert paired_difference(evaluate.auc, labels, a, a, resamples=100) == (0, 0, 0)


def test_a_paired_difference_takes_stacks_of_other_lengths_over_seeds():
    labels, a = two_classes(100, 10)
    rng = np.random.default_rng(0)
    many, few = (a + rng.normal(size=(s, 100)) for s in (3, 2))
    mixed = paired_difference(evaluate.auc, labels, many, few, resamples=300)
    values = [np.mean([evaluate.auc(labels, one) for one in stack]) for stack in (many, few)]
    assert mixed.value == pytest.approx(values[0] - values[1])
    against_one = paired_difference(evaluate.auc, labels, many, few[0], resamples=300)
    assert against_one.value == pytest.approx(values[0] - evaluate.auc(labels, few[0]))


def test_a_resample_without_one_class_is_drawn_anew():
    labels = np.array([1] * 3 + [0] * 9)  # 3 in 100 resamples hold no positive image
    scores = np.random.default_rng(0).random(12)
    for metric in (evaluate.auc, lambda y, s: evaluate.auc(y, s)):
        interval = bootstrap(metric, labels, scores, resamples=300)
        assert 0 <= interval.low < interval.high <= 1


def test_the_roc_band_lies_around_the_curve_and_is_narrower_with_more_images():
    small, large = two_classes(60, 11), two_classes(900, 11)
    bands = [roc_band(*data, resamples=200) for data in (small, large)]
    curve = evaluate.roc(*large)
    inside = np.interp(bands[1].fpr, curve.fpr, curve.tpr)
    assert np.all((bands[1].low <= inside + 1e-9) & (inside <= bands[1].high + 1e-9))
    assert (bands[1].high - bands[1].low).mean() < 0.5 * (bands[0].high - bands[0].low).mean()
    assert len(bands[0].fpr) == 101 and bands[0].fpr[[0, -1]].tolist() == [0, 1]


def test_the_roc_band_is_made_of_scikit_learns_curves():
    labels, scores = two_classes(30, 12)
    scores = scores.round(1)  # ties
    band = roc_band(labels, scores, resamples=40, seed=3, points=11)
    curves = []
    rng = np.random.default_rng(3)
    drawn = rng.integers(0, 30, (40, 30))
    for chosen in drawn:
        curve = evaluate.roc(labels[chosen], scores[chosen])
        curves.append(np.interp(band.fpr, curve.fpr, curve.tpr))
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([band.low, band.high], [low, high], atol=1e-9)


def test_an_interval_prints_as_it_is_quoted():
    interval = Interval(0.9481, 0.9312, 0.9643)
    assert str(interval) == "0.948 (0.931 to 0.964)"
    assert f"{interval:+.2f}" == "+0.95 (+0.93 to +0.96)"


LABELS, SCORES = two_classes(40, 13)
AUC = partial(evaluate.auc)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: bootstrap(AUC, LABELS, SCORES, resamples=39), "39 resamples are too few .* at least 40"),
        (lambda: bootstrap(AUC, LABELS, SCORES, level=0.99, resamples=100), "at least 200"),
        (lambda: bootstrap(AUC, LABELS, SCORES, level=95), "between 0 and 1"),
        (lambda: bootstrap(AUC, LABELS, SCORES[:-1]), "40 labels but 39 scores"),
        (lambda: bootstrap(AUC, LABELS, np.where(SCORES > 1, np.nan, SCORES)), "NaN or infinite"),
        (lambda: bootstrap(AUC, np.ones(40, int), SCORES), "all images are of class 1"),
        (lambda: bootstrap(AUC, LABELS, SCORES, groups=["a"] * 40), "All images are of one patient"),
        (lambda: bootstrap(AUC, LABELS, SCORES, groups=["a"] * 39), "40 images but 39 patients"),
        (lambda: bootstrap(AUC, LABELS, SCORES, groups=["a", None, "", float("nan")] * 10), "30 of 40 images have no"),
        (lambda: bootstrap(AUC, LABELS, SCORES, groups=[int(y) for y in LABELS]), "too few images \\(or patients\\)"),
        (lambda: bootstrap(AUC, np.arange(40) == 7, SCORES), r"does not exist in \d+ of \d+ resamples"),
        (lambda: bootstrap(lambda y, s: float("nan"), LABELS, SCORES), "gives nan on all images"),
        (lambda: bootstrap_seeds(AUC, LABELS, SCORES), r"must be \(seeds, N\)"),
        (lambda: bootstrap_seeds(AUC, LABELS, np.zeros((0, 40))), "40 labels but"),
        (lambda: bootstrap_seeds(AUC, LABELS, np.zeros((3, 39))), "40 labels but 39 scores"),
        (lambda: paired_difference(AUC, LABELS, SCORES, np.full((40, 2), 0.5)), "different shapes"),
        (lambda: roc_band(LABELS, SCORES, resamples=10), "too few"),
        (lambda: roc_band(np.zeros(40, int), SCORES), "both classes"),
    ],
)
def test_what_gives_no_interval_is_refused_in_words(call, words):
    with pytest.raises(DataError, match=words):
        call()


def test_an_interval_without_width_is_shown_with_a_warning():
    with pytest.warns(UserWarning, match=r"All resamples give 1.000, so the interval has no width"):
        assert bootstrap(evaluate.auc, [0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], resamples=100) == (1, 1, 1)
