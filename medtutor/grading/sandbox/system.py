"""System calls that Python has no name for, through ctypes. Linux only, loaded when first used.

Each raises `OSError` with the kernel's own error. Numbers and meanings: the manual pages of section 2.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
CAPABILITIES = 64  # more than any kernel knows


@cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def checked(result: int, what: str) -> int:
    """The result of a call into libc, or `OSError` where it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *args: Any, what: str = "syscall") -> int:
    """A system call by its number; whole numbers are passed as long, ctypes values as they are."""
    passed = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return checked(_libc().syscall(ctypes.c_long(number), *passed), what)


def prctl(option: int, *args: int) -> int:
    """See prctl(2)."""
    filled = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:4]]
    return checked(_libc().prctl(option, *filled), f"prctl {option}")


def unshare(flags: int) -> None:
    """See unshare(2)."""
    checked(_libc().unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """See mount(2)."""
    texts = [text.encode() if text is not None else None for text in (source, target, kind, options)]
    done = _libc().mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    checked(done, f"mount {target}")


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """See umount2(2)."""
    checked(_libc().umount2(target.encode(), ctypes.c_int(flags)), f"umount {target}")


def no_new_privileges() -> None:
    """From here on nothing that is executed gains a right, and seccomp and Landlock need none."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def set_host_name(name: str) -> None:
    """See sethostname(2)."""
    checked(_libc().sethostname(name.encode(), ctypes.c_size_t(len(name.encode()))), "sethostname")


def drop_bounding() -> None:
    """No power that is given up can come back, as far as we have the right to say so."""
    for capability in range(CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # unknown to this kernel; or not our right, and then no_new_privs has to do
            continue


def drop_capabilities() -> None:
    """Give up every power of root: effective, permitted and inheritable."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    checked(_libc().capset(header, (ctypes.c_uint32 * 6)()), "capset")
