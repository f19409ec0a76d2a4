"""What a test may do with an object that stays in the student's process, and what it is told about it."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import types
from typing import Any


def _swapped(act: Any, a: Any, b: Any) -> Any:
    return act(b, a)


_TWO = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor")
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_ONE = {"bool": bool, "len": len, "str": str, "repr": repr, "int": int, "float": float, "iter": iter}
METHODS: dict[str, Any] = {f"__{name}__": kind for name, kind in _ONE.items()}
METHODS |= {f"__{name}__": getattr(operator, name) for name in ("neg", "pos", "abs", "invert", "contains", *_COMPARE)}
for _name in _TWO:
    _bare = _name.rstrip("_")
    METHODS[f"__{_bare}__"] = getattr(operator, _name)
    METHODS[f"__r{_bare}__"] = functools.partial(_swapped, getattr(operator, _name))
    METHODS[f"__i{_bare}__"] = getattr(operator, f"i{_bare}")
METHODS["__enter__"] = lambda a: type(a).__enter__(a)
METHODS["__exit__"] = lambda a: type(a).__exit__(a, None, None, None)


def facts_of(value: Any) -> dict:
    """What a test may ask about an object without touching it. Plain, and never relied upon."""
    facts: dict[str, Any] = {"callable": callable(value), "class": isinstance(value, type)}
    kind = value if isinstance(value, type) else type(value)
    facts["iterator"] = hasattr(kind, "__next__")
    facts["iterable"] = hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
    try:
        facts["name"] = str(value.__name__)
    except Exception:
        facts["name"] = "answer"
    facts["function"] = isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType)
    facts["defines"] = sorted(METHODS.keys() & {name for base in kind.__mro__[:-1] for name in vars(base)})
    torch = sys.modules.get("torch")
    facts["kinds"] = [
        base.__name__
        for base in kind.__mro__
        if base.__module__ == "builtins" or (torch is not None and base.__module__.startswith("torch."))
    ]
    if callable(value):
        facts["signature"] = _signature(value)
    return facts


def _signature(value: Any) -> list | None:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (ValueError, TypeError):
        return None
    plain = (bool, int, float, str, type(None))
    return [
        [p.name, int(p.kind), p.default is not p.empty, p.default if type(p.default) in plain else None]
        for p in parameters
    ]
