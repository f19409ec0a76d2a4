"""Images of every kind that the course has, as one stack of pictures that can be leafed through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medtutor.errors import DataError, unknown
from medtutor.figures.style import numbers

# How a volume in RAS is laid out: axes of (slice, row, column), which of them are turned round, and what lies at the
# left, right, top and bottom of the picture. As radiologists see it: the patient's right is at the left.
_PLANES = {
    "axial": ((2, 1, 0), (1, 2), ("R", "L", "A", "P")),
    "coronal": ((1, 2, 0), (1, 2), ("R", "L", "S", "I")),
    "sagittal": ((0, 2, 1), (1, 2), ("A", "P", "S", "I")),
}


@dataclass(frozen=True)
class Stack:
    """Pictures to leaf through.

    `values`: (N, H, W) uint8, int16 or float32, or in colour (N, H, W, 3) uint8. `mask`: None, or labels uint8
    (N, H, W). `unit`: "HU" or "". `noun`: "slice" or "image". `aspect`: height of a pixel over its width. `place`:
    how a position reads as the index of the caller's array. `to_index` and `to_mm`: 3 x 4, take (slice, row, column,
    1) to that index and to millimetres RAS (or None). `sides`: what lies at the left, right, top and bottom, or ().
    """

    values: np.ndarray
    mask: np.ndarray | None
    unit: str = ""
    noun: str = "slice"
    aspect: float = 1.0
    place: str = "[{0}, {1}, {2}]"
    to_index: tuple = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
    to_mm: tuple | None = None
    sides: tuple[str, ...] = ()
    source: str | None = None


def stack(
    images: Any,
    mask: Any = None,
    *,
    unit: str | None = None,
    plane: str = "axial",
    spacing: tuple[float, float, float] | None = None,
) -> Stack:
    """A `Stack` of anything that the course shows.

    `images`: a `Volume`; an array or tensor (H, W), (D, H, W), (1, D, H, W) or (N, C, H, W) with C 1 or 3; an
    `ImageSet` of 2D images; a `VolumeCase` or `MaskCase`, which bring their mask. `mask`: labels, whole numbers from 0
    to 255, of the same shape without channels; a `Volume` for a `Volume`. `unit`, `spacing` (mm of slice, row and
    column) are for arrays, `plane` for a `Volume`. Raises `DataError`.
    """
    source = getattr(images, "source", None)
    if hasattr(images, "image"):  # a case
        mask = images.mask if mask is None else mask
        images = images.image
        if not hasattr(images, "affine"):  # one picture (C, H, W) with its label map
            images, mask = images[None], None if mask is None else np.asarray(mask)[None]
    elif hasattr(images, "images"):  # an ImageSet
        images = images.images
    if hasattr(images, "affine"):
        made = _of_volume(images, mask, plane)
        unit = images.unit if unit is None else unit
    else:
        made = _of_array(numbers(images, "images"), mask, spacing)
    return replace(made, unit="HU" if unit == "HU" else "", source=source)


def _of_volume(volume: Any, mask: Any, plane: str) -> Stack:
    if plane not in _PLANES:
        raise unknown("plane", plane, _PLANES)
    if np.ndim(volume.array) != 3:
        raise DataError(
            f"The volume has shape {np.shape(volume.array)}; the viewer shows one volume (X, Y, Z) at a time."
        )
    ras = volume.to_ras()
    order, turned, sides = _PLANES[plane]

    def lay(array: np.ndarray) -> np.ndarray:
        return np.flip(array.transpose(order), axis=turned)

    # the same steps for indices: (slice, row, column) to RAS indices, to millimetres, to the indices of the file
    shape = lay(ras.array).shape
    to_ras = np.zeros((4, 4))
    to_ras[3, 3] = 1
    for axis, goes_to in enumerate(order):
        to_ras[goes_to, axis] = -1 if axis in turned else 1
        to_ras[goes_to, 3] = shape[axis] - 1 if axis in turned else 0
    to_mm = ras.affine @ to_ras
    to_index = np.rint(np.linalg.inv(volume.affine) @ to_mm)
    if mask is not None:
        mask = _labels(lay(_on_the_same_grid(volume, mask).to_ras().array))
    steps = np.asarray(ras.spacing)[list(order)]
    return Stack(
        _plain(lay(numbers(ras.array, "voxels"))),
        mask,
        aspect=float(steps[1] / steps[2]),
        to_index=_rows(to_index),
        to_mm=_rows(to_mm),
        sides=sides,
    )


def _on_the_same_grid(volume: Any, mask: Any) -> Any:
    labels = numbers(mask.array if hasattr(mask, "affine") else mask, "mask")
    if labels.shape != volume.array.shape:
        raise DataError(
            f"The mask has shape {labels.shape}, the volume {volume.array.shape}; both must be on one grid."
        )
    if hasattr(mask, "affine") and not np.allclose(mask.affine, volume.affine, atol=1e-2):
        raise DataError("The mask lies elsewhere in the patient than the volume (their affines differ); resample it.")
    return type(volume)(labels, volume.affine, "label")


def _of_array(values: np.ndarray, mask: Any, spacing: Any) -> Stack:
    shape = values.shape
    what = {"noun": "image"}
    if 0 in shape:
        raise DataError(f"There is nothing to show in an array of shape {shape}.")
    if values.ndim == 2:
        values, place = values[None], "[{1}, {2}]"
        mask = None if mask is None else numbers(mask, "mask")[None]
    elif values.ndim == 3 and shape[2] in (3, 4) and min(shape[:2]) > 4:
        raise DataError(
            f"{shape} looks like one colour image with its channels last; give images.transpose(2, 0, 1)[None]."
        )
    elif values.ndim == 3:
        place, what = "[{0}, {1}, {2}]", {}
    elif values.ndim == 4 and shape[1] == 1:
        values, place = values[:, 0], "[{0}, 0, {1}, {2}]"
    elif values.ndim == 4 and shape[1] == 3:
        values, place = _colours(np.moveaxis(values, 1, -1)), "[{0}, :, {1}, {2}]"
    elif values.ndim == 4 and shape[0] == 1:
        values, place, what = values[0], "[0, {0}, {1}, {2}]", {}
    elif values.ndim == 4 and shape[3] in (1, 3):
        raise DataError(f"{shape} has its channels last; give images.transpose(0, 3, 1, 2), which is (N, C, H, W).")
    elif values.ndim == 5:
        raise DataError(f"{shape} is a batch of volumes (N, C, D, H, W); show one of them: images[0].")
    else:
        raise DataError(
            f"The viewer shows (H, W), a volume (D, H, W) or a batch (N, C, H, W) with 1 or 3 channels, got {shape}."
        )
    if mask is not None:
        mask = numbers(mask, "mask")
        if mask.ndim == 4 and 1 in mask.shape[:2]:
            mask = mask[:, 0] if mask.shape[1] == 1 else mask[0]
        if mask.shape != values.shape[:3]:
            raise DataError(f"The mask has shape {mask.shape}, but should have {values.shape[:3]}, as the images.")
        mask = _labels(mask)
    steps = (1.0, 1.0, 1.0) if spacing is None else tuple(spacing)
    if len(steps) != 3 or not all(step > 0 for step in steps):
        raise DataError(f"spacing must be millimetres of (slice, row, column), all above 0, got {spacing}.")
    return Stack(_plain(values), mask, aspect=steps[1] / steps[2], place=place, **what)


def _colours(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise DataError("Colour images must be uint8, or floats between 0 and 1.")
    return np.rint(values * 255).astype(np.uint8)


def _plain(values: np.ndarray) -> np.ndarray:
    """The values in the smallest of the three types that the browser reads; none is changed but by rounding floats."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind in "biu":
        if values.min() >= 0 and values.max() <= 255:
            return values.astype(np.uint8)
        if values.min() >= -(2**15) and values.max() < 2**15:
            return values.astype(np.int16)
    elif not np.isfinite(values).all():
        raise DataError(f"The images hold {int((~np.isfinite(values)).sum())} values that are NaN or infinite.")
    return values.astype(np.float32)


def _labels(mask: np.ndarray) -> np.ndarray:
    if mask.min() < 0 or mask.max() > 255 or (mask != np.rint(mask)).any():
        raise DataError("A mask holds whole numbers from 0 (background) to 255. Threshold probabilities first.")
    return mask.astype(np.uint8)


def _rows(matrix: np.ndarray) -> tuple:
    return tuple(tuple(float(x) + 0.0 for x in row) for row in matrix[:3])
