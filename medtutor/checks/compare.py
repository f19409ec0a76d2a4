"""`same`: one comparison for numbers, arrays and tensors whose message says what differs."""

from __future__ import annotations

from typing import Any

import numpy as np


def same(actual: Any, expected: Any, message: str = "", tolerance: float = 1e-5) -> None:
    """Assert that `actual` is what was asked for: kind, shape, and values within `tolerance` (relative and absolute).

    Numbers, booleans, texts, None, lists, tuples, dicts, arrays and tensors. `message` is the author's sentence on
    wrong *values*; a missing return value, a wrong kind or shape has a sentence of its own. Raises `AssertionError`.
    """
    __tracebackhide__ = True
    if actual is None and expected is not None:
        raise AssertionError("Your answer returns nothing (None). Is there a `return` at its end?")
    if isinstance(expected, str | bool | type(None)):
        assert type(actual) is type(expected) and actual == expected, message or f"Expected {expected!r}."
        return
    if isinstance(expected, dict):
        assert isinstance(actual, dict), f"Expected a dict, got {_kind(actual)}."
        assert set(actual) == set(expected), (
            f"Expected the keys {sorted(map(str, expected))}, got {sorted(map(str, actual))}."
        )
        for key in expected:
            same(actual[key], expected[key], message, tolerance)
        return
    if isinstance(expected, list | tuple) and not all(isinstance(item, int | float) for item in expected):
        assert isinstance(actual, list | tuple), f"Expected a {type(expected).__name__}, got {_kind(actual)}."
        assert len(actual) == len(expected), f"Expected {len(expected)} things, got {len(actual)}."
        for one, other in zip(actual, expected, strict=True):
            same(one, other, message, tolerance)
        return
    found, wanted = _array(actual), _array(expected)
    assert found is not None, f"Expected {_kind(expected)}, got {_kind(actual)}."
    assert found.shape == wanted.shape, f"The shape should be {wanted.shape}, yours is {found.shape}."
    if wanted.dtype.kind == "b":
        assert found.dtype.kind == "b", "Expected true and false (a boolean mask), got numbers."
    close = np.allclose(
        found.astype(np.float64), wanted.astype(np.float64), rtol=tolerance, atol=tolerance, equal_nan=True
    )
    assert close, message or "The values differ from what is expected."


def _array(value: Any) -> np.ndarray | None:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.double().numpy() if value.is_floating_point() else value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "biuf" else None


def _kind(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    return f"{type(value).__name__} {value!r}"[:80]
