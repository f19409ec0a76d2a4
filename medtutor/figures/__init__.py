"""Figures in one style: readable by colour-blind eyes, described in words, and marked where they show the sample.

Every function takes `alt`, the figure in words for those who cannot see it, and `source`, where the images came from;
`source="sample"` writes "OFFLINE SAMPLE, not patients" above the title. Each gives a `Picture`, which a notebook shows
when it is the last line of a cell; within a loop use `display(picture)`.

matplotlib and plotly load when a figure is drawn (PEP 562). The user's `rcParams` and pyplot are left alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "CYCLE": "style",
    "Picture": "style",
    "show": "style",
    "curves": "live",
    "curves_html": "live",
    "images": "pictures",
    "maps": "pictures",
    "confusion": "plots",
    "intervals": "plots",
    "roc": "plots",
    "hover": "hovers",
    "hover_image": "hovers",
    "hover_roc": "hovers",
}

__all__ = [
    "CYCLE",
    "Picture",
    "confusion",
    "curves",
    "curves_html",
    "hover",
    "hover_image",
    "hover_roc",
    "images",
    "intervals",
    "maps",
    "roc",
    "show",
]

if TYPE_CHECKING:
    from medtutor.figures.hovers import hover, hover_image, hover_roc
    from medtutor.figures.live import curves, curves_html
    from medtutor.figures.pictures import images, maps
    from medtutor.figures.plots import confusion, intervals, roc
    from medtutor.figures.style import CYCLE, Picture, show


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"medtutor.figures.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'medtutor.figures' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
