"""What the widgets compute, for their still twins. The browser does the same in JavaScript; a test compares both."""

from __future__ import annotations

from typing import Any

import numpy as np

from medtutor.errors import unknown

# Level and width in HU. The names are common; the numbers are round ones of ours, since every scanner has its own.
PRESETS = {"lung": (-600.0, 1500.0), "bone": (400.0, 1800.0), "soft tissue": (40.0, 400.0), "brain": (40.0, 80.0)}


def preset(window: Any) -> tuple[float, float]:
    """Level and width of a window: of its name, or as given."""
    if isinstance(window, str):
        if window not in PRESETS:
            raise unknown("window", window, PRESETS)
        return PRESETS[window]
    level, width = window
    return float(level), float(width)


def windowed(values: np.ndarray, level: float, width: float) -> np.ndarray:
    """Grey values uint8 of the same shape: black up to level - width / 2, white from level + width / 2, linear between.

    The function LINEAR_EXACT of DICOM (PS3.3, C.11.2.1.3).
    """
    grey = ((values.astype(np.float64) - level) / width + 0.5) * 255
    return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)


def convolved(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The map (H - k + 1, W - k + 1) of an image (H, W) under a kernel (k, k), as `torch.nn.functional.conv2d`.

    The kernel is not flipped: deep learning calls this convolution, signal processing cross-correlation.
    """
    from scipy.signal import correlate2d

    return correlate2d(image.astype(np.float64), kernel.astype(np.float64), mode="valid")


def at_prevalence(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Positive and negative predictive value where a share `prevalence` is ill (Bayes' rule).

    One that nobody can be called for is NaN.

    >>> ppv, npv = at_prevalence(0.9, 0.9, 0.01)
    >>> round(ppv, 3), round(npv, 4)
    (0.083, 0.9989)
    """
    ill, well = prevalence, 1 - prevalence
    positive = sensitivity * ill + (1 - specificity) * well
    negative = (1 - sensitivity) * ill + specificity * well
    return (
        sensitivity * ill / positive if positive else float("nan"),
        specificity * well / negative if negative else float("nan"),
    )


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a proportion by Wilson's score, as scipy computes it."""
    from scipy.stats import binomtest

    interval = binomtest(int(successes), int(n)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
