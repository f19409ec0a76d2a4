"""What crosses, and what does not."""

import collections
import contextlib
import math
import socket
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.grading.plain import Decoder, Encoder
from medtutor.grading.wire import BUFFER_LIMIT, Gone, Late, WireError, receive, send


def there_and_back(value):
    def refuse(encoder, value, depth):
        raise WireError("no")

    encoder = Encoder(refuse)
    form = encoder.value(value)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = threading.Thread(target=send, args=(ours, form, encoder.buffers))
        writer.start()
        message, buffers = receive(theirs)
        writer.join()
    return Decoder(buffers, lambda decoder, form, depth: (_ for _ in ()).throw(WireError("no"))).value(message)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(plain)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_plain_data_arrive_as_they_were_sent(value):
    assert repr(there_and_back(value)) == repr(value)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, np.float64, np.complex64])
def test_arrays_keep_kind_shape_and_values(kind):
    array = np.arange(12).reshape(3, 4).astype(kind)[:, ::2]
    found = there_and_back(array)
    assert found.dtype == array.dtype and np.array_equal(found, array) and found.flags.writeable
    assert there_and_back(array[0, 0]) == array[0, 0] and type(there_and_back(array[0, 0])) is type(array[0, 0])


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32])
def test_tensors_keep_kind_shape_and_values(kind):
    tensor = torch.arange(24).reshape(2, 3, 4).to(kind).transpose(0, 2)
    found = there_and_back(tensor)
    assert found.dtype == kind and torch.equal(found, tensor)
    assert there_and_back(torch.zeros(0, 3)).shape == (0, 3)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    found = there_and_back(parameter)
    assert type(found) is torch.nn.Parameter and found.requires_grad and torch.equal(found.grad, parameter.grad)


def test_other_plain_kinds_cross():
    Point = collections.namedtuple("Point", "x y")
    assert there_and_back(Point(1, 2)).y == 2
    assert there_and_back({1, 2}) == {1, 2} and there_and_back(frozenset("a")) == frozenset("a")
    assert there_and_back(slice(1, None, 2)) == slice(1, None, 2) and there_and_back(range(3)) == range(3)
    assert there_and_back(...) is ... and math.isnan(there_and_back(math.nan))
    assert there_and_back(2**5000) == 2**5000
    assert there_and_back(torch.float16) is torch.float16 and there_and_back(torch.Size([2])) == torch.Size([2])
    assert there_and_back(np.array(["ab", "c"])).tolist() == ["ab", "c"]
    assert there_and_back(collections.OrderedDict(a=1)) == {"a": 1}


def test_an_object_that_pretends_does_not_cross():
    class Equal(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class Fake(torch.Tensor):
        pass

    for value in (Equal(3), Fake(torch.ones(2)), object(), lambda: 1, np.array([object()])):
        with pytest.raises(WireError):
            there_and_back(value)


def test_nesting_has_an_end():
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(WireError, match="nested"):
        there_and_back(deep)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(
            st.sampled_from(["int", "float", "list", "tuple", "dict", "array", "scalar", "texts", "tensor", "named"]),
            inner,
            inner,
            inner,
            inner,
        ).map(list)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=30,
)


@given(json_values, st.lists(st.binary(max_size=16), max_size=3))
@settings(derandomize=True, deadline=None, max_examples=600)
def test_whatever_arrives_is_a_value_or_refused(form, buffers):
    decoder = Decoder([bytearray(b) for b in buffers], lambda decoder, form, depth: None)
    with contextlib.suppress(WireError):
        decoder.value(form)


@pytest.mark.parametrize(
    "form",
    [
        ["array", "O", [1], 0],
        ["array", "<f8", [1 << 40], 0],
        ["array", "<f8", [-1], 0],
        ["tensor", "float32", [3], 0, {}],
        ["tensor", "load", [1], 0, {}],
        ["dtype", "os"],
        ["named", ["__class__", "class"], [1, 2]],
        ["arg", 7],
        ["list", {"a": 1}],
        ["int", "__import__('os')"],
        ["no such kind"],
    ],
)
def test_a_form_that_lies_is_refused(form):
    def resolve(decoder, form, depth):
        raise WireError("unknown")

    with pytest.raises(WireError):
        Decoder([bytearray(8)], resolve).value(form)


def test_a_frame_that_is_none_is_refused_and_a_closed_connection_said():
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"mt\xff\xff\xff\xff" + b"\xff" * 8, b"mt\0\0\0\2" + b"\0" * 8 + b"[["):
        ours, theirs = socket.socketpair()
        with theirs:
            ours.sendall(data.ljust(14, b"\0"))
            ours.close()
            with pytest.raises((WireError, Gone)):
                receive(theirs)


def test_a_side_that_says_nothing_is_late():
    import time

    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Late):
        receive(theirs, time.monotonic() + 0.05)


def test_too_much_is_not_sent():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(WireError, match="large"):
        send(ours, None, [memoryview(bytearray(BUFFER_LIMIT + 1))])
