"""Widgets that answer one question each: a viewer of slices, and playgrounds to turn the knobs of an idea.

All are worked by keyboard, say their state in words, and have a still, described twin: `widget.static()`. They compute
in the browser, so that a key press needs no kernel (Colab, Binder). ipywidgets loads when one is made (PEP 562).

A widget is a Python class, which checks its input and holds the state, and a plain ES module beside it, which draws.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "ConvolutionPlayground": "convolution",
    "SliceViewer": "slice_viewer",
    "ThresholdPlayground": "threshold",
    "WindowingPlayground": "windowing",
}

__all__ = [*_NAMES]

if TYPE_CHECKING:
    from medtutor.widgets.convolution import ConvolutionPlayground
    from medtutor.widgets.slice_viewer import SliceViewer
    from medtutor.widgets.threshold import ThresholdPlayground
    from medtutor.widgets.windowing import WindowingPlayground


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'medtutor.widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"medtutor.widgets.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
