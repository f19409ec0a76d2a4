"""Messages between the judge and a student's process: a JSON header, and raw buffers behind it.

Never pickle: the student's process may send whatever it likes. What a header says of values is read in `plain.py`.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

# What one message may hold. The judge's memory follows from them: a header of empty lists takes twenty times its size.
HEADER_LIMIT = 16_000_000
BUFFER_LIMIT = 64_000_000
BUFFERS = 100_000
_FRAME = struct.Struct("!2sIQ")
_MAGIC = b"mt"


class WireError(Exception):
    """A message that is not one of ours, or holds more than is allowed."""


class Gone(Exception):
    """The other side has closed the connection: it ended, was killed or crashed."""


class Late(Exception):
    """The other side did not answer before the deadline."""


def send(connection: socket.socket, message: Any, buffers: list = (), deadline: float | None = None) -> None:
    """Write one message. Raises `Gone`, and `Late` where the other side does not read it in time."""
    sizes = [len(buffer) for buffer in buffers]
    header = json.dumps([message, sizes], separators=(",", ":")).encode()
    if len(header) > HEADER_LIMIT or sum(sizes) > BUFFER_LIMIT or len(sizes) > BUFFERS:
        raise WireError("the data are too large to cross")
    try:
        for part in (_FRAME.pack(_MAGIC, len(header), sum(sizes)) + header, *buffers):
            _wait(connection, deadline)
            connection.sendall(part)
    except TimeoutError:
        raise Late from None
    except OSError:
        raise Gone from None


def receive(connection: socket.socket, deadline: float | None = None) -> tuple[Any, list[bytearray]]:
    """Read one message. Raises `Gone`, `Late` and `WireError`."""
    magic, header_size, buffers_size = _FRAME.unpack(_read(connection, _FRAME.size, deadline))
    if magic != _MAGIC or header_size > HEADER_LIMIT or buffers_size > BUFFER_LIMIT:
        raise WireError("not a message, or one that is too large")
    try:
        message, sizes = json.loads(bytes(_read(connection, header_size, deadline)))
    except (ValueError, RecursionError, TypeError):
        raise WireError("the header of a message cannot be read") from None
    if (
        type(sizes) is not list
        or len(sizes) > BUFFERS
        or not all(type(n) is int and n >= 0 for n in sizes)
        or sum(sizes) != buffers_size
    ):
        raise WireError("the sizes of a message do not add up")
    return message, [_read(connection, size, deadline) for size in sizes]


def _read(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        try:
            _wait(connection, deadline)
            count = connection.recv_into(view[done:])
        except TimeoutError:
            raise Late from None
        except OSError:
            raise Gone from None
        if count == 0:
            raise Gone
        done += count
    return data


def _wait(connection: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late
        connection.settimeout(left)
