"""AUC and accuracy of a split with 95 % intervals, as plain data for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from medtutor.evaluate import Interval, accuracy, auc, report

METRICS = {"auc": auc, "acc": accuracy}


def over_seeds(images, scores: list[np.ndarray]) -> dict[str, dict[str, Any]]:
    """{"auc" and "acc": {"mean", "low", "high", "per_seed"}} of one array of probabilities (N, classes) a seed.

    The interval resamples seeds and images together (patients, where they are known).
    """
    found = _report(images, scores)
    return {
        key: {"mean": _round(found[key].value), "low": _round(found[key].low), "high": _round(found[key].high),
              "per_seed": [_round(metric(images.labels, one, task=images.task)) for one in scores]}
        for key, metric in METRICS.items()
    }  # fmt: skip


def of_one(images, scores: np.ndarray) -> dict[str, dict[str, float]]:
    """{"auc" and "acc": {"value", "low", "high"}} of one model; the interval resamples images (patients)."""
    found = _report(images, [scores])
    return {key: {end: _round(value) for end, value in found[key]._asdict().items()} for key in METRICS}


def _report(images, scores: list[np.ndarray]) -> dict[str, Interval]:
    return report(images.labels, np.stack(scores), task=images.task, groups=images.patients)


def _round(value: float) -> float:
    return round(float(value), 5)
