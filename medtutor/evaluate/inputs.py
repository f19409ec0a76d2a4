"""Labels, scores and patients as the metrics take them: numpy arrays that have been looked over once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from medtutor.errors import DataError, unknown

TASKS = ("binary-class", "multi-class", "ordinal-regression", "multi-label")


class Checked(NamedTuple):
    """`labels` int64 (N,) or, multi-label, (N, K); `scores` float64 (N,) if binary, else (N, C) or (N, K); `task`."""

    labels: np.ndarray
    scores: np.ndarray
    task: str


def array(values: Any, what: str) -> np.ndarray:
    """`values` (list, array, or tensor on any device) as a numpy array of numbers. Raises `DataError`."""
    if hasattr(values, "detach"):  # a torch tensor, without importing torch; bfloat16 does not exist in numpy
        values = values.detach().cpu()
        values = (values.double() if values.is_floating_point() else values).numpy()
    try:
        result = np.asarray(values)
    except ValueError as error:
        raise DataError(f"The {what} do not form an array: the rows differ in length.") from error
    if result.dtype.kind not in "biuf":
        raise DataError(f"The {what} must be numbers, got {result.dtype}.")
    return result


def finite(values: np.ndarray, what: str) -> np.ndarray:
    """`values` as float64. Raises `DataError` where one is NaN or infinite, and says how many and the first."""
    values = values.astype(np.float64)
    if values.ndim == 0:
        raise DataError(f"The {what} are a single number; give one for each image.")
    bad = ~np.isfinite(values)
    if bad.any():
        images = np.flatnonzero(bad.reshape(len(values), -1).any(axis=1))
        raise DataError(
            f"{len(images)} of {len(values)} images have {what} that are NaN or infinite, first at index {images[0]}; "
            "look whether the training diverged."
        )
    return values


def whole(values: np.ndarray, what: str) -> np.ndarray:
    """`values` as int64. Raises `DataError` where one is not a whole number."""
    if values.dtype.kind == "f" and not np.all(np.isfinite(values) & (values == np.round(values))):
        raise DataError(f"The {what} must be whole numbers (class indices), without NaN; scores come after the labels.")
    return values.astype(np.int64)


def known_task(task: str) -> str:
    """The name of a task; MedMNIST's "multi-label, binary-class" counts as "multi-label"."""
    task = "multi-label" if task == "multi-label, binary-class" else task
    if task not in TASKS:
        raise unknown("classification task", task, TASKS)
    return task


def check(labels: ArrayLike, scores: ArrayLike, task: str | None = None, *, probabilities: bool = False) -> Checked:
    """Look over labels and scores of the same N images, as every metric of this package does.

    `labels`: class indices (N,) or (N, 1); multi-label: zeros and ones (N, K).
    `scores`: binary (N,), the score of class 1, or (N, 2), a probability for each class; multi-class (N, C);
    multi-label (N, K). `task`: one of `TASKS`; None reads it from the shapes: labels (N, K) are multi-label, scores
    (N,) or (N, 2) binary, other scores multi-class. Scores of binary (N,) and of multi-label may be any finite
    numbers unless `probabilities` is asked for: their order is the same for logits. Scores with a column for each
    class must be probabilities, because the order within a column of logits is another one than after softmax.

    Raises `DataError`: lengths or shapes that do not fit, NaN, labels out of range, no probabilities where needed.
    """
    y, s = array(labels, "labels"), finite(array(scores, "scores"), "scores")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
        s = s[:, 0] if s.ndim == 2 and s.shape[1] == 1 else s
    elif s.ndim == 2 and s.shape[1] == 1 and y.ndim == 1:
        s = s[:, 0]
    if y.ndim not in (1, 2) or s.ndim not in (1, 2):
        raise DataError(f"Labels have shape {y.shape} and scores {s.shape}; they must be (N,) or (N, classes).")
    if len(y) != len(s):
        raise DataError(f"There are {len(y)} labels but {len(s)} scores; both must be of the same images.")
    if len(y) == 0:
        raise DataError("There are no labels and no scores: nothing to measure.")
    if task is None:
        task = "multi-label" if y.ndim == 2 else "binary-class" if s.ndim == 1 or s.shape[1] == 2 else "multi-class"
    task = known_task(task)
    y = whole(y, "labels")
    if task == "multi-label":
        if y.ndim != 2 or y.shape != s.shape:
            raise DataError(f"Multi-label: labels {y.shape} and scores {s.shape} must both be (N, K).")
        _in_range(y, 2)
        return Checked(y, as_probabilities(s, rows=False) if probabilities else s, task)
    if y.ndim != 1:
        raise DataError(f"The labels of a {task} task must be class indices (N,), got shape {y.shape}.")
    if task == "binary-class":
        if s.ndim == 2 and s.shape[1] != 2:
            raise DataError(f"Binary scores must be (N,) or (N, 2), got {s.shape}.")
        if s.ndim == 2:
            s = as_probabilities(s, rows=True)[:, 1]
        elif probabilities:
            s = as_probabilities(s, rows=False)
        _in_range(y, 2)
        return Checked(y, s, task)
    if s.ndim != 2:
        raise DataError(f"The scores of a {task} task must be (N, classes), got shape {s.shape}.")
    _in_range(y, s.shape[1])
    return Checked(y, as_probabilities(s, rows=True), task)


def _in_range(labels: np.ndarray, classes: int) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels.max() if labels.max() >= classes else labels.min()
        raise DataError(f"Label {wrong} is out of range: with {classes} classes labels go from 0 to {classes - 1}.")


def as_probabilities(scores: np.ndarray, *, rows: bool) -> np.ndarray:
    """`scores`, if all lie between 0 and 1 and, with `rows`, those of an image sum to 1; else `DataError`."""
    low, high = scores.min(), scores.max()
    if low < -1e-6 or high > 1 + 1e-6:
        use = "softmax" if rows else "sigmoid"
        raise DataError(f"Scores must be probabilities, but go from {low:.3g} to {high:.3g}; apply a {use} first.")
    # half precision: a softmax in bfloat16 sums to 1 within about 0.005
    if rows and np.abs(scores.sum(axis=1) - 1).max() > 0.01:
        at = int(np.abs(scores.sum(axis=1) - 1).argmax())
        raise DataError(
            f"The probabilities of an image must sum to 1; those of index {at} sum to {scores[at].sum():.3f}. Apply a "
            "softmax, or say task='multi-label' with labels (N, K) if an image may have several classes."
        )
    return scores


def names(values: Sequence[Any] | np.ndarray, count: int, what: str) -> list[str | None]:
    """One name for each of `count` images (patient, hospital, ...); None, NaN and "" become None."""
    values = values.detach().cpu().tolist() if hasattr(values, "detach") else list(values)
    if len(values) != count:
        raise DataError(f"There are {count} images but {len(values)} {what}; give one for each image.")
    return [None if v is None or v != v or str(v).strip() == "" else str(v) for v in values]


def patients(groups: Sequence[Any] | np.ndarray, count: int) -> np.ndarray:
    """For each of `count` images the index of its patient, int64 (N,). Raises `DataError`."""
    known = names(groups, count, "patients (groups)")
    missing = sum(name is None for name in known)
    if missing:
        # taken as one patient they would be one huge group, taken as many they would hide real ones
        raise DataError(f"{missing} of {count} images have no patient; leave them out, or give groups=None.")
    index = np.unique(np.array(known), return_inverse=True)[1].reshape(-1)
    if index.max() == 0:
        raise DataError("All images are of one patient: there is nothing to resample.")
    return index
