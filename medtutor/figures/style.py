"""The one place for colours, sizes and descriptions, and the way from a matplotlib figure to a notebook."""

from __future__ import annotations

import base64
import html
import io
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtutor.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008, "Color universal design", with orange and blue first; yellow is left out: too light for lines
ORANGE, BLUE, GREEN, VERMILLION, PURPLE, SKY = "#E69F00", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY)  # lines and dots on white
MASKS = (
    ORANGE,
    SKY,
    GREEN,
    PURPLE,
    VERMILLION,
    BLUE,
)  # label 1, 2, ... on gray anatomy: the light blue stands out there
INK, QUIET, FAINT = "#222222", "#666666", "#D8D8D8"  # text and axes; remarks and references; grid
ANATOMY, MAPS = "gray", "cividis"

SAMPLE_MARK = "OFFLINE SAMPLE, not patients"
SOURCES = ("folder", "cache", "download", "sample")  # as in ImageSet.source

DPI = 100  # CSS pixels to an inch; PNGs hold twice as many, for sharp screens
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": DPI,
    "font.size": 10,
    "grid.color": FAINT,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True)
class Picture:
    """A finished figure: `alt` describes it, `image` is its bytes (PNG; SVG of `curves`), `tag` its HTML element."""

    alt: str
    image: bytes = field(repr=False)
    tag: str = field(repr=False)

    @property
    def description(self) -> str:
        """`alt` as HTML that unfolds under the figure."""
        words = f"<summary>Description</summary>{html.escape(self.alt)}"
        return f'<details style="font-size:85%;max-width:60em">{words}</details>'

    def _repr_html_(self) -> str:
        return f'<figure style="margin:0.5em 0">{self.tag}<figcaption>{self.description}</figcaption></figure>'

    def save(self, path: str | Path) -> Path:
        """Write the image to `path`, a .png (.svg for `curves`)."""
        path = Path(path)
        suffix = ".png" if self.image.startswith(b"\x89PNG") else ".svg"
        if path.suffix != suffix:
            raise DataError(f"This figure is saved as {suffix}, so name the file {path.with_suffix(suffix).name}.")
        path.write_bytes(self.image)
        return path


def described(alt: str, source: str | None) -> str:
    """`alt`, with the mark of the sample in front where it is one. Raises `DataError` for an empty description."""
    if not isinstance(alt, str) or not alt.strip():
        raise DataError(
            "A figure needs alt=: one or two sentences that tell what it shows to someone who cannot see it."
        )
    return f"{SAMPLE_MARK}. {alt.strip()}" if is_sample(source) else alt.strip()


def is_sample(source: str | None) -> bool:
    """Whether to mark the figure. A mistyped source must not let a drawn image pass for a patient: `DataError`."""
    if source is not None and source not in SOURCES:
        raise DataError(
            f"source= must be one of {', '.join(SOURCES)}, or None; got {source!r}. Pass the set's .source."
        )
    return source == "sample"


def wrap(title: str, letters: int) -> list[str]:
    """`title` in lines of at most `letters`, about equally long: no single word on the last."""
    letters = max(letters, 20)
    few = len(textwrap.wrap(title, letters))
    widths = (textwrap.wrap(title, n, break_long_words=False) for n in range(1, letters))
    even = (lines for lines in widths if len(lines) <= few and max(map(len, lines), default=0) <= letters)
    return next(even, textwrap.wrap(title, letters))


@contextmanager
def style() -> Iterator[None]:
    """Our style over matplotlib's defaults, and the user's `rcParams` again afterwards."""
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE]):
        yield


def new_figure(width: float, height: float, title: str) -> Figure:
    """A figure of `width` x `height` CSS pixels, outside of pyplot. The title, which states the finding, is wrapped."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width / DPI, height / DPI), layout="constrained")
    lines = wrap(title, int((width - 20) / 7.6))  # CSS pixels of a letter, 11 points and bold, on average
    fig.set_figheight((height + 20 * len(lines)) / DPI)
    fig.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11, fontweight="bold")
    return fig


def show(fig: Figure, *, alt: str = "", source: str | None = None) -> Picture:
    """A matplotlib figure as a `Picture`: PNG at twice the screen's resolution, with its description.

    `alt`: what the figure shows, in words (required). `source`: of the images, as `ImageSet.source`; "sample" is
    marked. The figure is closed, so that a notebook does not show it a second time.
    Raises `DataError`: no `alt`, an unknown source.
    """
    alt = described(alt, source)
    if is_sample(source):
        # above the figure, whatever is in it; bbox_inches="tight" makes room
        fig.text(0.01, 1.0, SAMPLE_MARK, color=VERMILLION, fontsize=11, fontweight="bold", va="bottom", ha="left")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=2 * DPI, bbox_inches="tight", pad_inches=0.06, facecolor="white")
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close(fig)
    png = buffer.getvalue()
    width = int.from_bytes(png[16:20], "big") // 2  # from the PNG's header
    src = base64.b64encode(png).decode()
    tag = (
        f'<img src="data:image/png;base64,{src}" alt="{html.escape(alt)}" '
        f'style="width:{width}px;max-width:100%;height:auto;background:white">'
    )
    return Picture(alt, png, tag)


def numbers(values: Any, what: str) -> np.ndarray:
    """A list, array or tensor (on any device, without importing torch) as an array of numbers. Raises `DataError`."""
    if isinstance(values, list | tuple) and values and hasattr(values[0], "detach"):
        values = [numbers(one, what) for one in values]
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    try:
        result = np.asarray(values)
    except ValueError as error:
        raise DataError(f"The {what} do not form an array: their shapes differ.") from error
    if result.dtype.kind not in "biuf":
        raise DataError(f"The {what} must be numbers, got {result.dtype}.")
    return result
