"""Grids of medical images with masks, and of feature maps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medtutor.errors import DataError
from medtutor.figures.style import (
    ANATOMY,
    MAPS,
    MASKS,
    Picture,
    described,
    new_figure,
    numbers,
    show,
    style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 760  # CSS pixels: a notebook's column on a small laptop
_PANEL, _GAP = 230, 8  # the widest panel; between panels
_MOST = 100


def images(
    images: Any,
    *,
    title: str,
    alt: str = "",
    titles: Sequence[object] | None = None,
    columns: int = 4,
    masks: Any = None,
    mask_names: Sequence[str] = (),
    window: tuple[float, float] | None = None,
    source: str | None = None,
) -> Picture:
    """A grid of images, gray where they have one channel, pixel for pixel (not smoothed).

    `images`: uint8 (N, C, H, W) with C 1 or 3, or (N, H, W), or a list of (H, W) or (C, H, W) that may differ in size;
    arrays or tensors. Float images lie between 0 and 1. `window` (low, high) instead gives the values that are shown as
    black and as white, say (-160, 240) HU for a belly. `titles`: one for each image. `masks`: one label map (H, W) for
    each image, whole numbers, 0 the background; label 1 is orange, 2 blue, each with its outline. `mask_names`: those
    of label 1, 2, ..., for a legend.

    Raises `DataError`: no `alt`, shapes or values that cannot be shown, more than 100 images, NaN.
    """
    described(alt, source)
    panels = [_displayable(one, window) for one in _each(images, "images")]
    overlays = [None] * len(panels) if masks is None else _label_maps(masks, panels)
    with style():
        fig, axes = _grid(panels, titles, columns, title, below=30 if mask_names else 0)
        limits = {"vmin": 0, "vmax": 1}
        for ax, panel, overlay in zip(axes, panels, overlays, strict=True):
            ax.imshow(panel, cmap=ANATOMY, interpolation="nearest", **limits)
            if overlay is not None:
                height, width = overlay.shape
                ax.imshow(_coloured(overlay), interpolation="nearest", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        if mask_names:
            _legend(fig, mask_names)
        return show(fig, alt=alt, source=source)


def maps(
    maps: Any,
    *,
    title: str,
    label: str,
    alt: str = "",
    titles: Sequence[object] | None = None,
    columns: int = 4,
    limits: tuple[float, float] | None = None,
    source: str | None = None,
) -> Picture:
    """A grid of maps of numbers (features, attributions) in one colour scale, cividis, with its bar.

    `maps`: (N, H, W), or a list of (H, W) that may differ in size. `label`: what the numbers are, with unit, for the
    bar. `limits`: values at the ends of the scale, by default the smallest and the largest of all maps.
    Raises `DataError` as `images`.
    """
    described(alt, source)
    panels = []
    for panel in _each(maps, "maps"):
        if panel.ndim == 3 and panel.shape[0] == 1:
            panel = panel[0]
        if panel.ndim != 2:
            raise DataError(f"A map must have shape (H, W), got {panel.shape}; for images use images().")
        panels.append(_finite(panel, "maps").astype(np.float64))
    low, high = limits or (min(p.min() for p in panels), max(p.max() for p in panels))
    with style():
        fig, axes = _grid(panels, titles, columns, title)
        for ax, panel in zip(axes, panels, strict=True):
            shown = ax.imshow(panel, cmap=MAPS, interpolation="nearest", vmin=low, vmax=high)
        bar = fig.colorbar(shown, ax=axes, label=label, shrink=0.85, pad=0.02, aspect=25)
        bar.outline.set_visible(False)
        return show(fig, alt=alt, source=source)


def _each(values: Any, what: str) -> list[np.ndarray]:
    """The images of a batch, or of a list of images of different sizes."""
    one_by_one = isinstance(values, list | tuple)
    panels = [numbers(v, what) for v in values] if one_by_one else list(np.atleast_1d(numbers(values, what)))
    if not panels:
        raise DataError(f"There are no {what} to show.")
    if len(panels) > _MOST:
        raise DataError(
            f"{len(panels)} {what} do not fit into one figure; take at most {_MOST}, such as {what}[:{_MOST}]."
        )
    if not one_by_one and panels[0].ndim < 2:
        raise DataError(
            f"The {what} must be (N, H, W) or (N, C, H, W), got {np.shape(values)}; put a single one in a list."
        )
    return panels


def _finite(panel: np.ndarray, what: str) -> np.ndarray:
    if not panel.size or not np.isfinite(panel).all():
        raise DataError(
            f"The {what} hold {'NaN or infinite values' if panel.size else 'no pixels'}, so they cannot be shown."
        )
    return panel


def _displayable(panel: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """One image as float (H, W) or (H, W, 3) between 0 and 1."""
    if panel.ndim == 3 and panel.shape[0] in (1, 3):
        panel = panel[0] if panel.shape[0] == 1 else np.moveaxis(panel, 0, -1)
    elif panel.ndim != 2:
        raise DataError(
            f"An image must have shape (H, W), (1, H, W) or (3, H, W), got {panel.shape}; of a volume pass one slice."
        )
    panel = _finite(panel, "images")
    if window is not None:
        low, high = window
        if not low < high:
            raise DataError(f"window=(low, high) needs low < high, got {window}.")
        return np.clip((panel.astype(np.float64) - low) / (high - low), 0, 1)
    if panel.dtype == np.uint8:
        return panel / 255
    if panel.min() < -1e-6 or panel.max() > 1 + 1e-6:
        raise DataError(
            f"Images of {panel.dtype} must lie between 0 and 1, but go from {panel.min():.4g} to {panel.max():.4g}; "
            "give uint8, or say with window=(low, high) what is black and what is white."
        )
    return panel.astype(np.float64)


def _label_maps(masks: Any, panels: list[np.ndarray]) -> list[np.ndarray]:
    overlays = _each(masks, "masks")
    if len(overlays) != len(panels):
        raise DataError(f"There are {len(panels)} images but {len(overlays)} masks; give one for each.")
    result = []
    for overlay, panel in zip(overlays, panels, strict=True):
        overlay = overlay[0] if overlay.ndim == 3 and overlay.shape[0] == 1 else overlay
        if overlay.shape != panel.shape[:2]:
            raise DataError(f"A mask of shape {overlay.shape} does not fit its image of {panel.shape[:2]}.")
        if overlay.min() < 0 or not np.all(overlay == np.round(overlay)):
            raise DataError("Masks must be label maps: whole numbers, 0 the background. Threshold probabilities first.")
        result.append(overlay.astype(np.int64))
    return result


def _coloured(labels: np.ndarray) -> np.ndarray:
    """A label map (H, W) as RGBA (k H, k W, 4): tinted areas, full outlines inside of each."""
    from matplotlib.colors import to_rgb

    # enlarged, so that an outline is thin also on an image of 28 x 28
    times = max(1, math.ceil(2 * _PANEL / max(labels.shape)))
    large = labels.repeat(times, axis=0).repeat(times, axis=1)
    thick = max(1, round(max(large.shape) / 180))
    padded = np.pad(large, thick)
    height, width = large.shape
    edge = np.zeros(large.shape, bool)
    for down, right in ((0, thick), (2 * thick, thick), (thick, 0), (thick, 2 * thick)):
        edge |= padded[down : down + height, right : right + width] != large
    palette = np.array([to_rgb(colour) for colour in MASKS])
    rgba = np.zeros((*large.shape, 4))
    rgba[..., :3] = palette[(large - 1) % len(palette)]
    rgba[..., 3] = np.where(large == 0, 0, np.where(edge, 1, 0.3))
    return rgba


def _legend(fig: Figure, mask_names: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=(colour, 0.4), edgecolor=colour, label=name)
        for name, colour in zip(mask_names, itertools.cycle(MASKS), strict=False)
    ]
    fig.legend(handles=handles, loc="outside lower left", ncols=len(handles))


def _grid(
    panels: list[np.ndarray], titles: Sequence[object] | None, columns: int, title: str, below: int = 0
) -> tuple[Figure, list[Any]]:
    """A figure with a panel for each image, in rows of `columns`, without axes; `below`: CSS pixels for a legend."""
    if titles is not None and len(titles) != len(panels):
        raise DataError(f"There are {len(panels)} images but {len(titles)} titles; give one for each.")
    if columns < 1:
        raise DataError(f"columns must be at least 1, got {columns}.")
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    side = min(_PANEL, (WIDTH - _GAP) / columns)
    tall = max(p.shape[0] / p.shape[1] for p in panels)
    fig = new_figure(columns * side + _GAP, rows * (side * tall + (22 if titles is not None else _GAP)) + below, title)
    axes = list(fig.subplots(rows, columns, squeeze=False).ravel())
    for ax in axes:
        ax.axis("off")
    for ax, words in zip(axes, titles or [], strict=False):
        ax.set_title(str(words), pad=3)
    return fig, axes[: len(panels)]
