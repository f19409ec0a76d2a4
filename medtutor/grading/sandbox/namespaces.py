"""Namespaces: a network without an interface, a process table without others, a root folder with little in it.

Needs the right to make them: root has it, and an ordinary user has it inside a user namespace, where the host allows
that.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from medtutor.grading.sandbox import fresh_root, outside, system

KINDS = system.CLONE_NEWNS | system.CLONE_NEWNET | system.CLONE_NEWIPC | system.CLONE_NEWUTS | system.CLONE_NEWPID
NOBODY = 65534
PRIVATE_USERS = 0x70000000  # far from the users of a machine and from those that containers are given


def isolate(
    scratch: Path, readable: Sequence[Path], hidden: Sequence[Path], size: int, files: int, memory: int
) -> Path:
    """Go on as process 1 of new namespaces, in a fresh root and without any power of root.

    The calling process stays outside (`outside.fork_inside`). Returns the root of the file system that holds
    `scratch`, which has room for `size` bytes and `files` files. Raises `OSError`.
    """
    outside.end_with_parent()
    user = _separate()
    reading = outside.fork_inside(memory)
    base = Path(os.path.realpath(scratch))  # any folder would do; this one is ours
    root = fresh_root.build(base, scratch, readable, hidden, size, files)
    if user is not None:
        for path in (scratch, *scratch.parents):
            if path.is_relative_to(root):
                os.chown(fresh_root.inside(base, path), user, user)
    fresh_root.move_into(base)
    system.set_host_name("sandbox")
    become(user)
    outside.end_with_outside(reading)
    return root


def become(user: int | None) -> None:
    """Change to this user, if one is given, and drop every power of root. Raises `OSError`."""
    system.drop_bounding()  # first: afterwards there is no right to
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    system.drop_capabilities()


def private_user() -> int | None:
    """A user number of this worker's own, for root to become; None where we are not root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(OSError, ValueError), open("/proc/self/uid_map") as lines:
        for line in lines:
            start, _, count = map(int, line.split())
            wanted = PRIVATE_USERS + os.getpid()
            if start <= wanted < start + count:
                return wanted
    return NOBODY


def _separate() -> int | None:
    """Enter new namespaces; returns the user to become, or None to stay who we are (with a map of our own)."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            system.unshare(KINDS)
            return private_user()
    user, group = os.geteuid(), os.getegid()
    system.unshare(KINDS | system.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return None
