"""In the student's process: run the answer, then do what the judge asks of it, until the connection closes.

This module is loaded in the clean process that student processes are forked from. It knows no test, no expected value,
no other submission, and nothing here has to be trusted: the judge checks whatever arrives.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import copy
import io
import json
import socket
import sys
import types
from typing import Any

import numpy as np

from medtutor.grading import borrowed
from medtutor.grading.chance import random_state, same_state, set_random_state
from medtutor.grading.inprocess import keep_loaders_here
from medtutor.grading.objects import METHODS, facts_of
from medtutor.grading.plain import Decoder, Encoder
from medtutor.grading.wire import Gone, WireError, receive, send

PRINTED = 64_000  # characters of what an answer prints that are kept for a test that asks; the rest costs nothing


def serve(connection: socket.socket) -> None:
    """Answer requests until the judge hangs up."""
    Served(connection).loop()


def warm_up() -> None:
    """Load what the first request would load. No operation of torch: a pool of threads does not survive a fork."""
    compile(ast.parse("def f(x):\n    return x"), "<answer>", "exec")
    encoder = Encoder(lambda encoder, value, depth: None)
    form = json.loads(json.dumps(encoder.value(random_state())))
    Decoder([bytearray(buffer) for buffer in encoder.buffers], lambda decoder, form, depth: None).value(form)


class Printed(io.TextIOBase):
    """Where prints go: the first `PRINTED` characters are kept for the reply."""

    def __init__(self):
        self.parts, self.room = [], PRINTED

    def write(self, text: str) -> int:
        if self.room > 0:
            self.parts.append(str(text)[: self.room])
            self.room -= len(self.parts[-1])
        return len(text)

    def writable(self) -> bool:
        return True

    def take(self) -> str:
        text, self.parts, self.room = "".join(self.parts), [], PRINTED
        return text


class Served:
    """The objects that the judge may name, and the requests that it can make of them."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}  # id of an object to its number
        self.parameters: dict[int, Any] = {}
        self.outputs: list = []
        self.records: list[tuple[list, list]] = []  # outputs and inputs of calls that can be differentiated
        self.borrowed_calls: dict[int, list] = {}  # id of a stub to its form
        self.printed = Printed()
        self.namespace: dict[str, Any] = {}
        self.random = b""

    def loop(self) -> None:
        sys.stdin = io.StringIO()
        sys.stdout, sys.stderr = self.printed, Printed()
        builtins.input = lambda prompt="": ""  # nobody is there to type
        keep_loaders_here()
        while True:
            try:
                self.reply(*receive(self.connection))
            except Gone:
                return

    # requests ---------------------------------------------------------------------------------------------------

    def reply(self, request: Any, buffers: list) -> None:
        """Do one request, and send what came of it."""
        encoder = Encoder(self.refer, mark=self.mark)
        try:
            self.receive_state(request, buffers)
            answer = getattr(self, f"do_{request['do']}")(request, buffers, encoder)
        except Gone:
            raise
        except BaseException as error:  # whatever an answer raises, SystemExit too
            encoder = Encoder(self.refer, mark=self.mark)
            answer = self.failure(error)
        printed = self.printed.take()
        if printed:
            answer["printed"] = printed
        answer.update(self.random_state(encoder))
        self.send(answer, encoder)

    def send(self, answer: dict, encoder: Encoder) -> None:
        try:
            send(self.connection, answer, encoder.buffers)
        except WireError:
            send(self.connection, {"error": ["WireError"], "message": "the data are too large to cross"})

    def failure(self, error: BaseException) -> dict:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        classes = [self.numbers[id(kind)] for kind in type(error).__mro__ if id(kind) in self.numbers]
        try:
            message = str(error)[:2000]
        except BaseException:
            message = ""
        return {"error": kinds, "classes": classes, "message": message}

    def do_run(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        """Run the answer, statement by statement: one that fails does not keep a later definition from being made."""
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = vars(module)
        self.namespace["display"] = lambda *objects, **options: None
        failed = None
        body = ast.parse(request["code"]).body
        later = request["code"].startswith("from __future__ import annotations")  # it counts for every statement
        flags = __future__.annotations.compiler_flag if later else 0
        for node in body:
            try:
                exec(compile(ast.Module([node], []), "<answer>", "exec", flags, True), self.namespace)
            except BaseException as error:
                failed = failed or self.failure(error)
        found = [name for name in request["names"] if name in self.namespace]
        values = [[name, encoder.value(self.namespace[name])] for name in found]
        return {"value": values, "failed": failed, "torch": "torch" in sys.modules}

    def do_call(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return self.perform(request, buffers, encoder, lambda target, args, kwargs: target(*args, **kwargs))

    def do_method(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        """A special method, by Python's own rules: of the class, not of the instance."""
        act = METHODS[request["name"]]
        return self.perform(request, buffers, encoder, lambda target, args, kwargs: act(target, *args))

    def do_get(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return {"value": encoder.value(getattr(self.objects[request["of"]], request["name"]))}

    def do_set(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        def act(target: Any, args: list, kwargs: dict) -> None:
            setattr(target, request["name"], args[0])

        return self.perform(request, buffers, encoder, act)

    def do_item(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return self.perform(request, buffers, encoder, lambda target, args, kwargs: target[args[0]])

    def do_setitem(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return self.perform(request, buffers, encoder, lambda target, args, kwargs: target.__setitem__(*args))

    def do_bind(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        def act(target: None, args: list, kwargs: dict) -> None:
            self.namespace[request["name"]] = args[0]

        return self.perform(request, buffers, encoder, act)

    def do_unbind(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        self.namespace.pop(request["name"], None)
        return {"value": None}

    def do_iter(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return {"value": self.reference(iter(self.objects[request["of"]]))}

    def do_next(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return {"value": encoder.value(next(self.objects[request["of"]]))}

    def do_copy(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return self.perform(request, buffers, encoder, lambda target, args, kwargs: copy.deepcopy(target))

    def do_isinstance(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        return {"value": isinstance(self.objects[request["of"]], self.objects[request["class"]])}

    def do_backward(self, request: dict, buffers: list, encoder: Encoder) -> dict:
        """Differentiate one output of an earlier call: gradients of its inputs, and of the parameters handed out."""
        import torch

        outputs, inputs = self.records[request["record"]]
        (gradient,) = Decoder(buffers, self.resolve).value(request["args"])
        kept = [tensor.grad for tensor in inputs]
        for tensor in inputs:
            tensor.grad = None
        torch.autograd.backward(outputs[request["output"]], gradient, retain_graph=True)
        found = [tensor.grad for tensor in inputs]
        for tensor, old in zip(inputs, kept, strict=True):
            tensor.grad = old
        value = encoder.value(found)
        return {"value": value, "gradients": self.gradients(encoder)}

    def gradients(self, encoder: Encoder) -> list:
        return [
            [number, None if parameter.grad is None else encoder.value(parameter.grad.detach())]
            for number, parameter in self.parameters.items()
        ]

    def perform(self, request: dict, buffers: list, encoder: Encoder, act: Any) -> dict:
        decoder = Decoder(buffers, self.resolve)
        args, kwargs = decoder.value(request["args"])
        torch = sys.modules.get("torch")
        if torch is not None:
            inputs = [value for value in decoder.seen if isinstance(value, torch.Tensor) and value.requires_grad]
        target = self.objects.get(request["of"])
        if torch is None:
            result = act(target, args, kwargs)
        else:
            with torch.set_grad_enabled(request.get("differentiate", True)):
                result = act(target, args, kwargs)
        # what was changed in place: the arguments are written again and compared with what arrived
        again = Encoder(self.refer)
        form = again.value([args, kwargs])
        answer: dict[str, Any] = {}
        self.outputs = []
        encoder._known = {id(value): place for place, value in enumerate(decoder.seen)}
        answer["value"] = encoder.value(result)
        if form != request["args"] or again.buffers != [bytes(b) for b in buffers[: len(again.buffers)]]:
            fresh = Encoder(self.refer)
            fresh.buffers = encoder.buffers
            answer["changed"] = fresh.value([args, kwargs])
        if self.outputs:
            self.records.append((self.outputs, inputs))
            answer["record"] = len(self.records) - 1
        return answer

    # state that both sides share --------------------------------------------------------------------------------

    def receive_state(self, request: dict, buffers: list) -> None:
        if "random" in request:
            state = Decoder(buffers, self.resolve).value(request["random"])
            set_random_state(state)
            self.random = random_state()
        for number, form in request.get("parameters", ()):
            import torch

            value = Decoder(buffers, self.resolve).value(form)
            parameter = self.parameters[number]
            with torch.no_grad():
                parameter.copy_(value)
            parameter.grad = value.grad

    def random_state(self, encoder: Encoder) -> dict:
        state = random_state()
        if same_state(state, self.random):
            return {}
        self.random = state
        return {"random": Encoder.value(encoder, state)}

    # objects of the answer --------------------------------------------------------------------------------------

    def refer(self, encoder: Encoder, value: Any, depth: int) -> list:
        if id(value) in self.borrowed_calls:
            return self.borrowed_calls[id(value)]
        if id(value) in self.numbers:
            return self.reference(value)
        form = borrowed.to_form(encoder, value, depth) if _was_lent(value) else None
        return form or self.reference(value)

    def reference(self, value: Any) -> list:
        """The form of an object that stays here."""
        if id(value) not in self.numbers:
            if len(self.objects) > 200_000:
                raise WireError("there are too many objects")
            self.numbers[id(value)] = len(self.objects)
            self.objects[len(self.objects)] = value
        return ["ref", self.numbers[id(value)], facts_of(value)]

    def mark(self, tensor: Any, extra: dict) -> None:
        """Number the parameters of the answer's network (what a test changes in them comes back here) and the outputs
        that can be differentiated."""
        if tensor.grad_fn is not None:
            extra["output"] = len(self.outputs)
            self.outputs.append(tensor)
        if extra.get("parameter"):
            self.reference(tensor)
            number = self.numbers[id(tensor)]
            self.parameters[number] = tensor
            extra["own"] = number

    def resolve(self, decoder: Decoder, form: list, depth: int) -> Any:
        if form[0] == "own":
            return self.objects[form[1]]
        if form[0] == "lent":
            return self.stub(form)
        value = borrowed.from_form(decoder, form, depth, build=True)
        if value is None:
            raise WireError("a value of an unknown kind")
        if hasattr(value, "_modules"):
            vars(value)["_lent"] = True
        return value

    def stub(self, form: list) -> Any:
        """A function of the judge's, called over there."""

        def lent(*args: Any, **kwargs: Any) -> Any:
            encoder = Encoder(self.refer)
            send(
                self.connection,
                {"callback": form[1], "args": encoder.value([list(args), kwargs])},
                encoder.buffers,
            )
            reply, buffers = receive(self.connection)
            if "error" in reply:
                raise getattr(builtins, reply["error"], RuntimeError)(reply["message"])
            return Decoder(buffers, self.resolve).value(reply["value"])

        lent.__name__ = form[2]
        self.borrowed_calls[id(lent)] = form
        self.objects[-len(self.borrowed_calls)] = lent  # kept alive: its id is its name
        return lent


def _was_lent(value: Any) -> bool:
    if isinstance(value, np.random.Generator | np.random.RandomState) or type(value).__name__ == "Generator":
        return True
    return type(value) is borrowed.Hashed or getattr(value, "__dict__", {}).get("_lent", False) is True
