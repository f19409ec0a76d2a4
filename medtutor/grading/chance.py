"""The random state that judge and student's process share: a test that sets a seed sets it for the answer too."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np


def random_state() -> dict[str, Any]:
    """The state of Python's, NumPy's and (where it is loaded) torch's global random generators."""
    state = {"python": random.getstate(), "numpy": np.random.get_state(legacy=True)}
    torch = sys.modules.get("torch")
    if torch is not None:
        state["torch"] = torch.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` returned. Raises `ValueError` or `TypeError` for anything else."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(state["numpy"])
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in state:
        torch.set_rng_state(state["torch"])


def same_state(one: Any, other: Any) -> bool:
    if not one or not other:
        return False
    if one["python"] != other["python"] or one["numpy"][2:] != other["numpy"][2:]:
        return False
    if not np.array_equal(one["numpy"][1], other["numpy"][1]):
        return False
    return "torch" not in one or ("torch" in other and bool((one["torch"] == other["torch"]).all()))
