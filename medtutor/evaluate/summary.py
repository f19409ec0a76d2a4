"""The usual metrics of a task in one call, a metric by subgroup, and both as a plain table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from medtutor.errors import DataError
from medtutor.evaluate.decisions import accuracy, sensitivity, specificity
from medtutor.evaluate.inputs import array, known_task, names, patients
from medtutor.evaluate.intervals import Interval, as_stack, bootstrap, bootstrap_seeds, settings
from medtutor.evaluate.ranking import auc


class Subgroup(NamedTuple):
    """A metric on the images of one subgroup: `n` images, `patients` of them or None where they are not known.

    `interval` is None where the metric does not exist or has no interval there; `note` then says why.
    """

    n: int
    patients: int | None
    interval: Interval | None
    note: str = ""

    def __str__(self) -> str:
        return f"{self.interval or self.note}, n = {self.n}"


def report(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    task: str,
    groups: Sequence[Any] | None = None,
    threshold: float = 0.5,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """`auc` and `acc` with intervals, and for a binary task `sensitivity` and `specificity` at `threshold`.

    `scores`: probabilities of one net, (N,), (N, C) or (N, K), or of several seeds, (S, N) or (S, N, C): then each
    value is the mean over seeds and its interval holds them too. Shapes and errors: see `check`, `bootstrap`,
    `bootstrap_seeds`.
    """
    task = known_task(task)
    metrics: dict[str, Callable[..., Any]] = {
        "auc": partial(auc, task=task),
        "acc": partial(accuracy, task=task, threshold=threshold),
    }
    if task == "binary-class":
        metrics["sensitivity"] = partial(sensitivity, threshold=threshold)
        metrics["specificity"] = partial(specificity, threshold=threshold)
    stack = as_stack(scores, np.atleast_1d(array(labels, "labels")).shape[0])
    options = {"groups": groups, "resamples": resamples, "level": level, "seed": seed}
    return {name: bootstrap_seeds(metric, labels, stack, **options) for name, metric in metrics.items()}


def by_subgroup(
    metric: Callable[..., float],
    labels: ArrayLike,
    scores: ArrayLike,
    subgroup: Sequence[Any],
    *,
    groups: Sequence[Any] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Subgroup]:
    """`metric` within each subgroup (sex, hospital, device, ...), with intervals; names in alphabetical order.

    `subgroup`: one name an image; None, NaN and "" form the subgroup "(not known)". `groups`: patients, as in
    `bootstrap`. A subgroup in which the metric does not exist, say one class only, is
    listed with its n and the reason. Many subgroups give many intervals: one in twenty misses the truth by chance.
    """
    y, s = array(labels, "labels"), array(scores, "scores")
    member = np.array([name or "(not known)" for name in names(subgroup, len(y), "subgroups")])
    who = None if groups is None else np.array(names(groups, len(y), "patients (groups)"), dtype=object)
    if len(y) != len(s):
        raise DataError(f"There are {len(y)} labels but {len(s)} scores; both must be of the same images.")
    # what is wrong with all images is an error; what is missing in one subgroup is a note
    settings(level, resamples)
    metric(y, s)
    if groups is not None:
        patients(groups, len(y))
    options = {"resamples": resamples, "level": level, "seed": seed}
    rows = {}
    for name in sorted(set(member.tolist())):
        inside = member == name
        of_whom = None if who is None else who[inside].tolist()
        try:
            interval, note = bootstrap(metric, y[inside], s[inside], groups=of_whom, **options), ""
        except ValueError as error:
            interval, note = None, str(error)
        rows[name] = Subgroup(int(inside.sum()), None if of_whom is None else len(set(of_whom)), interval, note)
    return rows


def table(results: Mapping[str, Any], *, level: float = 0.95, digits: int = 3) -> str:
    """Plain text, aligned: one row a result. Takes what `report` and `by_subgroup` give, and plain numbers.

    >>> print(table({"auc": Interval(0.948, 0.931, 0.964), "acc": Interval(0.88, 0.853, 0.904)}))
          value  95 % interval
    auc   0.948  0.931 to 0.964
    acc   0.880  0.853 to 0.904
    """
    sizes = any(isinstance(result, Subgroup) for result in results.values())
    people = any(isinstance(result, Subgroup) and result.patients is not None for result in results.values())
    head = ["", *(["n"] if sizes else []), *(["patients"] if people else []), "value", f"{level * 100:g} % interval"]
    rows = [head]
    for name, result in results.items():
        row = [name]
        note = ""
        if sizes:
            part = result if isinstance(result, Subgroup) else None
            row += ["" if size is None else str(size) for size in (part or (None, None))[: 1 + people]]
            result, note = (part.interval, part.note) if part else (result, "")
        if isinstance(result, Interval):
            row += [f"{result.value:.{digits}f}", f"{result.low:.{digits}f} to {result.high:.{digits}f}"]
        elif result is None:
            row += ["-", note]
        else:
            row += [f"{float(result):.{digits}f}", ""]
        rows.append(row)
    width = [max(len(row[column]) for row in rows) for column in range(len(head))]
    width[0] += 1
    last = len(head) - 1
    lines = [
        "  ".join(
            cell.ljust(width[i]) if i == 0 else cell if i == last else cell.rjust(width[i])
            for i, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
