"""A set of labelled images that checks itself (lesson 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from medtutor.data.cards import Card
from medtutor.data.sources import SOURCES, sample_banner
from medtutor.errors import DataError


@dataclass(repr=False)
class ImageSet:
    """Images with their labels, as every lesson takes them.

    `images` uint8 (N, C, H, W) or (N, C, D, H, W), every side `size` pixels; `labels` int64 (N,) with classes of the
    card, or (N, K) of 0 and 1 where an image can have several findings. `patients` names the patient of each image,
    None where the data do not know. `source` is "folder", "cache", "download" or "sample". `columns` holds other
    facts of each image, such as sex or hospital; "" is unknown.

    Raises `DataError` on creation where something does not fit.
    """

    images: torch.Tensor
    labels: torch.Tensor
    patients: tuple[str, ...] | None
    card: Card
    source: str
    split: str
    size: int
    columns: dict[str, tuple] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_images()
        self._check_labels()
        if self.patients is not None:
            self.patients = self._column("patients", self.patients)
            if not all(isinstance(patient, str) and patient for patient in self.patients):
                raise DataError(f"{self._title}: patients should be names (text that is not empty), or None for all.")
        self.columns = {name: self._column(f"column {name}", values) for name, values in self.columns.items()}
        if self.source not in SOURCES:
            raise DataError(f"{self._title}: source should be one of {', '.join(SOURCES)}, got {self.source!r}.")

    @property
    def task(self) -> str:
        """What there is to predict, in the words of `medtutor.evaluate`, such as "binary-class"."""
        return "multi-label" if self.card.task.startswith("multi-label") else self.card.task

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; the label is the index."""
        return tuple(self.card.classes)

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, indices: Sequence[int] | np.ndarray | torch.Tensor) -> ImageSet:
        """The images at `indices` (whole numbers, or one True or False per image) with all that belongs to them.

        Raises `DataError` for an index that does not exist and for an empty selection.
        """
        chosen = _as_indices(indices, len(self), self._title)
        rows = chosen.tolist()
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            patients=None if self.patients is None else tuple(self.patients[i] for i in rows),
            columns={name: tuple(values[i] for i in rows) for name, values in self.columns.items()},
        )

    def banner(self) -> str | None:
        """The sentence that goes with every result on the offline sample; None for real images."""
        return sample_banner(self.card) if self.source == "sample" else None

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        counts = self.labels.sum(0) if self.task == "multi-label" else torch.bincount(self.labels)
        counts = [*counts.tolist(), *[0] * len(self.classes)]
        classes = ", ".join(f"{n} {name}" for n, name in zip(counts, self.classes, strict=False))
        people = "patients unknown" if self.patients is None else f"{len(set(self.patients))} patients"
        source = "OFFLINE SAMPLE, not patients" if self.source == "sample" else f"from {self.source}"
        return f"<ImageSet {self._title}: {len(self)} images, {shape} uint8; {classes}; {people}; {source}>"

    @property
    def _title(self) -> str:
        return f"{self.card.name} {self.split}"

    def _check_images(self) -> None:
        images = self.images
        if not isinstance(images, torch.Tensor):
            raise DataError(f"{self._title}: images should be a torch tensor, got {type(images).__name__}.")
        if images.is_floating_point() and bool(torch.isnan(images).any()):
            bad = torch.isnan(images).flatten(1).any(1).nonzero().flatten() if images.ndim > 1 else [0]
            raise DataError(f"{self._title}: {len(bad)} images hold NaN, first at index {int(bad[0])}; repair them.")
        if images.dtype != torch.uint8:
            raise DataError(
                f"{self._title}: images should be uint8 (0 to 255), got {_dtype(images)}; "
                "training scales them, so keep them as they are stored."
            )
        if len(images) == 0:
            raise DataError(f"{self._title}: there are no images.")
        sides = tuple(images.shape[2:])
        if images.ndim not in (4, 5) or set(sides) != {self.size} or images.shape[1] == 0:
            raise DataError(
                f"{self._title}: images of size {self.size} should have the shape (N, C, {self.size}, {self.size}), or "
                f"with one more {self.size} for volumes, got {tuple(images.shape)}."
            )

    def _check_labels(self) -> None:
        labels, classes = self.labels, self.classes
        if not isinstance(labels, torch.Tensor):
            raise DataError(f"{self._title}: labels should be a torch tensor, got {type(labels).__name__}.")
        if labels.is_floating_point() and bool(torch.isnan(labels).any()):
            raise DataError(f"{self._title}: labels hold NaN; leave out the images without a label.")
        if labels.dtype != torch.int64:
            raise DataError(f"{self._title}: labels should be int64, got {_dtype(labels)}; use labels.long().")
        if len(labels) != len(self.images):
            raise DataError(f"{self._title}: there are {len(self.images)} images but {len(labels)} labels.")
        several = self.task == "multi-label"
        shape = (len(labels), len(classes)) if several else (len(labels),)
        if tuple(labels.shape) != shape:
            raise DataError(f"{self._title}: labels should have the shape {shape}, got {tuple(labels.shape)}.")
        top = 1 if several else len(classes) - 1
        wrong = ((labels < 0) | (labels > top)).nonzero()
        if len(wrong):
            what = "0 or 1 for each finding" if several else f"a class from 0 to {top} ({', '.join(classes)})"
            value = int(labels[tuple(wrong[0])])
            raise DataError(
                f"{self._title}: label out of range: image {int(wrong[0][0])} has {value}; a label is {what}."
            )

    def _column(self, what: str, values: Any) -> tuple:
        values = tuple(values)
        if len(values) != len(self.images):
            raise DataError(f"{self._title}: there are {len(self.images)} images but {len(values)} {what}.")
        return values


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _as_indices(indices: Any, n: int, title: str) -> torch.Tensor:
    if isinstance(indices, slice):
        indices = range(n)[indices]
    chosen = torch.as_tensor(list(indices) if isinstance(indices, range) else indices).flatten()
    if chosen.dtype == torch.bool:
        if len(chosen) != n:
            raise DataError(f"{title}: a choice by True and False needs {n} of them, got {len(chosen)}.")
        chosen = chosen.nonzero().flatten()
    if len(chosen) == 0:
        raise DataError(f"{title}: the subset would be empty.")
    if chosen.is_floating_point():
        raise DataError(f"{title}: indices should be whole numbers, got {_dtype(chosen)}.")
    if int(chosen.min()) < -n or int(chosen.max()) >= n:
        worst = int(chosen.max()) if int(chosen.max()) >= n else int(chosen.min())
        raise DataError(f"{title}: there is no image {worst}; the {n} images have the indices 0 to {n - 1}.")
    return chosen.long()
