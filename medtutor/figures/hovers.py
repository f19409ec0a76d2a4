"""Pictures that answer the pointer: the value of a pixel, the threshold behind a point of a ROC curve. By plotly.

Where they can be drawn: JupyterLab, Notebook 7 and VS Code draw plotly's own output (`application/vnd.plotly.v1+json`)
with a plotly.js that they bring along, offline. Colab loads plotly.js from plotly's site. Elsewhere, such as in an
exported page, the still twin stands. plotly.js (4 MB) is never written into the notebook.
"""

from __future__ import annotations

import html
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medtutor.errors import DataError
from medtutor.figures import pictures, plots
from medtutor.figures.style import (
    BLUE,
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

MIME = "application/vnd.plotly.v1+json"
_CONFIG = {"displayModeBar": False}  # hovering is all there is to do
_LONGEST = 512  # pixels on a side: 1 MB of numbers in the notebook


@dataclass(frozen=True)
class Hover:
    """A plotly `figure`, its description `alt`, and `still`, the same as a `Picture` for where nothing can hover."""

    figure: Any = field(repr=False)
    alt: str
    still: Picture = field(repr=False)

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        plain = self.still.tag
        if "google.colab" in sys.modules:
            drawn = self.figure.to_html(include_plotlyjs="cdn", full_html=False, config=_CONFIG)
            plain = f'<div role="group" aria-label="{html.escape(self.alt)}">{drawn}</div>'
        # through JSON: numpy arrays become lists, NaN null
        display({MIME: json.loads(self.figure.to_json()) | {"config": _CONFIG}, "text/html": plain}, raw=True)
        display(HTML(self.still.description))  # plotly's output has no place for a description


def hover(figure: Any, *, still: Picture, alt: str = "", source: str | None = None) -> Hover:
    """A plotly figure for a notebook, described. `still`: its twin without hovering, such as `show(...)` gives.

    `source="sample"` is written above the figure's title. Raises `DataError`: no `alt`, an unknown source.
    """
    alt = described(alt, source)
    if is_sample(source):
        title = figure.layout.title.text or ""
        figure.update_layout(title_text=f'<b style="color:{VERMILLION}">{SAMPLE_MARK}</b><br>{title}')
    return Hover(figure, alt, still)


def hover_image(
    image: Any,
    *,
    unit: str,
    title: str,
    alt: str = "",
    window: tuple[float, float] | None = None,
    source: str | None = None,
) -> Hover:
    """A gray image (H, W) or (1, H, W); the pointer tells row, column and value of a pixel.

    `unit`: of the values, such as "HU" or "gray value". `window` (low, high): the values shown as black and as white,
    by default the smallest and the largest. Raises `DataError`: no `alt`, another shape, NaN, a side over 512 pixels.
    """
    described(alt, source)
    values = numbers(image, "image")
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or not values.size or max(values.shape) > _LONGEST:
        raise DataError(
            f"hover_image() shows one gray image (H, W) of at most {_LONGEST} pixels a side, got shape {values.shape}."
        )
    low, high = window or (float(values.min()), float(values.max()))
    window = (low, high) if low != high else (low, low + 1)
    still = pictures.images([values], title=title, alt=alt, window=window, columns=1, source=source)
    if values.dtype.kind == "f":
        values = np.array([float(f"{v:.4g}") for v in values.ravel()]).reshape(values.shape)  # as much as is shown
    import plotly.graph_objects as go

    heat = go.Heatmap(
        z=values.astype(int if values.dtype.kind == "b" else values.dtype).tolist(),
        zmin=window[0],
        zmax=window[1],
        colorscale="gray",
        colorbar={"title": {"text": html.escape(unit)}, "thickness": 14},
        hovertemplate=f"row %{{y}}, column %{{x}}<br><b>%{{z}}</b> {html.escape(unit)}<extra></extra>",
    )
    rows, columns = values.shape
    figure = go.Figure(heat, _layout(title, source, 560, 440 * min(1.3, max(0.4, rows / columns))))
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain")
    return hover(figure, still=still, alt=alt, source=source)


def hover_roc(curve: Any, *, title: str, alt: str = "", band: Any = None, source: str | None = None) -> Hover:
    """A ROC curve; the pointer tells the threshold of a point, with its sensitivity and specificity.

    `curve`: has `fpr`, `tpr`, `thresholds`, as `evaluate.roc` gives it; `band` as in `roc`. Errors as `roc`.
    """
    still = plots.roc(curve, title=title, alt=alt, band=band, source=source)
    import plotly.graph_objects as go

    fpr, tpr = (numbers(rate, "rates").tolist() for rate in (curve.fpr, curve.tpr))
    words = [
        f"called ill from a score of <b>{t:.3f}</b><br>sensitivity {y:.3f}<br>specificity {1 - x:.3f}"
        if np.isfinite(t)
        else "nobody is called ill"
        for x, y, t in zip(fpr, tpr, numbers(curve.thresholds, "thresholds"), strict=True)
    ]
    figure = go.Figure(layout=_layout(title, source, 560, 480))
    quiet = {"mode": "lines", "hoverinfo": "skip"}
    figure.add_scatter(x=[0, 1], y=[0, 1], line={"color": QUIET, "dash": "dash", "width": 1}, **quiet)
    if band is not None:
        x, low, high = (numbers(part, "band").tolist() for part in (band.fpr, band.low, band.high))
        around = {"x": x + x[::-1], "y": high + low[::-1]}  # there and back
        figure.add_scatter(**around, fill="toself", fillcolor="rgba(0, 114, 178, 0.2)", line={"width": 0}, **quiet)
    dots = {"mode": "lines+markers", "line": {"color": BLUE, "width": 2}, "marker": {"size": 4}}
    figure.add_scatter(x=fpr, y=tpr, text=words, hovertemplate="%{text}<extra></extra>", **dots)
    chance = {"x": 0.62, "y": 0.58, "text": "chance", "showarrow": False, "xanchor": "left", "font": {"color": QUIET}}
    figure.update_layout(hovermode="closest", showlegend=False, annotations=[chance])
    figure.update_xaxes(title_text="1 - specificity", range=[0, 1], constrain="domain")
    figure.update_yaxes(title_text="sensitivity", range=[0, 1.005], scaleanchor="x", constrain="domain")
    return hover(figure, still=still, alt=alt, source=source)


def _layout(title: str, source: str | None, width: int, height: float) -> dict[str, Any]:
    lines = [html.escape(line) for line in wrap(title, 62)]
    top = 24 + 20 * (len(lines) + is_sample(source))
    height = round(height + top)
    # plotly places the first line of a title, whatever the anchor: its baseline is 20 pixels under the edge
    at = {"x": 0.01, "xanchor": "left", "y": 1 - 20 / height, "yanchor": "bottom"}
    return {
        "title": {"text": f"<b>{'<br>'.join(lines)}</b>", "font": {"size": 15}, **at},
        "template": "simple_white",
        "font": {"color": INK},
        "margin": {"l": 60, "r": 10, "t": top, "b": 50},
        "width": width,
        "height": height,
        "dragmode": False,
    }
