"""The classical baseline beside every network: histograms of oriented gradients and a support vector machine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from medtutor.bench.scores import of_one
from medtutor.evaluate import auc

LARGEST = 10_000  # training images; the time of the machine grows with the square of their number
KERNEL_MB = 20  # how much of the kernel matrix is kept; scikit-learn's 200 MB is no faster here


def hog_svm(train, val, test) -> dict[str, Any] | None:
    """HOG features (Dalal and Triggs 2005, doi 10.1109/CVPR.2005.177) and an RBF support vector machine.

    The penalty C is the one of 1, 10 and 100 with the best validation AUC; the test set is read once. Returns "test"
    and "val" ("auc" and "acc", each {"value", "low", "high"}; 95 % intervals over images, because nothing in it is
    random), "cpu_s" (features of all splits, three trainings and the prediction), "C" and "train_images" (at most
    10 000, drawn at random). None for volumes and multi-label sets, for which this baseline is not defined.
    """
    if train.images.ndim != 4 or train.task == "multi-label":
        return None
    from sklearn.svm import SVC

    start = time.process_time()
    count = min(len(train), LARGEST)
    chosen = np.random.default_rng(0).permutation(len(train))[:count]
    features = hog_features(train.images.numpy()[chosen])
    labels = train.labels.numpy()[chosen]
    seen = {"val": hog_features(val.images.numpy()), "test": hog_features(test.images.numpy())}
    best = None
    for penalty in (1, 10, 100):
        machine = SVC(C=penalty, cache_size=KERNEL_MB).fit(features, labels)
        score = auc(val.labels, _scores(machine, seen["val"]), task=val.task)
        if best is None or score > best[0]:
            best = (score, penalty, machine)
    _, penalty, machine = best
    scores = {part: _scores(machine, seen[part]) for part in seen}
    cpu = time.process_time() - start
    result = {part: of_one(images, scores[part]) for part, images in (("val", val), ("test", test))}
    return {**result, "cpu_s": round(cpu, 2), "C": penalty, "train_images": count}


def hog_features(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, C, H, W) to float features (N, F): 8 directions, 7 x 7 cells, blocks of 2 x 2."""
    from skimage.feature import hog

    cell = max(2, images.shape[-1] // 7)
    settings = dict(orientations=8, pixels_per_cell=(cell, cell), cells_per_block=(2, 2), channel_axis=0)
    features = np.empty((len(images), len(hog(images[0], **settings))))  # float64, of which the machine takes no copy
    for row, image in zip(features, images, strict=True):
        row[:] = hog(image, **settings)
    return features


def _scores(machine, features: np.ndarray) -> np.ndarray:
    """(N, classes), each row positive with sum 1. Only their order has a meaning: the margin is no probability."""
    margin = machine.decision_function(features)
    if margin.ndim == 1:
        margin = np.stack([-margin / 2, margin / 2], 1)
    exp = np.exp(margin - margin.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)
