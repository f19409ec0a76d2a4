"""Metrics on numpy arrays or tensors, with intervals. Every number has one (see `intervals`).

Point values are scikit-learn's and follow the conventions of `medmnist.evaluator`, so that they can be held against
published figures. scikit-learn loads at the first use.
"""

from __future__ import annotations

from medtutor.evaluate.decisions import accuracy, confusion, decide, npv, ppv, sensitivity, specificity
from medtutor.evaluate.inputs import TASKS, check
from medtutor.evaluate.intervals import Interval, bootstrap, bootstrap_seeds, paired_difference, roc_band
from medtutor.evaluate.probabilities import brier, log_loss
from medtutor.evaluate.ranking import RocBand, RocCurve, auc, roc
from medtutor.evaluate.summary import Subgroup, by_subgroup, report, table

__all__ = [
    "TASKS",
    "Interval",
    "RocBand",
    "RocCurve",
    "Subgroup",
    "accuracy",
    "auc",
    "bootstrap",
    "bootstrap_seeds",
    "brier",
    "by_subgroup",
    "check",
    "confusion",
    "decide",
    "log_loss",
    "npv",
    "paired_difference",
    "ppv",
    "report",
    "roc",
    "roc_band",
    "sensitivity",
    "specificity",
    "table",
]
