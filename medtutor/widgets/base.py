"""What all widgets share: their description, the mark of the sample, and the way of their data to the browser."""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import numpy as np
import traitlets

from medtutor.errors import DataError
from medtutor.figures.style import described, is_sample

_LARGEST = 64 * 2**20  # bytes; more makes the tab of a small laptop slow, and a hosted notebook drop the connection


class Widget(anywidget.AnyWidget):
    """A widget whose arrays live in the browser.

    The arrays go along as one buffer, `blob`. Colab can drop the first binary buffers, so the browser looks whether
    the blob is whole, and else asks for it by message: `{"kind": "need", "form": "buffer"}`, then, where no answer
    comes, `{"kind": "need", "form": "base64"}`. The answer is `{"kind": "blob"}` with a buffer or with "base64".
    """

    about = traitlets.Dict().tag(sync=True)
    blob = traitlets.Bytes(b"").tag(sync=True)

    def __init__(
        self, arrays: dict[str, np.ndarray], about: dict[str, Any], alt: str, source: str | None, **state: Any
    ):
        self._alt, self._source = alt, source
        parts, chunks, start = [], [], 0
        for name, array in arrays.items():
            array = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
            parts.append({"name": name, "dtype": array.dtype.name, "start": start, "size": array.size})
            padding = -array.nbytes % 8  # a typed array in the browser begins at a multiple of its item
            chunks += [array.tobytes(), bytes(padding)]
            start += array.nbytes + padding
        if start > _LARGEST:
            raise DataError(
                f"These are {start / 2**20:.0f} MB, more than the {_LARGEST // 2**20} MB that a browser takes well; "
                "show every second slice, crop, or give uint8."
            )
        self._data = b"".join(chunks)
        about = about | {
            "alt": described(alt, source),
            "sample": is_sample(source),
            "parts": parts,
            "bytes": start,
        }
        super().__init__(about=about, blob=self._data, **state)
        self.on_msg(self._answer)

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "need":
            return
        if content.get("form") == "base64":
            self.send({"kind": "blob", "base64": base64.b64encode(self._data).decode("ascii")})
        else:
            self.send({"kind": "blob"}, buffers=[self._data])


def number(value: Any, what: str, low: float, high: float) -> float:
    """`value` as a float from `low` to `high`. Raises `DataError`."""
    if not isinstance(value, int | float | np.integer | np.floating) or not low <= value <= high:
        raise DataError(f"The {what} must be a number from {low:g} to {high:g}, got {value!r}.")
    return float(value)
