"""From class names to looks: a known word gives the look that fits, any other class one by its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def looks(classes: Sequence[str], words: Mapping[str, str], order: Sequence[str]) -> list[str]:
    """A look for each class. `words` maps a part of a name to its look, the first that fits counts.

    Classes that no word fits take the looks of `order` in turn, first those that no other class has.

    >>> looks(["melanoma", "nevi", "B"], {"melanoma": "bad", "nev": "good"}, ["good", "bad", "odd"])
    ['bad', 'good', 'odd']
    """
    found = [next((look for part, look in words.items() if part in name.lower()), None) for name in classes]
    free = [look for look in order if look not in found] + [look for look in order if look in found]
    left = iter(range(len(classes)))
    return [look if look is not None else free[next(left) % len(free)] for look in found]


def single(labels: np.ndarray) -> np.ndarray:
    """One class an image, (N,): of several labels (N, K) the first that is present."""
    return labels.argmax(1) if labels.ndim == 2 else labels
