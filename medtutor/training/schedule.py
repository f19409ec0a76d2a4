"""The learning rate from the first step to the last: up, then down (lesson 2 draws it)."""

from __future__ import annotations

import math


def one_cycle(step: int, steps: int, peak: float, warm: float = 0.3, start: float = 25.0, end: float = 1e4) -> float:
    """The learning rate at `step` of `steps`: cosine from peak / start up to peak in the first `warm` part, then down.

    The last step has peak / (start * end). A function of the step alone, so that training resumes in the middle.
    Source: Smith and Topin 2019, "Super-convergence", doi 10.1117/12.2520589; equal to torch's `OneCycleLR`.

    >>> [round(one_cycle(step, 10, 1.0), 2) for step in (0, 2, 5, 9)]
    [0.04, 1.0, 0.61, 0.0]
    """
    low, last = peak / start, peak / start / end
    top = warm * steps - 1
    if step <= top:
        return _cosine(low, peak, step / top if top else 1.0)
    return _cosine(peak, last, (step - top) / (steps - 1 - top))


def _cosine(a: float, b: float, part: float) -> float:
    return b + (a - b) * (1 + math.cos(math.pi * part)) / 2
