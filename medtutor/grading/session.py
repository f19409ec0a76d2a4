"""The judge's side of the connection to a student's process: requests, deadlines, and what arrives checked.

A `Session` lasts for one answer. Values that the answer returns are plain data, or stand-ins (`remote.py`).
"""

from __future__ import annotations

import socket
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from medtutor.grading import borrowed, remote
from medtutor.grading.chance import random_state, same_state, set_random_state
from medtutor.grading.plain import Decoder, Encoder
from medtutor.grading.restored import restore
from medtutor.grading.taint import Taint
from medtutor.grading.wire import Gone, Late, WireError, receive, send

# Exceptions that an answer may raise as themselves, so that a test can expect them.
_RAISABLE = {
    kind.__name__: kind
    for kind in (
        *(ArithmeticError, ZeroDivisionError, OverflowError, FloatingPointError, AssertionError, AttributeError),
        *(BufferError, EOFError, ImportError, ModuleNotFoundError, IndexError, KeyError, LookupError, MemoryError),
        *(NameError, NotImplementedError, OSError, FileNotFoundError, PermissionError, RuntimeError, RecursionError),
        *(StopIteration, SyntaxError, TypeError, ValueError, Exception),
    )
}


class SessionOver(BaseException):
    """The answer's process is gone or has to go. `why`: "time", "memory" or "crashed". No test can swallow it."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class StudentRaised(Exception):
    """An exception that the answer raised. It is also of the built-in kind that it had there, where that is known."""


class NotPlain(AssertionError):
    """The answer returned something where a test needs plain data."""


class TestFault(Exception):
    """The test itself asks for something that cannot cross. Its author has to mend it."""

    __test__ = False


class Session:
    """One student's process, which may take `seconds` in all to answer; the judge's own time does not count."""

    def __init__(self, connection: socket.socket, seconds: float):
        self.connection = connection
        self.left = seconds
        self.end = time.monotonic() + 2 * seconds + 10  # a test that asks without end, of an answer that is quick
        self.deadline = self.end
        self.over = ""
        self.taint = Taint()
        self.objects: dict[int, Any] = {}
        self.parameters: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.before: dict[int, tuple] = {}  # what the student's process holds of each parameter
        self.random: dict[str, Any] = {}
        self.torch = False  # whether the other process has loaded torch: its random state is shared then
        self.lent: list[Callable] = []
        self.link: tuple | None = None

    # requests ---------------------------------------------------------------------------------------------------

    def run(self, code: str, names: Sequence[str]) -> tuple[dict[str, Any], str]:
        """Run the answer; returns the values of `names` that it defines, and why not all are there ("" if they are)."""
        reply, decoder = self.ask({"do": "run", "code": code, "names": list(names)})
        self.torch = self.torch or reply.get("torch") is True
        values = _checked(reply.get("value"), list)
        found = {}
        for entry in values:
            name, form = _checked(entry, list, 2)
            if name in names:
                found[name] = decoder.value(form)
        self.taint.add(decoder.texts)
        failed = reply.get("failed")
        missing = [name for name in names if name not in found]
        if not missing:
            return found, ""
        if isinstance(failed, dict) and failed.get("error"):
            return found, f"Your answer raises {self._raised(failed).kind} before `{missing[0]}` is defined."
        return found, f"`{missing[0]}` is not defined."

    def perform(self, what: str, of: int, args: Sequence = (), kwargs: dict | None = None, **more: Any) -> Any:
        """Ask for something to be done with the student's object number `of`; returns what came of it."""
        encoder = Encoder(self._refer)
        original = [list(args), dict(kwargs or {})]
        request = {"do": what, "of": of, **more}
        try:
            request["args"] = encoder.value(original)
        except WireError as error:
            raise TestFault(f"The test passes something that cannot cross to an answer: {error}.") from None
        torch = sys.modules.get("torch")
        if torch is not None:
            request["differentiate"] = torch.is_grad_enabled()
        known = encoder.seen
        reply, decoder = self.ask(request, encoder, known)
        self.link = None
        if torch is not None and "record" in reply:
            inputs = [v for v in known if isinstance(v, torch.Tensor) and v.requires_grad]
            self.link = (reply["record"], inputs)
        value = self._value(decoder, reply.get("value"))
        self.link = None
        if "changed" in reply:
            changed = self._value(decoder, reply["changed"], changed=True)
            restore(original, changed)
        return value

    def bind(self, name: str, value: Any) -> None:
        """Give a name of the answer's own another value there."""
        self.perform("bind", -1, [value], name=name)

    def unbind(self, name: str) -> None:
        """Take a name of the answer's own away there."""
        self.perform("unbind", -1, name=name)

    def backward(self, record: int, output: int, gradient: Any) -> list:
        """Gradients of the inputs of an earlier call; the parameters that the judge holds get theirs."""
        encoder = Encoder(self._refer)
        request = {"do": "backward", "record": record, "output": output, "args": encoder.value([gradient])}
        reply, decoder = self.ask(request, encoder)
        found = self._value(decoder, reply.get("value"))
        for entry in _checked(reply.get("gradients"), list):
            number, form = _checked(entry, list, 2)
            parameter = self.parameters.get(number) if type(number) is int else None
            if parameter is not None:
                gradient = self._value(decoder, form)
                if gradient is not None and gradient.shape != parameter.shape:
                    raise NotPlain("Your answer's gradients have another shape than its parameters.")
                parameter.grad = gradient
                self._note(number, parameter)
        return _checked(found, list)

    def ask(self, request: dict, encoder: Encoder | None = None, known: Sequence = ()) -> tuple[dict, Decoder]:
        """Send a request and return the reply. Raises what the answer raised, or `SessionOver`."""
        if self.over:
            raise SessionOver(self.over)
        encoder = encoder or Encoder(self._refer)
        now = random_state()
        if not self.torch:
            now.pop("torch", None)
        if not same_state(now, self.random):
            request["random"] = encoder.value(now)
            self.random = now
        parameters = self._changed_parameters(encoder)
        if parameters:
            request["parameters"] = parameters
        began = time.monotonic()
        self.deadline = min(began + self.left, self.end)
        try:
            send(self.connection, request, encoder.buffers, self.deadline)
            while True:
                reply, buffers = receive(self.connection, self.deadline)
                if type(reply) is not dict:
                    raise WireError("a reply is not an object")
                if "callback" not in reply:
                    break
                self._callback(reply, buffers)
        except Late:
            self._end("time")
        except Gone:
            self._end("crashed")
        except WireError:
            self._end("crashed")
        self.left -= time.monotonic() - began
        decoder = Decoder(buffers, self._resolve, known, self._adopt)
        try:
            self._shared(reply, decoder)
        except WireError:
            self._end("crashed")
        if "error" in reply:
            raise self._raised(reply)
        return reply, decoder

    def _end(self, why: str):
        self.over = why
        raise SessionOver(why) from None

    def _value(self, decoder: Decoder, form: Any, changed: bool = False) -> Any:
        decoder.changed = changed
        try:
            value = decoder.value(form)
        except WireError:
            raise NotPlain("Your answer returns something that is not plain data.") from None
        finally:
            self.taint.add(decoder.texts)
            decoder.texts.clear()
            decoder.changed = False
        return value

    def _shared(self, reply: dict, decoder: Decoder) -> None:
        printed = reply.get("printed")
        if type(printed) is str:
            self.taint.add([printed])
            sys.stdout.write(printed)
        if "random" in reply:
            state = decoder.value(reply["random"])
            decoder.texts.clear()
            decoder.seen.clear()
            try:
                set_random_state(state)
            except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError):
                raise WireError("a random state that is none") from None
            self.torch = "torch" in state
            self.random = random_state()
            if not self.torch:
                self.random.pop("torch", None)

    def _raised(self, reply: dict) -> StudentRaised:
        kinds = _checked(reply.get("error"), list)
        message = reply.get("message")
        message = message if type(message) is str else ""
        self.taint.add([message])
        base = next((_RAISABLE[name] for name in kinds if type(name) is str and name in _RAISABLE), Exception)
        if "allocate memory" in message and base is RuntimeError:  # torch's allocator
            base = MemoryError
        classes = [self.objects.get(n) for n in reply.get("classes", ()) if type(n) is int]
        own = next((found for found in classes if isinstance(found, type)), None)
        kind = own or type(base.__name__, (base, StudentRaised) if base is not Exception else (StudentRaised,), {})
        error = kind.__new__(kind, message)
        error.args = (message,)
        error.kind = base.__name__ if base is not Exception else "an exception"
        error.memory = issubclass(base, MemoryError)
        return error

    # what crosses -----------------------------------------------------------------------------------------------

    def _refer(self, encoder: Encoder, value: Any, depth: int) -> Any:
        number = remote.number_of(value, self)
        if number is not None:
            return ["own", number]
        form = borrowed.to_form(encoder, value, depth)
        if form is not None:
            return form
        if callable(value):
            if value not in self.lent:
                self.lent.append(value)
            return ["lent", self.lent.index(value), "function"]
        raise WireError(f"a value of type {type(value).__name__}")

    def _resolve(self, decoder: Decoder, form: list, depth: int) -> Any:
        if form[0] in ("ref", "own"):
            number = _checked(form[1], int)
            if number not in self.objects:
                if form[0] == "own" or len(self.objects) > 200_000:
                    raise WireError("there is no such object")
                facts = _checked(form[2], dict)
                self.objects[number] = remote.stand_in(self, number, facts)
                self.taint.add([text for text in (facts.get("name"),) if type(text) is str])
            return self.objects[number]
        if form[0] == "lent":
            return self.lent[_checked(form[1], int)]
        value = borrowed.from_form(decoder, form, depth, build=False)
        if value is None or (not decoder.changed and form[0] != "hashed"):
            raise WireError("a value of an unknown kind")
        return value

    def _adopt(self, tensor: Any, extra: dict) -> Any:
        """Keep one tensor for each parameter of the answer; link outputs that can be differentiated."""
        if self.link is not None and type(extra.get("output")) is int:
            from medtutor.grading.linked import link

            return link(self, self.link[0], extra["output"], tensor.detach(), self.link[1])
        number = extra.get("own")
        if type(number) is int:
            held = self.parameters.get(number)
            if held is not None and held.shape == tensor.shape and held.dtype == tensor.dtype:
                import torch

                with torch.no_grad():
                    held.copy_(tensor)
                held.grad = tensor.grad
                tensor = held
            self.parameters[number] = tensor
            self._note(number, tensor)
        return tensor

    def _note(self, number: int, parameter: Any) -> None:
        gradient = parameter.grad
        self.before[number] = (parameter.detach().clone(), None if gradient is None else gradient.clone())

    def _changed_parameters(self, encoder: Encoder) -> list:
        import_torch = sys.modules.get("torch")
        changed = []
        for number, parameter in list(self.parameters.items()):
            values, gradient = self.before[number]
            same_gradient = (gradient is None) == (parameter.grad is None) and (
                gradient is None or import_torch.equal(gradient, parameter.grad)
            )
            if not same_gradient or not import_torch.equal(values, parameter.detach()):
                changed.append([number, encoder.value(parameter)])
                self._note(number, parameter)
        return changed

    def _callback(self, reply: dict, buffers: list) -> None:
        """The answer calls a function that the test gave it."""
        decoder = Decoder(buffers, self._resolve)
        encoder = Encoder(self._refer)
        try:
            function = self.lent[_checked(reply["callback"], int)]
            args, kwargs = decoder.value(reply["args"])
            self.taint.add(decoder.texts)
            if not all(type(key) is str for key in kwargs):
                raise WireError("an argument has no name")
            answer = {"value": encoder.value(function(*args, **kwargs))}
        except (WireError, IndexError) as error:
            raise WireError("a call of a function that was not lent") from error
        except Exception as error:  # the answer passed it something wrong: its own business
            name = type(error).__name__
            answer, encoder = (
                {"error": name if name in _RAISABLE else "RuntimeError", "message": ""},
                Encoder(self._refer),
            )
        send(self.connection, answer, encoder.buffers, self.deadline)


def _checked(value: Any, kind: type, length: int | None = None) -> Any:
    if type(value) is not kind or (length is not None and len(value) != length):
        raise WireError("a reply is not as it should be")
    return value
