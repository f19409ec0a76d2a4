"""Stand-ins, on the judge's side, of functions, classes and objects of a student's answer.

A test uses them as it would the real ones: call, attributes, items, iteration, arithmetic, `with`, `nn.Module` and its
parameters. Only plain data comes back, or another stand-in. A stand-in that a *function returned* is no plain data, and
comparing it with some is an error: an object that says it equals everything earns nothing.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

_SHOWN = ("__name__", "__qualname__", "__doc__", "__module__", "__signature__", "__annotations__", "__defaults__")
_ANSWER = "Your answer returns an object of a class of its own where the test needs plain data."


def stand_in(session: Any, number: int, facts: dict) -> Any:
    """The stand-in for object `number` of the student's process. `facts` are what that process says about it."""
    kinds = [kind for kind in facts.get("kinds", ()) if type(kind) is str] if type(facts.get("kinds")) is list else []
    if facts.get("class") is True:
        error = _error_class(kinds)
        if error is not None:
            from medtutor.grading.session import StudentRaised

            bases = (error, StudentRaised) if error is not Exception else (StudentRaised,)
            return type("Error", bases, {"_number": number, "_session": session})
        return RemoteClass(session, number, facts, kinds)
    return (RemoteCallable if facts.get("callable") is True else Remote)(session, number, facts, kinds)


def number_of(value: Any, session: Any) -> int | None:
    """The number of a stand-in of this session; None for anything else."""
    if isinstance(value, type) and value.__dict__.get("_session") is session:
        return value.__dict__["_number"]
    if issubclass(type(value), Remote) and object.__getattribute__(value, "_session") is session:
        return object.__getattribute__(value, "_number")
    return None


def _error_class(kinds: list[str]) -> type | None:
    from medtutor.grading.session import _RAISABLE

    return next((_RAISABLE[kind] for kind in kinds if kind in _RAISABLE), None)


def _torch_class(kinds: list[str]) -> type | None:
    """The class of `torch.nn` that an object says it is of; only a class, looked up by name."""
    torch = sys.modules.get("torch")
    for kind in kinds if torch is not None else ():
        found = getattr(torch.nn, kind, None)
        if isinstance(found, type) and issubclass(found, torch.nn.Module):
            return found
    return None


class Remote:
    """A stand-in of an object. `_made` tells that a test made it by calling a class: it may be compared."""

    def __init__(self, session: Any, number: int, facts: dict, kinds: list[str]):
        put = object.__setattr__
        put(self, "_session", session)
        put(self, "_number", number)
        put(self, "_facts", facts)
        put(self, "_kinds", kinds)
        put(self, "_made", False)

    def _ask(self, what: str, *args: Any, **more: Any) -> Any:
        return self._session.perform(what, self._number, args, **more)

    def _method(self, name: str, *args: Any) -> Any:
        return self._ask("method", *args, name=name)

    @property
    def __class__(self) -> type:
        if object.__getattribute__(self, "_facts").get("function") is True:
            return types.FunctionType
        return _torch_class(object.__getattribute__(self, "_kinds")) or type(self)

    def __deepcopy__(self, memo: dict) -> Any:
        copied = self._ask("copy")
        object.__setattr__(copied, "_made", self._made)
        return copied

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            if name == "__signature__":
                return _signature(self._facts)
            if name == "__name__":
                found = self._facts.get("name")
                return found if type(found) is str else "answer"
            if name not in _SHOWN:
                raise AttributeError(name)
        return self._ask("get", name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", value, name=name)

    def __repr__(self) -> str:
        return "an object of your answer"

    def __str__(self) -> str:
        if "__str__" in self._defines() or "__repr__" in self._defines():
            return _plain(self._method("__str__"), str)
        return "an object of your answer"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __hash__(self) -> int:
        return id(self)

    def _defines(self) -> list:
        found = self._facts.get("defines")
        return found if type(found) is list else []

    def __bool__(self) -> bool:
        if not {"__bool__", "__len__"} & set(map(str, self._defines())):
            if self._made or self._facts.get("function") is True or _torch_class(self._kinds):
                return True
            raise _not_plain()
        return _plain(self._method("__bool__"), bool)

    def __len__(self) -> int:
        return _plain(self._method("__len__"), int)

    def __iter__(self) -> Any:
        if self._facts.get("iterator") is True:
            return self
        return self._ask("iter")

    def __next__(self) -> Any:
        return self._ask("next")

    def __getitem__(self, key: Any) -> Any:
        return self._ask("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("setitem", key, value)

    def __contains__(self, value: Any) -> bool:
        return _plain(self._method("__contains__", value), bool)

    def __enter__(self) -> Any:
        return self._method("__enter__")

    def __exit__(self, *error: Any) -> None:
        self._method("__exit__")

    def __instancecheck__(self, value: Any) -> bool:
        raise TypeError("isinstance() needs a class")


def _compare(name: str) -> Callable:
    def method(self: Remote, other: Any) -> bool:
        if self is other and name in ("__eq__", "__ne__"):
            return name == "__eq__"
        if self._made or number_of(other, self._session) is not None:
            return _plain(self._method(name, other), bool)
        raise _not_plain()

    return method


def _arithmetic(name: str) -> Callable:
    def method(self: Remote, *other: Any) -> Any:
        found = self._method(name, *other)
        if isinstance(found, Remote) and self._made:
            object.__setattr__(found, "_made", True)
        return found

    return method


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Remote, f"__{_name}__", _compare(f"__{_name}__"))
for _name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor"):
    setattr(Remote, f"__{_name}__", _arithmetic(f"__{_name}__"))
    setattr(Remote, f"__r{_name}__", _arithmetic(f"__r{_name}__"))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Remote, f"__{_name}__", _arithmetic(f"__{_name}__"))
for _name in ("__int__", "__float__", "__index__", "__complex__", "__array__", "__torch_function__"):

    def _refuse(self: Remote, *args: Any, **kwargs: Any) -> Any:
        raise _not_plain()

    if _name in ("__int__", "__float__", "__index__", "__array__"):
        setattr(Remote, _name, _refuse)


class RemoteCallable(Remote):
    """A stand-in of a function, a method, or an object that can be called (a network)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.perform("call", self._number, args, kwargs)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None:  # as an attribute of a test's own class it acts as a method
            return self
        return lambda *args, **kwargs: self(owner, *args, **kwargs)


class RemoteClass(RemoteCallable):
    """A stand-in of a class: calling it makes an object; `isinstance` and `issubclass` work."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        if isinstance(made, Remote) or issubclass(type(made), Remote):
            object.__setattr__(made, "_made", True)
        return made

    @property
    def __class__(self) -> type:
        return type

    @property
    def __bases__(self) -> tuple[type, ...]:
        return (_torch_class(self._kinds) or object,)

    def __instancecheck__(self, value: Any) -> bool:
        if number_of(value, self._session) is None:
            return False
        found = self._session.perform("isinstance", number_of(value, self._session), **{"class": self._number})
        return _plain(found, bool)


def _plain(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise _not_plain()
    return value


def _not_plain() -> AssertionError:
    from medtutor.grading.session import NotPlain

    return NotPlain(_ANSWER)


def _signature(facts: dict) -> inspect.Signature:
    found = facts.get("signature")
    if type(found) is not list:
        raise AttributeError("__signature__")
    parameters = []
    try:
        for name, kind, has_default, default in found:
            default = default if has_default else inspect.Parameter.empty
            parameters.append(inspect.Parameter(str(name), inspect._ParameterKind(kind), default=default))
        return inspect.Signature(parameters)
    except (ValueError, TypeError):
        raise AttributeError("__signature__") from None
