"""`ConvolutionPlayground`: a kernel to write in, and the map that it makes of a real image."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from medtutor import figures
from medtutor.errors import DataError, unknown
from medtutor.figures.style import new_figure, numbers, style
from medtutor.widgets import modules
from medtutor.widgets.arithmetic import convolved
from medtutor.widgets.base import Widget
from medtutor.widgets.stack import stack

KERNELS = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "blur": tuple((1 / 9,) * 3 for _ in range(3)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "Laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
}
_LONGEST = 256  # pixels a side: the map is made anew at every key


class ConvolutionPlayground(Widget):
    """A kernel that can be edited, and its map on an image (lesson 3). Which kernel answers to which structure?

    `image`: one gray image (H, W) or (1, H, W), sides from 8 to 256 pixels; uint8, or floats between 0 and 1. `kernel`:
    a name of `KERNELS`, or numbers (3, 3) or (5, 5). `alt`: what the image shows, in words (required). `source`: as
    `ImageSet.source`; "sample" is marked.

    The map is that of `torch.nn.functional.conv2d` without padding, of the image scaled to 0 to 1. `kernel` can be
    read and set. In the kernel, Up and Down change a number, Left and Right go to the next; on the map the arrows
    move the cross, whose sum of products is written out. Raises `DataError`.
    """

    _esm = modules.module("convolution.js")
    _css = modules.style()

    kernel = traitlets.List().tag(sync=True)

    def __init__(self, image: Any, *, alt: str = "", kernel: Any = "vertical edges", source: str | None = None):
        values = stack(_one(image)).values[0]
        values = values.astype(np.float32) / (1 if values.dtype.kind == "f" else 255)
        if min(values.shape) < 8 or max(values.shape) > _LONGEST:
            raise DataError(
                f"The image must have 8 to {_LONGEST} pixels a side, got {values.shape}; crop or shrink it."
            )
        if values.min() < 0 or values.max() > 1:
            raise DataError(f"The image must be uint8, or between 0 and 1; it goes to {values.max():.4g}.")
        self._image = values
        about = {"rows": values.shape[0], "columns": values.shape[1], "kernels": KERNELS, "table": _table()}
        super().__init__({"image": values}, about, alt, source, kernel=_kernel(kernel))

    @traitlets.validate("kernel")
    def _numbers(self, proposal: Any) -> list[list[float]]:
        return _kernel(proposal["value"])

    def map(self) -> np.ndarray:
        """The map (H - k + 1, W - k + 1) of the present kernel, float64."""
        return convolved(self._image, np.asarray(self.kernel))

    def static(self, *, alt: str = "") -> figures.Picture:
        """The still twin: the image, the kernel and its map side by side."""
        kernel, answer = np.asarray(self.kernel), self.map()
        name = next(
            (name for name, one in KERNELS.items() if np.shape(one) == kernel.shape and np.allclose(one, kernel)), ""
        )
        limit = float(np.abs(answer).max()) or 1.0
        with style():
            fig = new_figure(760, 260, f"The map of the kernel{f' for {name}' if name else ''} on the image")
            image, grid, shown = fig.subplots(1, 3, width_ratios=(1, 0.7, 1.1))
            image.imshow(self._image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            grid.imshow(np.zeros_like(kernel), cmap="Greys", vmin=0, vmax=1)
            for (row, column), weight in np.ndenumerate(kernel):
                grid.text(column, row, f"{weight:.3g}", ha="center", va="center")
            grid.set_xticks(np.arange(1, len(kernel)) - 0.5)
            grid.set_yticks(np.arange(1, len(kernel)) - 0.5)
            grid.grid(True)
            grid.tick_params(length=0, labelleft=False, labelbottom=False)
            drawn = shown.imshow(answer, cmap="cividis", vmin=-limit, vmax=limit, interpolation="nearest")
            fig.colorbar(drawn, ax=shown, label="sum of products", shrink=0.8)
            for ax, words in ((image, "image"), (grid, "kernel"), (shown, "map")):
                ax.set_title(words)
            image.axis("off")
            shown.axis("off")
        rows = "; ".join(", ".join(f"{weight:.3g}" for weight in row) for row in kernel)
        words = alt or f"{self._alt.rstrip('.')}. Beside it the kernel with rows {rows}, and its map, {_range(answer)}."
        return figures.show(fig, alt=words, source=self._source)


def _table() -> list[list[int]]:
    """The 256 colours of cividis, as the browser paints the map with them."""
    from matplotlib import colormaps

    return np.rint(colormaps["cividis"](np.arange(256))[:, :3] * 255).astype(int).tolist()


def _one(image: Any) -> np.ndarray:
    """An image (1, H, W) or (1, 1, H, W) as (H, W)."""
    values = numbers(image, "image")
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise DataError(f"The playground takes one gray image (H, W) or (1, H, W), got {values.shape}.")
    return values


def _kernel(kernel: Any) -> list[list[float]]:
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise unknown("kernel", kernel, KERNELS)
        kernel = KERNELS[kernel]
    values = numbers(kernel, "kernel").astype(np.float64)
    if values.shape not in ((3, 3), (5, 5)) or not np.isfinite(values).all():
        raise DataError(f"The kernel must be 3 x 3 or 5 x 5 finite numbers, got {values.shape}.")
    return values.tolist()


def _range(answer: np.ndarray) -> str:
    return f"from {answer.min():.3g} to {answer.max():.3g}"
