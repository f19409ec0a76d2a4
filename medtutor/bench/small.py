"""`medtutor bench classification`: the course's small network with its frozen defaults, beside what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from medtutor.bench.hog import hog_svm
from medtutor.bench.scores import over_seeds
from medtutor.data import load
from medtutor.errors import DataError
from medtutor.memory import peak_rss_mb
from medtutor.training import Recipe, fit, predict, recipe_for


def classification(name: str, seeds: int = 5, size: int = 28, baseline: bool = True) -> dict[str, Any]:
    """Train the frozen defaults of `recipe_for` on set `name` once per seed 0..seeds-1 and read the test set once each.

    Returns plain data for JSON: "dataset", "size", "source", "seeds", "test" and "val" ("auc" and "acc", each
    {"mean", "low", "high", "per_seed"}; the 95 % interval resamples seeds and images together), "train_cpu_s" and
    "train_wall_s" ({"mean", "per_seed"}; from the first batch to the last, validation included, imports and the
    first optimizer not), "peak_rss_mb" (of the process, imports and baseline included; None on Windows), "params",
    "recipe", "device", "published" (from the card, or None), and "hog_svm" (with `baseline`).
    Raises the errors of `load`, and `DataError` for fewer than one seed.
    """
    if seeds < 1:
        raise DataError(f"At least one seed is needed, got {seeds}; three or more make a claim.")
    train, val, test = (load(name, split, size) for split in ("train", "val", "test"))
    recipe = recipe_for(train)
    runs, scores = [], {"val": [], "test": []}
    with one_thread():
        warm_up(recipe, train)
        for seed in range(seeds):
            torch.manual_seed(seed)
            net = recipe.net()
            runs.append(fit(net, train, val, seed=seed, live=False, **recipe.fit_settings()))
            for part, images in (("val", val), ("test", test)):
                scores[part].append(predict(net, images, flip=recipe.flip_at_test).numpy())
    result: dict[str, Any] = {
        "dataset": train.card.name,
        "size": size,
        "source": train.source,
        "seeds": list(range(seeds)),
        "test": over_seeds(test, scores["test"]),
        "val": over_seeds(val, scores["val"]),
        "train_cpu_s": _seconds([run.cpu_s for run in runs]),
        "train_wall_s": _seconds([run.wall_s for run in runs]),
        "params": sum(p.numel() for p in net.parameters()),
        "recipe": recipe.as_dict(),
        "device": runs[0].device,
        "published": train.card.published,
    }
    if baseline:
        result["hog_svm"] = hog_svm(train, val, test)
    return result | {"peak_rss_mb": peak_rss_mb()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one CPU thread: the work of one layer of so small a network is over before a second has started.

    Measured on a busy machine with two cores (docs/recipe.md): 7.2 CPU-s and 26 s of waiting with two threads, 2.9
    and 9 with one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def warm_up(recipe: Recipe, train) -> None:
    """Two tiny batches, so that imports and the first optimizer are not counted in the training time."""
    few = train.subset(range(min(len(train), 2 * recipe.batch_size)))
    fit(recipe.net(), few, few, live=False, **recipe.fit_settings() | {"epochs": 1})


def _seconds(values: list[float]) -> dict[str, Any]:
    return {"mean": round(float(np.mean(values)), 3), "per_seed": [round(v, 3) for v in values]}
