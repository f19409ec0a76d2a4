"""How good probabilities are: Brier score and log loss. Lower is better. `counts` as in `decisions`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from medtutor.evaluate.decisions import mean_of
from medtutor.evaluate.inputs import check


def brier(labels: ArrayLike, scores: ArrayLike, *, task: str | None = None, counts: np.ndarray | None = None):
    """Mean squared distance of the probability from what happened: 0 to 1; multi-class, summed over classes: 0 to 2.

    Multi-label: the mean over labels. After Brier 1950, "Verification of forecasts expressed in terms of
    probability". Shapes and errors: see `medtutor.evaluate.check`.
    """
    y, p, task = check(labels, scores, task, probabilities=True)
    if task == "binary-class":
        each = (p - y) ** 2
    elif task == "multi-label":
        each = ((p - y) ** 2).mean(axis=1)
    else:
        each = ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1)
    return mean_of(each, counts)


def log_loss(labels: ArrayLike, scores: ArrayLike, *, task: str | None = None, counts: np.ndarray | None = None):
    """Mean of -log(probability of what happened), in nats; multi-label: the mean over labels.

    A probability under 2.2e-16 counts as 2.2e-16, as in scikit-learn. Shapes and errors as `brier`.
    """
    y, p, task = check(labels, scores, task, probabilities=True)
    if task in ("binary-class", "multi-label"):
        happened = np.where(y == 1, p, 1 - p).reshape(len(y), -1)
    else:
        happened = np.take_along_axis(p, y[:, None], axis=1)
    tiny = np.finfo(np.float64).eps
    return mean_of(-np.log(np.clip(happened, tiny, 1)).mean(axis=1), counts)
