"""What may cross between the judge and a student's process: plain data, in a form that runs nothing when it is read.

None, booleans, numbers, texts, lists, tuples, sets, dicts, slices, arrays and tensors. Every tag, type, length and
depth is checked on arrival (`WireError` otherwise). What is not plain crosses as a reference, which the hook `refer`
makes and `resolve` reads. See docs/grading.md.
"""

from __future__ import annotations

import collections
import keyword
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from medtutor.grading.wire import WireError

DEPTH = 64
_SMALL = 1 << 53  # ints beyond are written in hex: JSON readers elsewhere, and Python's limit on digits


class Encoder:
    """Python values to what JSON holds, with `buffers` beside it.

    `refer(encoder, value, depth)` says how a value that is not plain data crosses (or raises `WireError`). `seen` lists
    the mutable values in the order in which they were met: the other side names them by their place (`known`).
    `mark(tensor, extra)` may add to what is said of a tensor.
    """

    def __init__(
        self,
        refer: Callable[[Encoder, Any, int], Any],
        known: dict[int, int] | None = None,
        mark: Callable[[Any, dict], None] | None = None,
    ):
        self.mark = mark
        self.buffers: list[bytes] = []
        self.seen: list[Any] = []
        self._refer = refer
        self._known = known or {}

    def value(self, value: Any, depth: int = 0) -> Any:
        """The JSON form of `value`."""
        if depth > DEPTH:
            raise WireError("the data are nested too deeply")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else ["int", hex(value)]
        if kind is float:
            return value if math.isfinite(value) else ["float", repr(value)]
        if id(value) in self._known:
            return ["arg", self._known[id(value)]]
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(self, value, depth + 1)
        if isinstance(value, np.generic) and kind.__module__ == "numpy":
            return self._array("scalar", np.asarray(value))
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return ["named", [str(name) for name in kind._fields], [self.value(item, depth + 1) for item in value]]
        torch = sys.modules.get("torch")
        if torch is not None:
            if kind is torch.Tensor or kind is torch.nn.Parameter:
                return self._tensor(torch, value)
            if kind is torch.Size:
                return ["size", list(value)]
            if kind is torch.dtype:
                return ["dtype", str(value).removeprefix("torch.")]
            if kind is torch.device:
                return ["device", str(value)]
        return self._refer(self, value, depth + 1)

    def _buffer(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _items(self, tag: str, value: Any, depth: int) -> list:
        if tag == "list":
            self.seen.append(value)
        return [tag, [self.value(item, depth) for item in value]]

    def _dict(self, value: dict, depth: int) -> list:
        self.seen.append(value)
        return ["dict", [[self.value(key, depth), self.value(item, depth)] for key, item in value.items()]]

    def _array(self, tag: str, value: np.ndarray) -> list:
        if value.dtype.kind in "US":
            return ["texts", list(value.shape), [str(text) for text in value.ravel()]]
        if value.dtype.kind not in "biufc":
            return self._refer(self, value, 0)
        if tag == "array":
            self.seen.append(value)
        plain = value.dtype.newbyteorder("=")
        return [tag, plain.str, list(value.shape), self._buffer(np.ascontiguousarray(value, plain).tobytes())]

    def _tensor(self, torch: Any, value: Any) -> list:
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
            return self._refer(self, value, 0)
        self.seen.append(value)
        data = value.detach().contiguous().resolve_conj().resolve_neg()
        raw = data.reshape(-1).view(torch.uint8).numpy().tobytes() if data.numel() else b""
        extra: dict[str, Any] = {}
        if value.requires_grad:
            extra["grad"] = True
            if value.is_leaf and value.grad is not None:
                extra["gradient"] = self._tensor(torch, value.grad.detach())
                self.seen.pop()
        if type(value) is not torch.Tensor:
            extra["parameter"] = True
        if self.mark is not None:
            self.mark(value, extra)
        return ["tensor", str(value.dtype).removeprefix("torch."), list(value.shape), self._buffer(raw), extra]


_WRITERS: dict[type, Callable] = {
    list: lambda self, value, depth: self._items("list", value, depth),
    tuple: lambda self, value, depth: self._items("tuple", value, depth),
    set: lambda self, value, depth: self._items("set", value, depth),
    frozenset: lambda self, value, depth: self._items("frozenset", value, depth),
    dict: Encoder._dict,
    collections.OrderedDict: Encoder._dict,
    collections.defaultdict: Encoder._dict,
    collections.Counter: Encoder._dict,
    collections.deque: lambda self, value, depth: self._items("list", value, depth),
    complex: lambda self, value, depth: ["complex", self.value(value.real), self.value(value.imag)],
    bytes: lambda self, value, depth: ["bytes", self._buffer(value)],
    slice: lambda self, value, depth: ["slice", *(self.value(v, depth) for v in (value.start, value.stop, value.step))],
    range: lambda self, value, depth: ["range", value.start, value.stop, value.step],
    type(...): lambda self, value, depth: ["ellipsis"],
    np.ndarray: lambda self, value, depth: self._array("array", value),
}


class Decoder:
    """What arrives, back to Python values. `resolve(decoder, form, depth)` reads the forms that are not plain data.

    `texts` collects every text that arrived, since it is in the hand of whoever sent it. `adopt(tensor, extra)` may
    put another tensor in the place of one that arrived.
    """

    def __init__(
        self,
        buffers: list[bytearray],
        resolve: Callable[[Decoder, list, int], Any],
        known: list[Any] = (),
        adopt: Callable[[Any, dict], Any] | None = None,
    ):
        self.buffers, self.texts, self.seen = buffers, [], []
        self._resolve, self._known, self._adopt = resolve, known, adopt
        self.changed = False  # whether what is read are arguments that come back

    def value(self, form: Any, depth: int = 0) -> Any:
        """The value of a JSON form. Raises `WireError`."""
        if depth > DEPTH:
            raise WireError("the data are nested too deeply")
        if form is None or type(form) is bool or type(form) is float or type(form) is int:
            return form
        if type(form) is str:
            self.texts.append(form)
            return form
        if type(form) is not list or not form or type(form[0]) is not str:
            raise WireError("a value has no kind")
        reader = _READERS.get(form[0])
        try:
            return reader(self, form, depth + 1) if reader else self._resolve(self, form, depth + 1)
        except WireError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RuntimeError) as error:
            raise WireError(f"a value of kind {form[0][:20]!r} is not as it should be") from error

    def _items(self, form: list, depth: int) -> list:
        (items,) = form[1:]
        if type(items) is not list:
            raise WireError("items are not a list")
        return [self.value(item, depth) for item in items]

    def _list(self, form: list, depth: int) -> list:
        place = len(self.seen)
        self.seen.append(None)  # its place comes before those of its items, as on the other side
        self.seen[place] = self._items(form, depth)
        return self.seen[place]

    def _dict(self, form: list, depth: int) -> dict:
        place = len(self.seen)
        self.seen.append(None)
        self.seen[place] = {self.value(key, depth): self.value(item, depth) for key, item in form[1]}
        return self.seen[place]

    def _buffer(self, index: Any) -> bytearray:
        if type(index) is not int or index < 0:
            raise WireError("a buffer has no place")
        return self.buffers[index]

    def _array(self, form: list, depth: int) -> np.ndarray:
        _, dtype, shape, index = form
        kind = np.dtype(str(dtype))
        if kind.kind not in "biufc" or kind.hasobject:
            raise WireError("an array of a kind that may not cross")
        array = np.frombuffer(bytearray(self._buffer(index)), kind).reshape(_shape(shape))
        if form[0] == "array":
            self.seen.append(array)
            return array
        return array[()]

    def _texts(self, form: list, depth: int) -> np.ndarray:
        _, shape, texts = form
        return np.array([self.value(str(text)) for text in texts], dtype=str).reshape(_shape(shape))

    def _tensor(self, form: list, depth: int) -> Any:
        import torch

        _, name, shape, index, extra = form
        dtype = getattr(torch, str(name), None)
        if not isinstance(dtype, torch.dtype) or type(extra) is not dict:
            raise WireError("a tensor of a kind that may not cross")
        data = self._buffer(index)
        raw = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        tensor = raw.view(dtype).reshape(_shape(shape)).clone()
        if extra.get("parameter") is True:
            tensor = torch.nn.Parameter(tensor, requires_grad=extra.get("grad") is True)
        elif extra.get("grad") is True:
            tensor.requires_grad_()
        if "gradient" in extra:
            tensor.grad = self._tensor(extra["gradient"], depth)
            self.seen.pop()
        if self._adopt is not None:
            tensor = self._adopt(tensor, extra)
        self.seen.append(tensor)
        return tensor

    def _named(self, form: list, depth: int) -> tuple:
        _, names, items = form
        if not all(type(name) is str and name.isidentifier() and not keyword.iskeyword(name) for name in names):
            raise WireError("a named tuple with names that are none")
        self.texts += names
        return collections.namedtuple("Answer", names)(*[self.value(item, depth) for item in items])

    def _torch_name(self, form: list, depth: int) -> Any:
        import torch

        if form[0] == "device":
            return torch.device(str(form[1]))
        dtype = getattr(torch, str(form[1]), None)
        if not isinstance(dtype, torch.dtype):
            raise WireError("there is no such dtype")
        return dtype

    def _size(self, form: list, depth: int) -> Any:
        import torch

        return torch.Size(_shape(form[1]))

    def _arg(self, form: list, depth: int) -> Any:
        if type(form[1]) is not int or form[1] < 0:
            raise WireError("an argument has no place")
        return self._known[form[1]]


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise WireError("a shape is not a list of lengths")
    return tuple(shape)


def _ints(form: list) -> list[int]:
    if not all(type(n) is int for n in form[1:]):
        raise WireError("a range needs whole numbers")
    return form[1:]


_READERS: dict[str, Callable] = {
    "int": lambda self, form, depth: int(str(form[1]), 16),
    "float": lambda self, form, depth: {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[form[1]],
    "complex": lambda self, form, depth: complex(self.value(form[1]), self.value(form[2])),
    "bytes": lambda self, form, depth: bytes(self._buffer(form[1])),
    "list": Decoder._list,
    "tuple": lambda self, form, depth: tuple(self._items(form, depth)),
    "set": lambda self, form, depth: set(self._items(form, depth)),
    "named": Decoder._named,
    "frozenset": lambda self, form, depth: frozenset(self._items(form, depth)),
    "dict": Decoder._dict,
    "slice": lambda self, form, depth: slice(*(self.value(v, depth) for v in form[1:4])),
    "range": lambda self, form, depth: range(*_ints(form)),
    "ellipsis": lambda self, form, depth: ...,
    "array": Decoder._array,
    "scalar": Decoder._array,
    "texts": Decoder._texts,
    "tensor": Decoder._tensor,
    "dtype": Decoder._torch_name,
    "device": Decoder._torch_name,
    "size": Decoder._size,
    "arg": Decoder._arg,
}
