"""Landlock: which files a process may still open (landlock(7)). Needs no right, and cannot be undone.

Only what a rule names can be reached. Rules hold for a folder and all below it and can only add, so that a folder
with something hidden in it is named child by child.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from medtutor.grading.sandbox import system

CREATE, ADD, RESTRICT = 444, 445, 446  # the same on every machine
VERSION = 1
WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, REFER, TRUNCATE, IOCTL_DEV = 1 << 7, 1 << 8, 1 << 13, 1 << 14, 1 << 15
ALL_OF_FIRST = (1 << 13) - 1
BIND_AND_CONNECT_TCP = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
OPEN_PATH = 0o10000000  # O_PATH


def version() -> int:
    """The version of Landlock that the kernel says it has; 0 where it has none, or it is switched off."""
    try:
        return system.syscall(CREATE, ctypes.c_void_p(None), 0, VERSION, what="landlock")
    except OSError:
        return 0


def handled(abi: int) -> int:
    """Every right on files that this version can withhold."""
    return ALL_OF_FIRST | (REFER if abi >= 2 else 0) | (TRUNCATE if abi >= 3 else 0) | (IOCTL_DEV if abi >= 5 else 0)


def spread(path: Path, hidden: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """`path` as (path, whole?) pairs that leave out what is `hidden` in it: of a folder that is not whole only the
    names of what it holds may be read.

    >>> from pathlib import PurePosixPath
    >>> list(spread(Path("/dev/null"), []))
    [(PosixPath('/dev/null'), True)]
    """
    inside = [other for other in hidden if other.is_relative_to(path)]
    if path in inside:
        return
    if not inside:
        yield path, True
        return
    yield path, False
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_symlink():  # what it points to may lie anywhere
                yield from spread(path / entry.name, inside)


def restrict(readable: Sequence[Path], writable: Sequence[Path], hidden: Sequence[Path] = ()) -> int:
    """Leave this process only these paths; returns the version used. Also cuts off TCP (from version 4), signals and
    abstract sockets to outside (from version 6), where seccomp does not already. `/dev/null` may be written.

    The paths are real ones, without links. Raises `OSError` where the kernel refuses.
    """
    abi = version()
    if not abi:
        raise OSError("This kernel has no Landlock.")
    rights = handled(abi)
    fields = [rights]
    if abi >= 4:
        fields.append(BIND_AND_CONNECT_TCP)
    if abi >= 6:
        fields.append(ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = system.syscall(CREATE, ctypes.c_char_p(attributes), len(attributes), 0, what="landlock")
    try:
        for path in readable:
            for part, whole in spread(path, hidden):
                _allow(ruleset, part, rights & ((READ_FILE if whole else 0) | READ_DIR))
        for path in writable:
            change = REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
            _allow(ruleset, path, rights & (READ_FILE | READ_DIR | WRITE_FILE | change))
        _allow(ruleset, Path("/dev/null"), rights & (READ_FILE | WRITE_FILE | TRUNCATE))
        system.no_new_privileges()
        system.syscall(RESTRICT, ruleset, 0, what="landlock")
    finally:
        os.close(ruleset)
    return abi


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Add a rule; a path that is not there needs none."""
    try:
        at = os.open(path, OPEN_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= READ_FILE | WRITE_FILE | TRUNCATE
        if rights:
            beneath = 1
            rule = struct.pack("=Qi", rights, at)
            system.syscall(ADD, ruleset, beneath, ctypes.c_char_p(rule), 0, what=f"landlock {path}")
    finally:
        os.close(at)
