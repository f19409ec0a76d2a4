"""Intervals by the bootstrap (Efron 1979, doi 10.1214/aos/1176344552): how far a value would move with other patients.

A resample draws as many patients (or images) as there are, with replacement, and the metric is computed again; the
interval holds the middle `level` of the values (percentile interval). Where patients are known, whole patients are
drawn: images of one patient resemble each other, and drawing them singly makes the interval too narrow.

A resample in which the metric does not exist, such as an AUC without a single positive, is drawn anew. So the interval
is conditional on resamples that can be measured; with at least five images (patients) of each class under 1 in 100
is drawn anew. Drawing each class by itself was not chosen: it would hold the share of ill people fixed, which a new
sample does not do, and cannot be done by patient where one patient has images of several classes.

Limits: with fewer than about 20 patients, or few of one class, percentile intervals are too narrow. Where every
resample gives the same value, say AUC 1, the interval has no width and a warning says so.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from medtutor.errors import DataError
from medtutor.evaluate.inputs import array, finite, patients
from medtutor.evaluate.ranking import RocBand, binary

_CELLS = 1_000_000  # images x resamples held at once: under 50 MB while an AUC is computed


class Interval(NamedTuple):
    """A value and its interval. Prints as `0.948 (0.931 to 0.964)`; `f"{interval:.2f}"` takes other digits."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self:.3f}"

    def __format__(self, spec: str) -> str:
        spec = spec or ".3f"
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def bootstrap(
    metric: Callable[..., float],
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: Sequence[Any] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """`metric(labels, scores)` with its interval over patients (`groups`, one name an image) or, without, images.

    `metric`: one of this package (`functools.partial` for its options), or any function of labels (n, ...) and
    scores (n, ...) that gives a float. One that takes `counts`, as ours do, is computed for all resamples at once;
    others are called `resamples` times. The same `seed` gives the same interval, and the same resamples for every
    metric. Raises `DataError`: lengths that differ, `level` not in (0, 1), too few resamples for the level, images
    without patient, a metric that does not exist on these labels.
    """
    y, (models,) = _inputs(labels, [array(scores, "scores")[None]], level, resamples)
    value = _value(metric, y, models[0])
    values = _resampled(metric, y, models, groups, resamples, seed)
    return _interval(value, values[:, 0], level)


def bootstrap_seeds(
    metric: Callable[..., float],
    labels: ArrayLike,
    scores_per_seed: ArrayLike,
    *,
    groups: Sequence[Any] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The mean of `metric` over training seeds, with an interval that holds the seeds and the finite test set.

    `scores_per_seed`: (S, N) or (S, N, C), the scores of the nets of S seeds on the same N images. Each resample
    draws images (patients) and, independently, seeds (pigeonhole bootstrap, Owen 2007, doi 10.1214/07-AOAS122; on
    the wide side). Of S seeds S - 1 are drawn: S would give a variance (S - 1)/S of what it should be, a third
    too little for three seeds. With one seed the interval holds the test set alone. Where three seeds differ more than
    the images allow for, 95 % intervals held the truth in about 86 of 100 simulated cases: take more seeds.
    Errors as `bootstrap`.
    """
    y, (models,) = _inputs(labels, [_stack(scores_per_seed)], level, resamples)
    value = float(np.mean([_value(metric, y, model) for model in models]))
    values = _resampled(metric, y, models, groups, resamples, seed)
    return _interval(value, _mean_over_seeds(values, np.random.default_rng([seed, 1])), level)


def paired_difference(
    metric: Callable[..., float],
    labels: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    groups: Sequence[Any] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """`metric` of `a` minus `metric` of `b`, with its interval: the same resampled images for both.

    `a`, `b`: scores (N,) or (N, C) of the same images, or stacks over seeds (S, N) or (S, N, C), each with its own
    S; the seeds of both are drawn independently, since seed 0 of one net has nothing to do with seed 0 of another.
    An array whose first axis has length N is taken as one model. Zero within the interval: these images
    cannot tell the two apart, which does not say that they are equal. Errors as `bootstrap`.
    """
    count = np.atleast_1d(array(labels, "labels")).shape[0]
    y, (models_a, models_b) = _inputs(labels, [as_stack(a, count), as_stack(b, count)], level, resamples)
    if models_a[0].shape != models_b[0].shape:
        raise DataError(f"The scores of a {models_a[0].shape} and of b {models_b[0].shape} have different shapes.")
    value = np.mean([_value(metric, y, m) for m in models_a]) - np.mean([_value(metric, y, m) for m in models_b])
    values = _resampled(metric, y, np.concatenate([models_a, models_b]), groups, resamples, seed)
    rng = np.random.default_rng([seed, 1])
    mean_a = _mean_over_seeds(values[:, : len(models_a)], rng)
    mean_b = _mean_over_seeds(values[:, len(models_a) :], rng)
    return _interval(float(value), mean_a - mean_b, level)


def roc_band(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: Sequence[Any] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    points: int = 101,
) -> RocBand:
    """Interval of sensitivity at each of `points` false positive rates (pointwise, not for the whole curve at once).

    Binary only. Each resample gives a ROC curve, read by linear interpolation. Errors as `bootstrap` and `roc`.
    """
    y, s = binary(labels, scores)
    settings(level, resamples)
    order = np.argsort(-s, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)  # the last of each run of equal scores
    grid = np.linspace(0, 1, points)

    def curves(counts: np.ndarray) -> np.ndarray:
        rates = []
        for of_class in (0, 1):
            hits = np.cumsum(counts[:, order] * (y[order] == of_class), axis=1)[:, ends]
            with np.errstate(invalid="ignore"):  # a resample without this class: NaN, drawn anew
                rates.append(np.pad(hits / hits[:, -1:], ((0, 0), (1, 0))))
        return np.array([np.interp(grid, fpr, tpr) for fpr, tpr in zip(*rates, strict=True)])

    low, high = np.quantile(_collect(curves, len(y), groups, resamples, seed), _ends(level), axis=0)
    return RocBand(grid, low, high)


def _numbers(scores: Any) -> np.ndarray:
    """Scores as one array; also a list of one array (tensor) a seed."""
    if isinstance(scores, list | tuple) and len(scores) and hasattr(scores[0], "__array__"):
        scores = [array(one, "scores") for one in scores]
    return array(scores, "scores")


def as_stack(scores: Any, count: int) -> np.ndarray:
    """Scores of one model of `count` images, (N,) or (N, C), or of several seeds, as (S, N) or (S, N, C)."""
    one = _numbers(scores)
    return one[None] if one.ndim and len(one) == count else _stack(one)


def _stack(scores: Any) -> np.ndarray:
    stack = _numbers(scores)
    if stack.ndim not in (2, 3):
        raise DataError(f"Scores per seed must be (seeds, N) or (seeds, N, classes), got shape {stack.shape}.")
    return stack


def settings(level: float, resamples: int) -> None:
    """Raise `DataError` for a level or a number of resamples that gives no interval."""
    if not 0 < level < 1:
        raise DataError(f"The level of an interval lies between 0 and 1 (0.95 for 95 %), got {level}.")
    # the small addend: (1 - 0.95) / 2 is a little under 0.025
    if resamples * (1 - level) / 2 + 1e-9 < 1:
        need = math.ceil(2 / (1 - level) - 1e-9)
        raise DataError(f"{resamples} resamples are too few for a level of {level:g}: take at least {need}.")


def _inputs(
    labels: ArrayLike, stacks: list[np.ndarray], level: float, resamples: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    settings(level, resamples)
    y = array(labels, "labels")
    for stack in stacks:
        if y.ndim == 0 or len(stack) == 0 or stack.ndim < 2 or stack.shape[1] != len(y):
            count = len(y) if y.ndim else 0
            have = stack.shape[1] if stack.ndim > 1 else 0
            raise DataError(f"There are {count} labels but {have} scores; both must be of the same images.")
    return y, [np.stack([finite(model, "scores") for model in stack]) for stack in stacks]


def _value(metric: Callable[..., float], labels: np.ndarray, scores: np.ndarray) -> float:
    value = float(metric(labels, scores))
    if not math.isfinite(value):
        raise DataError(f"The metric gives {value} on all images, so there is no interval either.")
    return value


def _draws(count: int, groups: Sequence[Any] | None, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Endless blocks of resamples: counts (rows, N), how often each image is drawn."""
    member = np.arange(count) if groups is None else patients(groups, count)
    units = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    rows = max(1, min(resamples, _CELLS // count))
    while True:
        drawn = rng.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)[:, member]


def _collect(
    measure: Callable[[np.ndarray], np.ndarray],
    count: int,
    groups: Sequence[Any] | None,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """`measure(counts)` (rows, values) of the first `resamples` resamples in which all values exist."""
    kept: list[np.ndarray] = []
    have = lost = 0
    for counts in _draws(count, groups, resamples, seed):
        values = measure(counts[: resamples - have])
        good = values[np.isfinite(values).all(axis=1)]
        kept.append(good)
        have, lost = have + len(good), lost + len(values) - len(good)
        if have == resamples:
            return np.concatenate(kept)
        if lost > max(have / 3, 20):  # more than one in four: of one class there is a single image (patient)
            raise DataError(
                f"The metric does not exist in {lost} of {lost + have} resamples: too few images (or patients) of one "
                "class for an interval."
            )
    raise AssertionError("unreachable: the draws do not end")


def _resampled(
    metric: Callable[..., float],
    labels: np.ndarray,
    models: np.ndarray,
    groups: Sequence[Any] | None,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Values (resamples, models) of the metric; each resample holds the same images for all models."""
    at_once = _takes_counts(metric)

    def measure(counts: np.ndarray) -> np.ndarray:
        if at_once:
            return np.stack([metric(labels, model, counts=counts) for model in models], axis=1)
        values = np.full((len(counts), len(models)), np.nan)
        for row, times in enumerate(counts):
            chosen = np.repeat(np.arange(len(labels)), times)
            for column, model in enumerate(models):
                try:
                    values[row, column] = metric(labels[chosen], model[chosen])
                except ValueError:  # it exists on all images, so here a class is missing
                    break
        return values

    return _collect(measure, len(labels), groups, resamples, seed)


def _takes_counts(metric: Callable[..., float]) -> bool:
    try:
        return "counts" in inspect.signature(metric).parameters
    except (TypeError, ValueError):  # some built-in functions have no signature
        return False


def _mean_over_seeds(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    seeds = values.shape[1]
    if seeds == 1:
        return values[:, 0]
    drawn = rng.integers(0, seeds, (len(values), seeds - 1))
    return np.take_along_axis(values, drawn, axis=1).mean(axis=1)


def _ends(level: float) -> list[float]:
    return [(1 - level) / 2, (1 + level) / 2]


def _interval(value: float, values: np.ndarray, level: float) -> Interval:
    low, high = (float(end) for end in np.quantile(values, _ends(level)))
    if low == high:
        warnings.warn(
            f"All resamples give {low:.3f}, so the interval has no width. Read it as 'no other value was seen on these "
            "images', not as certainty; take more images.",
            stacklevel=3,
        )
    return Interval(value, low, high)
