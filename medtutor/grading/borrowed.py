"""Objects of the judge that a student's function may be given: random generators and networks of known classes.

They cross as plain data and are built anew on the other side; what the function changes in them comes back. A network
crosses only where every module of it is a class of `torch.nn`, torchvision or `medtutor.nets`.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtutor.grading.plain import Decoder, Encoder
from medtutor.grading.wire import WireError

_HOMES = ("torch.nn.modules.", "torchvision.models.", "torchvision.ops.", "medtutor.nets.")
_BITS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_OWN = ("_parameters", "_buffers", "_modules")  # the rest of a module's __dict__ is plain, or hooks


@dataclass(frozen=True)
class State:
    """What came back of a network or a generator, to be put into the one that was sent."""

    kind: str
    parts: Any


class Hashed(str):
    """A text with a hash of its own: a test may change the order of a set so, as a new start of Python does."""

    def __new__(cls, text: str, number: int):
        made = super().__new__(cls, text)
        made.number = number
        return made

    def __hash__(self) -> int:
        return self.number


def to_form(encoder: Encoder, value: Any, depth: int) -> list | None:
    """The form of a generator, a network or a text with a hash of its own, or None for anything else."""
    if isinstance(value, str):
        return ["hashed", str.__str__(value), hash(value)]
    if isinstance(value, np.random.Generator):
        encoder.seen.append(value)
        state = value.bit_generator.state
        if type(value.bit_generator).__name__ not in _BITS:
            raise WireError("a random generator of a class of its own cannot be lent to an answer")
        return ["numpy generator", type(value.bit_generator).__name__, encoder.value(state, depth)]
    if isinstance(value, np.random.RandomState):
        encoder.seen.append(value)
        return ["numpy state", encoder.value(value.get_state(legacy=True), depth)]
    torch = _torch()
    if torch is None:
        return None
    if type(value) is torch.Generator:
        encoder.seen.append(value)
        return ["torch generator", encoder.value(value.get_state(), depth)]
    if isinstance(value, torch.nn.Module) and _known(type(value)):
        return _module_form(encoder, value, depth)
    return None


def _torch() -> Any:
    return sys.modules.get("torch")


def _known(kind: type) -> bool:
    return kind.__module__.startswith(_HOMES)


def _module_form(encoder: Encoder, module: Any, depth: int) -> list:
    encoder.seen.append(module)
    plain = {
        key: value
        for key, value in vars(module).items()
        if key not in (*_OWN, "_lent") and "_hooks" not in key and _plain(value)
    }
    children = []
    for name, child in module._modules.items():
        form = None if child is None else to_form(encoder, child, depth + 1)
        if child is not None and form is None:
            raise WireError("a network with a module of a class of its own cannot be lent to an answer")
        children.append([name, form])
    kind = type(module)
    return [
        "network",
        f"{kind.__module__}:{kind.__qualname__}",
        encoder.value(plain, depth + 1),
        [[name, encoder.value(value, depth + 1)] for name, value in module._parameters.items()],
        [[name, encoder.value(value, depth + 1)] for name, value in module._buffers.items()],
        children,
    ]


def _plain(value: Any) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return all(_plain(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def from_form(decoder: Decoder, form: list, depth: int, build: bool) -> Any:
    """The generator or network of a form, built (`build`, where the sender is trusted) or as a `State`; else None."""
    kind = form[0]
    if kind == "hashed":
        decoder.texts.append(str(form[1]))
        return Hashed(str(form[1]), int(form[2])) if build else str(form[1])
    if kind == "numpy generator":
        decoder.seen.append(None)
        place = len(decoder.seen) - 1
        state = decoder.value(form[2], depth)
        if form[1] not in _BITS:
            raise WireError("there is no such generator")
        bits = getattr(np.random, form[1])()
        bits.state = state
        decoder.seen[place] = np.random.Generator(bits)
        return decoder.seen[place] if build else State(kind, state)
    if kind == "numpy state":
        decoder.seen.append(None)
        place = len(decoder.seen) - 1
        state = decoder.value(form[1], depth)
        decoder.seen[place] = np.random.RandomState()
        decoder.seen[place].set_state(state)
        return decoder.seen[place] if build else State(kind, state)
    if kind == "torch generator":
        import torch

        decoder.seen.append(None)
        place = len(decoder.seen) - 1
        state = decoder.value(form[1], depth)
        decoder.seen[place] = torch.Generator()
        decoder.seen[place].set_state(state)
        return decoder.seen[place] if build else State(kind, state)
    if kind == "network":
        return _module_from(decoder, form, depth, build)
    return None


def _module_from(decoder: Decoder, form: list, depth: int, build: bool) -> Any:
    import torch

    _, name, plain, parameters, buffers, children = form
    place = len(decoder.seen)
    decoder.seen.append(None)
    # in the order of the sender's walk (`_module_form`): the places in `seen` follow from it
    modules = {
        str(key): None if child is None else from_form(decoder, child, depth + 1, build) for key, child in children
    }
    plain = decoder.value(plain, depth + 1)
    weights = {str(key): decoder.value(value, depth + 1) for key, value in parameters}
    stored = {str(key): decoder.value(value, depth + 1) for key, value in buffers}
    if not build:
        return State("network", (plain.get("training"), weights, stored, modules))
    home, _, qualname = str(name).partition(":")
    if not home.startswith(_HOMES):
        raise WireError("a network of an unknown class")
    kind = importlib.import_module(home)
    for part in qualname.split("."):
        kind = getattr(kind, part)
    module = kind.__new__(kind)
    torch.nn.Module.__init__(module)
    vars(module).update(plain)
    module._parameters.update(weights)
    module._buffers.update(stored)
    module._modules.update(modules)
    decoder.seen[place] = module
    return module


def put_back(original: Any, state: State, restore: Any) -> None:
    """Put a `State` that came back into the generator or network that was sent."""
    if state.kind == "numpy generator":
        original.bit_generator.state = state.parts
    elif state.kind in ("numpy state", "torch generator"):
        original.set_state(state.parts)
    elif state.kind == "network":
        training, weights, stored, modules = state.parts
        if isinstance(training, bool):
            original.training = training
        for held, found in ((original._parameters, weights), (original._buffers, stored)):
            for name, value in found.items():
                if held.get(name) is not None:
                    restore(held[name], value, 0)
        for name, child in modules.items():
            if original._modules.get(name) is not None and isinstance(child, State):
                put_back(original._modules[name], child, restore)
