"""`SliceViewer`: a volume, or a batch of images, to leaf through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from medtutor import figures
from medtutor.errors import DataError
from medtutor.figures.style import MASKS
from medtutor.widgets.arithmetic import PRESETS, preset, windowed
from medtutor.widgets.base import Widget, number
from medtutor.widgets.modules import module, style
from medtutor.widgets.stack import stack


class SliceViewer(Widget):
    """Slices of a volume, or images of a batch, one at a time (lesson 1). What lies above, below, beside?

    `images`, `mask`, `unit`, `plane`, `spacing`: see `stack`. `alt`: what is to be seen, in words (required).
    `index`: the slice to begin with, by default the middle one (of a batch the first). `window`: level and width, or
    for images in HU the name of a preset. `mask_names`: label -> name. `captions`: a few words on each slice.
    `source`: as `ImageSet.source`; where `images` knows its own, that counts; "sample" is marked.

    Python can read and set `index`, `level`, `width`, `opacity`, `outline`. Keys on the picture: arrows, Page Up and
    Down, Home and End leaf; Shift + arrows move the cross that reads values; 1 to 4 choose a preset; O and M switch
    outline and mask. Drag to leaf, Shift + drag for level and width. Raises `DataError`.
    """

    _esm = module("slice_viewer.js")
    _css = style()

    index = traitlets.Int(0).tag(sync=True)
    level = traitlets.Float(0.0).tag(sync=True)
    width = traitlets.Float(1.0).tag(sync=True)
    opacity = traitlets.Float(0.35).tag(sync=True)
    outline = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        images: Any,
        mask: Any = None,
        *,
        alt: str = "",
        unit: str | None = None,
        plane: str = "axial",
        spacing: tuple[float, float, float] | None = None,
        index: int | None = None,
        window: str | tuple[float, float] | None = None,
        opacity: float = 0.35,
        outline: bool = True,
        mask_names: Mapping[int, str] | None = None,
        captions: Sequence[object] = (),
        source: str | None = None,
    ):
        shown = stack(images, mask, unit=unit, plane=plane, spacing=spacing)
        self._stack = shown
        count, rows, columns = shown.values.shape[:3]
        if len(captions) not in (0, count):
            raise DataError(f"There are {count} {shown.noun}s but {len(captions)} captions; give one for each.")
        if index is None:
            index = count // 2 if shown.noun == "slice" else 0
        index = int(number(index, f"index of {count} {shown.noun}s", 0, count - 1))
        level, width, limits = _window(shown, window)
        labels = [] if shown.mask is None else [int(label) for label in np.unique(shown.mask) if label]
        names = {int(label): str(name) for label, name in (mask_names or {}).items()}
        about = {
            "count": count,
            "rows": rows,
            "columns": columns,
            "colour": shown.values.ndim == 4,
            "unit": shown.unit,
            "noun": shown.noun,
            "aspect": shown.aspect,
            "place": shown.place,
            "to_index": shown.to_index,
            "to_mm": shown.to_mm,
            "sides": shown.sides,
            "captions": [str(caption) for caption in captions],
            "limits": limits,
            "presets": PRESETS if shown.unit == "HU" else {},
            "labels": [
                {"label": label, "name": names.get(label, f"label {label}"), "colour": MASKS[(label - 1) % len(MASKS)]}
                for label in labels
            ],
        }
        arrays = {"values": shown.values} | ({} if shown.mask is None else {"mask": shown.mask})
        state = {"index": index, "level": level, "width": width, "outline": bool(outline)}
        source = shown.source or source
        super().__init__(arrays, about, alt, source, opacity=number(opacity, "opacity", 0, 1), **state)

    @traitlets.validate("index")
    def _within(self, proposal: Any) -> int:
        return min(max(proposal["value"], 0), len(self._stack.values) - 1)

    @traitlets.validate("width")
    def _positive(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise DataError(f"The width of a window must be above 0, got {proposal['value']:g}.")
        return proposal["value"]

    def static(self, slices: Sequence[int] | None = None, *, alt: str = "") -> figures.Picture:
        """The still twin: `slices`, by default five from first to last with the present one, in the present window."""
        values, mask, noun = self._stack.values, self._stack.mask, self._stack.noun
        if slices is None:
            spread = np.linspace(0, len(values) - 1, 7)[1:-1] if len(values) > 5 else np.arange(len(values))
            spread = np.unique(spread.round().astype(int))
            spread[np.abs(spread - self.index).argmin()] = self.index
            slices = np.unique(spread)
        chosen = [int(number(k, f"index of {len(values)} {noun}s", 0, len(values) - 1)) for k in slices]
        shape = _square(*values.shape[1:3], self._stack.aspect)
        shown = [
            values[k][shape].transpose(2, 0, 1)
            if values.ndim == 4
            else windowed(values[k][shape], self.level, self.width)
            for k in chosen
        ]
        captions, unit = self.about["captions"], self._stack.unit
        window = "" if values.ndim == 4 else f" at level {self.level:.4g}, width {self.width:.4g} {unit}".rstrip()
        labels = {one["label"]: one["name"] for one in self.about["labels"]}
        return figures.images(
            shown,
            title=f"{len(chosen)} of {len(values)} {noun}s{window}",
            titles=[f"{noun} {k + 1}" + (f": {captions[k]}" if captions else "") for k in chosen],
            masks=None if mask is None else [mask[k][shape] for k in chosen],
            mask_names=[labels.get(k, f"label {k}") for k in range(1, max(labels) + 1)] if labels else (),
            columns=5,
            alt=alt or self._alt,
            source=self._source,
        )


def _window(shown: Any, window: Any) -> tuple[float, float, dict[str, list[float]]]:
    """Level and width to begin with, and how far the sliders go: [lowest, highest, step]."""
    if isinstance(window, str) and shown.unit != "HU":
        raise DataError(f"The window {window!r} is for images in Hounsfield units; give unit='HU', or (level, width).")
    values = shown.values
    low, high = float(values.min()), float(values.max())
    if shown.unit == "HU":
        level, width = preset("soft tissue")
        limits = {"level": [-1000, 1000, 10], "width": [10, 3000, 10]}
    else:
        if values.dtype == np.uint8:
            low, high = 0.0, 255.0
            first, last = low, high
        else:  # a few bright voxels must not make all others dark
            first, last = (float(x) for x in np.percentile(values[:: max(1, len(values) // 32)], [1, 99]))
        first, last = (first, last) if first < last else (low, high if high > low else low + 1)
        level, width = (first + last) / 2, last - first
        step = max(high - low, width) / 255
        limits = {"level": [low, max(high, low + 255 * step), step], "width": [step, 255 * step, step]}
    if window is not None:
        level, width = preset(window)
        if width <= 0:
            raise DataError(f"The width of a window must be above 0, got {width:g}.")
    return level, width, limits


def _square(rows: int, columns: int, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices that repeat rows or columns so that pixels of `aspect` (height over width) come out square."""
    tall, wide = max(aspect, 1), max(1 / aspect, 1)
    down = (np.arange(round(rows * tall)) / tall).astype(int)
    across = (np.arange(round(columns * wide)) / wide).astype(int)
    return np.ix_(down.clip(max=rows - 1), across.clip(max=columns - 1))
