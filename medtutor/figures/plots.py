"""Results with their uncertainty: ROC curves with a band, intervals on one axis, the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtutor.errors import DataError
from medtutor.figures.style import (
    BLUE,
    CYCLE,
    MAPS,
    QUIET,
    Picture,
    described,
    new_figure,
    numbers,
    show,
    style,
)

_DASHES = ("-", "--", "-.", ":", (0, (5, 1)))


def roc(
    curve: Any,
    *,
    title: str,
    alt: str = "",
    band: Any = None,
    band_label: str = "95 % interval",
    source: str | None = None,
) -> Picture:
    """A ROC curve: sensitivity against the false positive rate, with the line of chance.

    `curve`: has `fpr` and `tpr`, as `evaluate.roc` gives it; or name -> curve for up to five. `band`: has `fpr`,
    `low`, `high`, as `evaluate.roc_band` gives it. Raises `DataError`: no `alt`, an unknown source.
    """
    described(alt, source)
    several = dict(curve) if isinstance(curve, Mapping) else {"": curve}
    if not 0 < len(several) <= len(_DASHES):
        raise DataError(f"A ROC figure holds 1 to {len(_DASHES)} curves, got {len(several)}.")
    with style():
        fig = new_figure(500, 450, title)
        ax = fig.subplots()
        ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 4)))
        ax.annotate("chance", (0.62, 0.62), (5, -5), textcoords="offset points", color=QUIET, va="top")
        if band is not None:
            ax.fill_between(band.fpr, band.low, band.high, color=CYCLE[0], alpha=0.2, linewidth=0, label=band_label)
        for (name, one), colour, dash in zip(several.items(), CYCLE, _DASHES, strict=False):
            ax.plot(one.fpr, one.tpr, color=colour, linestyle=dash, linewidth=2, label=name or None)
        ax.set(
            xlim=(0, 1),
            ylim=(0, 1.005),
            aspect="equal",
            xlabel="1 - specificity: share of the healthy called ill",
            ylabel="sensitivity: share of the ill who are found",
        )
        ax.grid(True)
        if band is not None or len(several) > 1:
            ax.legend(loc="lower right")
        return show(fig, alt=alt, source=source)


def intervals(
    rows: Mapping[str, Any],
    *,
    xlabel: str,
    title: str,
    alt: str = "",
    reference: float | None = None,
    reference_label: str = "",
    digits: int = 3,
    source: str | None = None,
) -> Picture:
    """A dot with its interval for each row, on one axis, with the numbers beside it.

    `rows`: label -> `evaluate.Interval`, or the `Subgroup`s of `evaluate.by_subgroup` (their n is shown; one without
    an interval is listed as not measured). `xlabel`: the metric, with unit. `reference`: a line to compare with,
    such as 0.5 for chance. Raises `DataError`: no rows, no `alt`, an unknown source.
    """
    described(alt, source)
    if not rows:
        raise DataError("There are no rows to show: intervals() needs at least one label with its interval.")
    with style():
        # longest label at left, numbers at right: the axis keeps the rest
        fig = new_figure(700, 34 * len(rows) + 62, title)
        ax = fig.subplots()
        if reference is not None:
            ax.axvline(reference, color=QUIET, linewidth=1, linestyle=(0, (4, 4)))
            if reference_label:
                ax.annotate(
                    reference_label, (reference, 1), (3, 0), xycoords=("data", "axes fraction"),
                    textcoords="offset points", color=QUIET, va="top",
                )  # fmt: skip
        labels = []
        for at, (label, row) in enumerate(rows.items()):
            size = f"  (n = {row.n})" if hasattr(row, "n") else ""
            labels.append(f"{label}{size}")
            interval = row.interval if hasattr(row, "interval") else row
            words = "not measured"
            if interval is not None:
                value, low, high = (float(part) for part in interval)
                ax.plot([low, high], [at, at], color=BLUE, linewidth=2, solid_capstyle="butt")
                ax.plot([value], [at], "o", color=BLUE, markersize=7)
                words = f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
            ax.annotate(
                words, (1, at), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                va="center", color=QUIET if interval is None else None,
            )  # fmt: skip
        ax.set(yticks=range(len(labels)), yticklabels=labels, ylim=(len(labels) - 0.4, -0.6), xlabel=xlabel)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.locator_params(axis="x", nbins=5)
        ax.grid(True, axis="x")
        ax.margins(x=0.06)
        return show(fig, alt=alt, source=source)


def confusion(
    matrix: Any,
    classes: Sequence[str],
    *,
    alt: str = "",
    title: str | None = None,
    source: str | None = None,
) -> Picture:
    """A confusion matrix: counts, shaded by the share of each true class (row).

    `matrix`: whole numbers (C, C), row = true class, as `evaluate.confusion` gives it. Without a `title` the share of
    right decisions is the title. Raises `DataError`: a matrix that does not fit the classes, no `alt`.
    """
    described(alt, source)
    m = numbers(matrix, "counts of the confusion matrix")
    if m.shape != (len(classes), len(classes)):
        raise DataError(f"The confusion matrix has shape {m.shape}, but there are {len(classes)} classes.")
    if m.min(initial=0) < 0 or not m.sum():
        raise DataError("The confusion matrix must hold counts of images, and at least one.")
    if title is None:
        title = f"{int(np.trace(m))} of {int(m.sum())} decisions are right"
    size = m.sum(axis=1, keepdims=True)
    share = np.divide(m, size, out=np.zeros(m.shape), where=size > 0)
    with style():
        side = min(620, 90 + len(classes) * max(46, 100 - 8 * len(classes)))
        fig = new_figure(side + 130, side, title)
        ax = fig.subplots()
        shown = ax.imshow(share, cmap=MAPS, vmin=0, vmax=1)
        for (row, column), part in np.ndenumerate(share):
            words = f"{int(m[row, column])}" + (f"\n{part:.0%}" if len(classes) <= 6 else "")
            ax.text(column, row, words, ha="center", va="center", color="black" if part > 0.5 else "white")
        ticks = range(len(classes))
        ax.set(xticks=ticks, yticks=ticks, yticklabels=classes, xlabel="predicted class", ylabel="true class")
        long = max(len(str(c)) for c in classes) > 9
        ax.set_xticks(
            ticks, classes, rotation=35 if long else 0, ha="right" if long else "center", rotation_mode="anchor"
        )
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        bar = fig.colorbar(shown, ax=ax, label="share of the true class", format="{x:.0%}", shrink=0.8)
        bar.outline.set_visible(False)
        return show(fig, alt=alt, source=source)
