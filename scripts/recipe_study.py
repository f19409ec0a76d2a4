"""The study behind `medtutor.training.recipe_for`: makes the tables of docs/recipe.md. The test split is never loaded.

    MEDTUTOR_DATA=FOLDER python scripts/recipe_study.py [SWEEP ...] [--out study.jsonl]

Each setting is trained once a seed on PneumoniaMNIST at 28 pixels and looked at twice:

- val: the official validation split. Too easy to choose by AUC alone (0.99), so log loss and accuracy stand beside it.
- shift: a fifth of the training images that was held out because it looks different: the lowest or the highest fifth
  along one of the first three principal components of the pixels (six splits, one a seed; the share of
  pneumonia in them goes from 0.42 to 0.95). It asks whether a setting holds on images that come from elsewhere.

Copies within train and copies of validation images leave the training set first. What is left of the training set
(about 3750 images) is the size "all"; smaller sizes are drawn from it at random.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import statistics
import time
from pathlib import Path

import medtutor  # noqa: F401  (sets the threads, so before torch)

# isort: split
import numpy as np
import torch
from torch.nn import functional as F

from medtutor.data import load
from medtutor.data.augment import Augmenter
from medtutor.evaluate import accuracy, auc, log_loss
from medtutor.training import batches, fit, loop, predict, recipe_for

COMPONENTS = 3
COLUMNS = ("val AUC", "val acc", "val loss", "shift AUC", "shift acc", "shift loss", "CPU-s")
SEEDS = {True: 6, False: 4}  # with all images, and with few: those runs take longer
# The two fixed points around which one thing at a time is changed. They do not follow the rule, so that the tables
# can be made again after the rule has changed.
ALL = {
    "width": 8,
    "stem_stride": 2,
    "stages": 3,
    "lr": 0.01,
    "batch_size": 128,
    "epochs": 4,
    "augment": False,
    "clean_end": 0.0,
}
FEW = ALL | {"batch_size": 32, "epochs": 32, "augment": True}


def sweeps() -> dict[str, list[tuple[int | None, dict]]]:
    """Name -> (number of training images or None for all, what differs from `ALL` or `FEW`; None: the rule itself)."""

    def both(*changes):
        return [(size, change) for size in (None, 500) for change in ({}, *changes)]

    return {
        "width": [(None, {}), *((None, {"width": w, "epochs": e}) for w, e in ((8, 2), (8, 3), (8, 6), (12, 3), (16, 2),
                  (16, 3))), (500, {}), (500, {"width": 16})],
        "augment": [*((n, {"epochs": 16_000 // n, "augment": a}) for n in (2000, 500, 250) for a in (True, False)),
                    (None, {}), (None, {"augment": True, "epochs": 4}), (None, {"augment": True, "epochs": 6})],
        "epochs": [(500, {}), (500, {"epochs": 16}), (500, {"epochs": 64})],
        "clean_end": [(500, {}), (500, {"no_intensity": True}), *((500, {"clean_end": part}) for part in (0.2, 0.4)),
                      (500, {"clean_end": 0.2, "epochs": 48}),
                      (250, {"epochs": 64}), (250, {"epochs": 64, "clean_end": 0.2}),
                      (2000, {"epochs": 8}), (2000, {"epochs": 8, "augment": False}),
                      (2000, {"epochs": 8, "clean_end": 0.2}),
                      (None, {}), (None, {"augment": True, "clean_end": 0.2})],
        "extras": both({"average": True}, {"shifted_test": True}, {"balanced": True}, {"smooth": 0.05}),
        "lr": both({"lr": 0.003}, {"lr": 0.03}),
        "shape": [(None, {}), *((None, change) for change in ({"stages": 2}, {"stages": 4}, {"stem_stride": 1}))],
        "deeper": [(None, {}), *((None, {"stages": 4, "epochs": 3} | more) for more in ({}, {"batch_size": 64})),
                   (None, {"batch_size": 64, "epochs": 3}), (500, {"clean_end": 0.2, "epochs": 40}),
                   (500, {"clean_end": 0.2, "epochs": 40, "stages": 4})],
        "rule": [(size, None) for size in (None, 500, 250, 1000, 2000)],
    }  # fmt: skip


def without_copies(train, val):
    """`train` without images that are in `val`, and with each image once."""
    seen = {image.numpy().tobytes() for image in val.images}
    keep = []
    for index, image in enumerate(train.images):
        key = image.numpy().tobytes()
        if key not in seen:
            seen.add(key)
            keep.append(index)
    return train.subset(keep)


def held_out(train) -> list[np.ndarray]:
    """Six sets of indices: both ends of the first principal components of how images of one class differ."""
    x = train.images.flatten(1).double().div(255).numpy()
    y = train.labels.numpy()
    within = x - np.stack([x[y == label].mean(0) for label in range(len(train.card.classes))])[y]
    directions = np.linalg.svd(within, full_matrices=False)[2][:COMPONENTS]
    fifth = len(x) // 5
    orders = [np.argsort((x - x.mean(0)) @ direction, kind="stable") for direction in directions]
    return [end for order in orders for end in (order[:fifth], order[-fifth:])]


class Averaging:
    """An augmentation that also keeps the running mean of the weights over the last third of the steps."""

    def __init__(self, net, augment, steps: int):
        self.net, self.augment, self.start, self.step = net, augment, steps * 2 // 3, 0
        self.mean = torch.optim.swa_utils.AveragedModel(net, use_buffers=True)

    def __call__(self, images, generator):
        self.step += 1
        if self.step > self.start:
            self.mean.update_parameters(self.net)
        return images if self.augment is None else self.augment(images, generator)


@contextlib.contextmanager
def smoothed(amount: float):
    """Train with label smoothing: `fit` looks its loss up by this name."""

    def loss(task, logits, labels):
        return F.cross_entropy(logits, labels, label_smoothing=amount)

    loop.loss_for = loss
    try:
        yield
    finally:
        loop.loss_for = batches.loss_for


def predict_shifted(net, images) -> torch.Tensor:
    """The mean over the image and the image moved by one pixel to each side, up and down."""
    wide = F.pad(images.images.float(), (1, 1, 1, 1), mode="replicate").to(torch.uint8)
    size, all_of_them = images.size, torch.zeros(len(images), len(images.classes))
    corners = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    for top, left in corners:
        moved = wide[:, :, top : top + size, left : left + size]
        all_of_them += predict(net, dataclasses.replace(images, images=moved.contiguous()))
    return all_of_them / len(corners)


def one_run(train, val, out, seed: int, change: dict | None) -> dict:
    """Train with `change`, or the rule where it is None, and measure on `val` and on the held-out images `out`."""
    rule = recipe_for(train)
    known = {field.name for field in dataclasses.fields(rule)}
    extra = {key: value for key, value in (change or {}).items() if key not in known}
    recipe = rule
    if change is not None:
        fixed = {key: value for key, value in change.items() if key in known}
        fixed["augment"] = Augmenter.of(train.card) if fixed["augment"] else None
        recipe = dataclasses.replace(rule, **fixed)
    torch.manual_seed(seed)
    net = recipe.net()
    settings = recipe.fit_settings() | {"seed": seed, "live": False, "device": "cpu"}
    settings |= {key: extra[key] for key in ("balanced", "weight_decay") if key in extra}
    steps = recipe.epochs * batches.batches_per_epoch(len(train), recipe.batch_size)
    if "no_intensity" in extra:
        settings["augment"] = dataclasses.replace(recipe.augment, intensity_fraction=0.0)
    if "average" in extra:
        settings["augment"] = Averaging(net, recipe.augment, steps)
    with smoothed(extra["smooth"]) if "smooth" in extra else contextlib.nullcontext():
        history = fit(net, train, val, **settings)
    if "average" in extra:
        settings["augment"].mean.update_parameters(net)
        net = settings["augment"].mean.module
    look = predict_shifted if "shifted_test" in extra else functools.partial(predict, flip=recipe.flip_at_test)
    result = {"cpu_s": history.cpu_s}
    for part, images in (("val", val), ("shift", out)):
        scores = look(net, images).numpy()
        result |= {
            f"{part}_auc": auc(images.labels, scores),
            f"{part}_acc": accuracy(images.labels, scores),
            f"{part}_loss": log_loss(images.labels, scores),
        }
    return result


def study(names: list[str], out: Path | None) -> None:
    """Run the sweeps and print their tables."""
    torch.set_num_threads(1)
    val = load("pneumoniamnist", "val")
    whole = without_copies(load("pneumoniamnist", "train"), val)
    outs = held_out(whole)
    warm = FEW | {"epochs": 1}  # imports and the first optimizer
    one_run(whole.subset(range(200)), val, val, 0, warm)
    print(f"torch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    done: dict[str, list[dict]] = {}
    if out is not None and out.exists():  # a study that was interrupted goes on
        for line in out.read_text().splitlines():
            done.setdefault(json.loads(line)["key"], []).append(json.loads(line))
    for name in names:
        print(f"\n{name}\n\n| images | setting | {' | '.join(COLUMNS)} |\n" + "| --- " * (2 + len(COLUMNS)) + "|")
        first: dict[int | None, list[dict]] = {}
        for size, change in sweeps()[name]:
            full = None if change is None else (ALL if size is None else FEW) | change
            key = json.dumps([size, full])
            for seed in range(len(done.get(key, [])), SEEDS[size is None]):
                left = np.setdiff1d(np.arange(len(whole)), outs[seed])
                if size is not None:
                    left = np.random.default_rng(seed).choice(left, size, replace=False)
                run = one_run(whole.subset(left), val, whole.subset(outs[seed]), seed, full)
                done.setdefault(key, []).append(run)
                if out is not None:
                    with out.open("a") as file:
                        file.write(json.dumps({"key": key, "seed": seed} | run) + "\n")
            print(row(size, change, done[key], first.setdefault(size, done[key])), flush=True)


def row(size: int | None, change: dict | None, runs: list[dict], first: list[dict]) -> str:
    """One line of a table: means; in brackets the standard error of the difference from the first line of that size."""
    words = ", ".join(f"{key} {value}" for key, value in (change or {}).items())
    cells = [str(size or "all"), words or ("the rule" if change is None else "fixed point")]
    for part in ("val", "shift"):
        for metric, digits in (("auc", 4), ("acc", 3), ("loss", 3)):
            values = [run[f"{part}_{metric}"] for run in runs]
            cell = f"{statistics.mean(values):.{digits}f}"
            if runs is not first:
                apart = [a - b[f"{part}_{metric}"] for a, b in zip(values, first, strict=True)]
                cell += f" ({statistics.stdev(apart) / len(apart) ** 0.5:.{digits}f})"
            cells.append(cell)
    cells.append(f"{statistics.mean(run['cpu_s'] for run in runs):.2f}")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=f"of {', '.join(sweeps())}; all where none is named")
    parser.add_argument("--out", type=Path, help="a file to which each run is appended as a line of JSON")
    arguments = parser.parse_args()
    study(arguments.sweeps or list(sweeps()), arguments.out)
