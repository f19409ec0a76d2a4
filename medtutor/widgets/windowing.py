"""`WindowingPlayground`: which Hounsfield units are spread over the grey values of the screen, and which are lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from medtutor import figures
from medtutor.errors import DataError
from medtutor.figures.style import BLUE, MASKS, QUIET, new_figure, style
from medtutor.widgets import modules
from medtutor.widgets.arithmetic import PRESETS, preset, windowed
from medtutor.widgets.base import Widget, number
from medtutor.widgets.stack import stack

LOW, HIGH, BIN = -1100, 2000, 20  # HU of the axis and of a bar


class WindowingPlayground(Widget):
    """One CT slice, its histogram, and the line that takes HU to grey (lesson 1). What does a window show, what not?

    `image`: a `Volume` or `VolumeCase` in HU, of which slice `index` is taken (by default the middle one) in `plane`;
    or an array (H, W) in HU. `window`: name of a preset, or (level, width). `alt`: what the slice shows, in words
    (required). `source`: as `ImageSet.source`; "sample" is marked.

    `level` and `width` can be read and set. Everything is reached by Tab: the presets are buttons, the sliders obey the
    arrow keys. Raises `DataError`, also for images that are not in HU: their numbers have no zero at water.
    """

    _esm = modules.module("windowing.js")
    _css = modules.style()

    level = traitlets.Float(40.0).tag(sync=True)
    width = traitlets.Float(400.0).tag(sync=True)

    def __init__(
        self,
        image: Any,
        *,
        alt: str = "",
        index: int | None = None,
        plane: str = "axial",
        window: str | tuple[float, float] = "soft tissue",
        source: str | None = None,
    ):
        is_array = not (hasattr(image, "affine") or hasattr(image, "image"))
        shown = stack(image, unit="HU" if is_array else None, plane=plane)
        if shown.unit != "HU":
            raise DataError("Windows are for CT in Hounsfield units; this volume's unit is not HU.")
        if shown.values.ndim != 3 or (is_array and len(shown.values) != 1):
            raise DataError(f"The playground takes one slice (H, W) or a Volume in HU, got {np.shape(image)}.")
        count = len(shown.values)
        index = count // 2 if index is None else int(number(index, f"index of {count} slices", 0, count - 1))
        values = shown.values[index]
        if is_array and values.min() >= 0:
            raise DataError(
                "This slice has no value below 0, so it is not in HU (air is -1000): apply slope and intercept."
            )
        self._values = values if values.dtype == np.int16 else np.rint(np.clip(values, -32768, 32767)).astype(np.int16)
        counts, _ = np.histogram(np.clip(self._values, LOW, HIGH - 1), np.arange(LOW, HIGH + BIN, BIN))
        about = {
            "rows": values.shape[0],
            "columns": values.shape[1],
            "aspect": shown.aspect,
            "sides": shown.sides,
            "presets": PRESETS,
            "axis": [LOW, HIGH, BIN],
            "counts": counts.tolist(),
            "colours": [BLUE, MASKS[0]],
        }
        level, width = preset(window)
        source = shown.source or source
        super().__init__({"values": self._values}, about, alt, source, level=level, width=width)

    @traitlets.validate("width")
    def _positive(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise DataError(f"The width of a window must be above 0, got {proposal['value']:g}.")
        return proposal["value"]

    def static(self, *, alt: str = "") -> figures.Picture:
        """The still twin: the slice in the present window, and its histogram under the line from HU to grey."""
        low, high = self.level - self.width / 2, self.level + self.width / 2
        inside = float(((self._values >= low) & (self._values <= high)).mean())
        axis = np.arange(LOW, HIGH, BIN)
        with style():
            title = f"Level {self.level:g}, width {self.width:g} HU: black up to {low:g} HU, white from {high:g} HU"
            fig = new_figure(760, 340, title)
            picture, chart = fig.subplots(1, 2)
            picture.imshow(
                windowed(self._values, self.level, self.width),
                cmap="gray",
                vmin=0,
                vmax=255,
                interpolation="nearest",
                aspect=self.about["aspect"],
            )
            picture.axis("off")
            chart.bar(axis, self.about["counts"], width=BIN, align="edge", color=QUIET)
            chart.set(yscale="log", xlim=(LOW, HIGH), xlabel="HU", ylabel="pixels")
            line = chart.twinx()
            line.plot([LOW, low, high, HIGH], [0, 0, 255, 255], color=BLUE, linewidth=2)
            line.set(ylim=(-5, 260), ylabel="grey value on the screen")
            line.spines["right"].set_visible(True)
        words = alt or (
            f"{self._alt.rstrip('.')}. Shown from {low:g} HU, black, to {high:g} HU, white: {inside:.0%} of the pixels "
            "lie between. Beside it the histogram of the values, with the rising line from HU to grey value."
        )
        return figures.show(fig, alt=words, source=self._source)
