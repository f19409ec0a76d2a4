"""How well scores rank images: the area under the ROC curve (AUC) and the curve itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from medtutor.errors import DataError
from medtutor.evaluate.inputs import check


def auc(labels: ArrayLike, scores: ArrayLike, *, task: str | None = None, counts: np.ndarray | None = None):
    """Area under the ROC curve: how often an image of the class scores higher than one that is not; ties count half.

    Binary: the AUC of class 1. Multi-class and ordinal: the mean over classes of one class against the rest.
    Multi-label: the mean over labels. These are the conventions of `medmnist.evaluator.getAUC`, so that values can be
    held against published ones. Shapes and errors: see `medtutor.evaluate.check`; `DataError` too where a class
    has no image or all of them. Computed by scikit-learn.

    `counts`: whole numbers (resamples, N), how often a resample holds each image. Then the result is an array
    (resamples,), NaN where a class is missing from a resample; by sums of ranks (Mann-Whitney), for all at once.
    """
    y, s, task = check(labels, scores, task)
    if task == "binary-class":
        columns = [(y == 1, s)]
    elif task == "multi-label":
        columns = [(y[:, k] == 1, s[:, k]) for k in range(y.shape[1])]
    else:
        columns = [(y == c, s[:, c]) for c in range(s.shape[1])]
    if counts is not None:
        return np.mean([_auc_of_resamples(positive, column, counts) for positive, column in columns], axis=0)
    from sklearn.metrics import roc_auc_score

    for index, (positive, _) in enumerate(columns):
        if positive.all() or not positive.any():
            which = "1" if task == "binary-class" else str(index)
            have = "all images are" if positive.all() else "no image is"
            raise DataError(f"AUC needs images of both kinds, but {have} of class {which}; take more images.")
    return float(np.mean([roc_auc_score(positive, column) for positive, column in columns]))


def _auc_of_resamples(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUC (resamples,) of one class, from one sorting of the scores: a resample only changes the weights."""
    order = np.argsort(scores[~positive], kind="stable")
    negatives = scores[~positive][order]
    w_positive = counts[:, positive].astype(np.float64)
    w_negative = counts[:, ~positive][:, order]
    total = np.zeros((len(counts), len(negatives) + 1))
    np.cumsum(w_negative, axis=1, out=total[:, 1:])
    # total[:, k]: images of the other class among the k lowest scores; below < s, up_to <= s: ties count half
    below = np.searchsorted(negatives, scores[positive], side="left")
    up_to = np.searchsorted(negatives, scores[positive], side="right")
    wins = np.einsum("rp,rp->r", w_positive, total[:, below]) + np.einsum("rp,rp->r", w_positive, total[:, up_to])
    pairs = w_positive.sum(axis=1) * total[:, -1]
    return np.divide(wins / 2, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


class RocCurve(NamedTuple):
    """Points of a ROC curve, from the strictest threshold to the laxest; arrays (points,).

    `fpr`: false positive rate, 1 - specificity. `tpr`: true positive rate, sensitivity. `thresholds`: score from
    which on an image is called positive, first `inf`.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    thresholds: np.ndarray


class RocBand(NamedTuple):
    """Pointwise interval of sensitivity: `low` and `high` at the false positive rates `fpr`; arrays (points,)."""

    fpr: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """ROC curve of a binary task, by scikit-learn. `DataError` as `auc`, and for scores of more than two classes."""
    y, s = binary(labels, scores)
    from sklearn.metrics import roc_curve

    return RocCurve(*roc_curve(y, s))


def binary(labels: ArrayLike, scores: ArrayLike, *, probabilities: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of class 1, both (N,), with images of both classes; else `DataError`."""
    y, s, task = check(labels, scores, probabilities=probabilities)
    if task != "binary-class":
        raise DataError(f"This needs two classes, but scores of shape {s.shape} are {task}; pass one column of them.")
    if len(np.unique(y)) < 2:
        raise DataError(f"This needs images of both classes, but all {len(y)} labels are {y[0]}.")
    return y, s
