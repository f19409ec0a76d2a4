"""Put into a test's own objects what an answer changed in them, as it would have done in the same process."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from medtutor.grading import borrowed


def restore(original: Any, changed: Any, depth: int = 0) -> None:
    """Put into the test's own objects what the answer changed in place. What changed its kind is left as it was."""
    torch = sys.modules.get("torch")
    if original is changed:
        return
    if type(original) is list and type(changed) is list:
        for i, value in enumerate(changed):
            if i < len(original) and _same_kind(original[i], value):
                restore(original[i], value, depth + 1)
                changed[i] = original[i]
        original[:] = changed
    elif isinstance(original, dict) and type(changed) is dict:
        for key, value in changed.items():
            if key in original and _same_kind(original[key], value):
                restore(original[key], value, depth + 1)
                changed[key] = original[key]
        original.clear()
        original.update(changed)
    elif type(original) is tuple and type(changed) is tuple and len(original) == len(changed):
        for one, other in zip(original, changed, strict=True):
            restore(one, other, depth + 1)
    elif isinstance(original, set) and type(changed) is set:
        original.clear()
        original.update(changed)
    elif isinstance(original, np.ndarray) and isinstance(changed, np.ndarray):
        if original.shape == changed.shape and original.dtype == changed.dtype and original.flags.writeable:
            original[...] = changed
    elif isinstance(changed, borrowed.State):
        borrowed.put_back(original, changed, restore)
    elif torch is not None and isinstance(original, torch.Tensor) and isinstance(changed, torch.Tensor):
        _restore_tensor(original, changed)


def _restore_tensor(original: Any, changed: Any) -> None:
    import torch

    if original.shape != changed.shape or original.dtype != changed.dtype:
        return
    if not torch.equal(original.detach(), changed.detach()):
        with torch.no_grad():
            original.copy_(changed)
    if original.is_leaf and original.requires_grad and changed.grad is not None:
        original.grad = changed.grad


def _same_kind(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float, str, bytes, bool, type(None))):
        return False  # these are replaced, not changed
    return type(one) is type(other) or isinstance(other, borrowed.State)
