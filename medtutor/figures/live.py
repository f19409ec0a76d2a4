"""Curves of training as a small SVG, written by hand: drawn anew every second, it must not cost the training time."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtutor.errors import DataError
from medtutor.figures.style import (
    CYCLE,
    FAINT,
    INK,
    QUIET,
    SAMPLE_MARK,
    VERMILLION,
    Picture,
    described,
    is_sample,
    numbers,
    wrap,
)

WIDTH, PLOT_HEIGHT, LEFT, RIGHT = 640, 220, 58, 20
_MOST = 600  # points drawn of one curve: one to a pixel


def curves(
    lines: Mapping[str, tuple[Any, Any]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    alt: str = "",
    source: str | None = None,
) -> Picture:
    """Curves over training steps or epochs as a `Picture` (SVG). `lines`: name -> (x, y), numbers of equal length.

    A curve whose name begins with "train" is noisy, a value a batch: thin, with its running mean on top. Others, such
    as "val", are values an epoch: markers. `xlabel` and `ylabel` name the units. Values that are NaN or infinite are
    left out. Raises `DataError`: x and y differ in length, no `alt`, an unknown source.
    """
    words = described(alt, source)
    svg = _svg(lines, title, xlabel, ylabel, words, is_sample(source))
    return Picture(words, svg.encode(), svg)


def curves_html(
    lines: Mapping[str, tuple[Any, Any]],
    title: str,
    xlabel: str,
    ylabel: str,
    alt: str = "",
    source: str | None = None,
) -> str:
    """The HTML of the figure `curves`, for a display that is updated while a network trains; a few milliseconds."""
    return curves(lines, title=title, xlabel=xlabel, ylabel=ylabel, alt=alt, source=source)._repr_html_()


def _svg(lines: Mapping[str, tuple[Any, Any]], title: str, xlabel: str, ylabel: str, alt: str, sample: bool) -> str:
    series = {name: _points(name, *xy) for name, xy in lines.items()}
    smooth = {name: _smooth(y) for name, (x, y) in series.items() if _noisy(name)}
    heads = wrap(title, 78)
    top = 18 * (len(heads) + sample) + 30
    height = top + PLOT_HEIGHT + 44

    # the axis follows the means and the markers: one wild batch must not flatten all else
    level = [smooth.get(name, y) for name, (_, y) in series.items()] + [
        np.percentile(y, [1, 99]) for name, (_, y) in series.items() if name in smooth and len(y)
    ]
    ys = np.concatenate([*level, np.zeros(0)])
    xs = np.concatenate([*(x for x, _ in series.values()), np.zeros(0)])
    xticks = _ticks(0, max(xs.max(initial=0), 1), whole=True)
    yticks = _ticks(min(ys.min(initial=0), 0), ys.max(initial=0) or 1)
    low, high = min(yticks[0], ys.min(initial=0)), max(yticks[-1], ys.max(initial=0))
    right = max(xs.max(initial=0), 1)

    def place(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across = LEFT + x / right * (WIDTH - LEFT - RIGHT)
        up = top + PLOT_HEIGHT * (1 - (np.clip(y, low, high) - low) / (high - low))
        return np.stack([across, up], axis=-1)

    parts = []
    for row, line in enumerate([SAMPLE_MARK] * sample + heads):
        ink = VERMILLION if sample and row == 0 else INK
        parts.append(_text(LEFT - 50, 18 * (row + 1), line, fill=ink, weight="bold", size=14))
    for value in yticks:
        (x, y) = place(np.array(0.0), np.array(value))
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        parts.append(_text(x - 6, y + 4, f"{value:g}", anchor="end"))
    for value in xticks:
        (x, y) = place(np.array(float(value)), np.array(low))
        parts.append(_text(x, y + 16, f"{value:g}", anchor="middle"))
    parts.append(f'<path d="M{LEFT} {top + PLOT_HEIGHT}H{WIDTH - RIGHT}" stroke="{INK}"/>')
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 8, xlabel, anchor="middle"))
    parts.append(_text(LEFT - 50, top - 10, ylabel))
    key = WIDTH - RIGHT - sum(42 + 7 * len(_said(name)) for name in series)
    for index, (name, (x, y)) in enumerate(series.items()):
        key += 42 + 7 * len(_said(name))
        colour = CYCLE[index % len(CYCLE)]
        if name in smooth:
            parts.append(_line(place(*_thin(x, y)), colour, 1, 0.35))
            parts.append(_line(place(*_thin(x, smooth[name])), colour, 2.2))
            mark = f'<path d="M{key - 18} {top - 14}h16" stroke-width="2.2"'
        else:
            parts.append(_line(place(*_thin(x, y)), colour, 1.2))
            dots, radius = place(*_thin(x, y, 60)), 4 if len(x) <= 20 else 2.5
            parts += [
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}" fill="{colour}" stroke="white"/>' for a, b in dots
            ]
            mark = f'<circle cx="{key - 10}" cy="{top - 14}" r="4" fill="{colour}"'
        parts.append(f'{mark} stroke="{colour}"/>')
        parts.append(_text(key - 24, top - 10, _said(name), anchor="end"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{html.escape(alt)}" style="max-width:100%;height:auto;background:white" '
        f'font-family="sans-serif" fill="none"><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f"{''.join(parts)}</svg>"
    )


def _points(name: str, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = numbers(x, f"x of {name!r}").astype(float), numbers(y, f"y of {name!r}").astype(float)
    if x.ndim != 1 or x.shape != y.shape:
        raise DataError(
            f"The curve {name!r} has x of shape {x.shape} and y of {y.shape}; both must be lists of one length."
        )
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good]


def _noisy(name: str) -> bool:
    return name.startswith("train")


def _said(name: str) -> str:
    return f"{name} (line: running mean)" if _noisy(name) else name


def _smooth(y: np.ndarray) -> np.ndarray:
    """Running mean over about a twentieth of the curve, at its ends over what is there."""
    half = max(1, len(y) // 40)
    total = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(len(y))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(y))
    return (total[last] - total[first]) / (last - first)


def _thin(x: np.ndarray, y: np.ndarray, most: int = _MOST) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` points, always the last."""
    keep = np.unique(np.linspace(len(x) - 1, 0, min(most, len(x))).round().astype(int))
    return x[keep], y[keep]


def _ticks(low: float, high: float, whole: bool = False) -> Sequence[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from `low` to `high`, four to eight of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(k for k in (5, 2, 1) if (high - low) / (step * k) >= 3.999)
    step = max(step, 1) if whole else step
    return [round(k * step, 12) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _line(points: np.ndarray, colour: str, width: float, opacity: float = 1) -> str:
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    return f'<polyline points="{path}" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"/>'


def _text(
    x: float, y: float, words: str, *, fill: str = QUIET, anchor: str = "start", weight: str = "normal", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}" '
        f'font-size="{size}">{html.escape(words)}</text>'
    )
