"""How good decisions are: accuracy, sensitivity, specificity, predictive values, the confusion matrix.

Every metric takes `counts`, whole numbers (resamples, N): how often a resample holds each image. Then the result is an
array (resamples,), NaN where a resample holds no image to measure on. Without `counts` it is a float.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from medtutor.errors import DataError
from medtutor.evaluate.inputs import array, as_probabilities, check, finite, known_task, whole


def decide(scores: ArrayLike, *, task: str | None = None, threshold: float = 0.5) -> np.ndarray:
    """The class of each image, int64 (N,), from probabilities; multi-label: zeros and ones (N, K).

    Binary, (N,) or (N, 2): class 1 where its probability is above `threshold`. (N, C): the most probable class.
    `task="multi-label"`: each label whose probability is above `threshold`. Raises `DataError`: other shapes, NaN,
    scores for a threshold that are no probabilities.
    """
    s = finite(array(scores, "scores"), "scores")
    if s.ndim not in (1, 2):
        raise DataError(f"Scores must be (N,) or (N, classes), got shape {s.shape}.")
    task = known_task(task) if task else "binary-class" if s.ndim == 1 or s.shape[1] <= 2 else "multi-class"
    if task in ("multi-class", "ordinal-regression"):
        if s.ndim == 1:
            raise DataError(f"The scores of a {task} task must be (N, classes), got shape {s.shape}.")
        return s.argmax(axis=1)
    if task == "binary-class" and s.ndim == 2:
        if s.shape[1] > 2:
            raise DataError(f"Binary scores must be (N,) or (N, 2), got {s.shape}.")
        s = s[:, -1]
    return (as_probabilities(s, rows=False) > threshold).astype(np.int64)


def mean_of(values: np.ndarray, counts: np.ndarray | None, among: np.ndarray | None = None, what: str = ""):
    """Mean of `values` (N,) over the images `among` (N,), or (resamples,) means where `counts` says so."""
    among = np.ones(len(values), bool) if among is None else among
    if counts is None:
        if not among.any():
            raise DataError(f"There is no image {what}, so this cannot be measured; take more images.")
        return float(values[among].mean())
    weights = counts[:, among]
    size = weights.sum(axis=1)
    return np.divide(weights @ values[among].astype(np.float64), size, out=np.full(len(counts), np.nan), where=size > 0)


def accuracy(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    task: str | None = None,
    threshold: float = 0.5,
    counts: np.ndarray | None = None,
):
    """Share of right decisions. Multi-label: over all labels of all images. As `medmnist.evaluator.getACC`.

    `scores` are probabilities, see `medtutor.evaluate.check` for shapes and errors. `threshold` is for binary and
    multi-label; a probability equal to it is a no.
    """
    y, s, task = check(labels, scores, task, probabilities=True)
    right = decide(s, task=task, threshold=threshold) == y
    return mean_of(right.reshape(len(y), -1).mean(axis=1), counts)


def sensitivity(labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, counts: np.ndarray | None = None):
    """Share of the images of class 1 that are called positive (probability above `threshold`): the ill who are found.

    Binary: scores (N,) or (N, 2). `DataError` for other tasks, and where no image is of class 1.
    """
    y, called = _binary(labels, scores, threshold)
    return mean_of(called, counts, y == 1, "of class 1")


def specificity(labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, counts: np.ndarray | None = None):
    """Share of the images of class 0 that are called negative: the healthy who are left alone. As `sensitivity`."""
    y, called = _binary(labels, scores, threshold)
    return mean_of(~called, counts, y == 0, "of class 0")


def ppv(labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, counts: np.ndarray | None = None):
    """Positive predictive value (precision): share of class 1 among the images called positive.

    It changes with how common class 1 is: that of a test set half of which is ill is not that of a clinic.
    """
    y, called = _binary(labels, scores, threshold)
    return mean_of(y == 1, counts, called, f"with a probability above {threshold:g}")


def npv(labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, counts: np.ndarray | None = None):
    """Negative predictive value: share of class 0 among the images called negative. As `ppv`."""
    y, called = _binary(labels, scores, threshold)
    return mean_of(y == 0, counts, ~called, f"with a probability up to {threshold:g}")


def _binary(labels: ArrayLike, scores: ArrayLike, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    y, s, task = check(labels, scores, probabilities=True)
    if task != "binary-class":
        raise DataError(f"This needs two classes, but scores of shape {s.shape} are {task}; see confusion().")
    return y, s > threshold


def confusion(labels: ArrayLike, predicted: ArrayLike, classes: int | Sequence[str]) -> np.ndarray:
    """Confusion matrix, int64 (C, C): row = true class, column = predicted class. By scikit-learn.

    `labels` and `predicted`: class indices (N,), see `decide`. `classes`: how many, or their names.
    """
    count = len(classes) if hasattr(classes, "__len__") else int(classes)
    pair = []
    for values, what in ((labels, "labels"), (predicted, "predicted classes")):
        values = array(values, what)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise DataError(f"The {what} must be class indices (N,), got shape {values.shape}; use decide(scores).")
        values = whole(values, what)
        if len(values) and (values.min() < 0 or values.max() >= count):
            raise DataError(f"The {what} go from {values.min()} to {values.max()}, but there are {count} classes.")
        pair.append(values)
    if len(pair[0]) != len(pair[1]) or len(pair[0]) == 0:
        raise DataError(f"There are {len(pair[0])} labels and {len(pair[1])} predicted classes; give as many of both.")
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(pair[0], pair[1], labels=range(count))
