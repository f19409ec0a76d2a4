"""The filters, run by a small machine of our own: so those of the other processor are tried as well."""

from __future__ import annotations

import errno
import struct

import pytest

from medtutor.grading.sandbox import seccomp
from medtutor.grading.sandbox.syscalls import ARCHES, numbers


def answer(program: bytes, arch: int, number: int, *args: int) -> int:
    """What the kernel would answer to this call."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*args, *[0] * 6)[:6])
    lines = list(struct.iter_unpack("HBBI", program))
    held, at = 0, 0
    while True:
        code, jump_true, jump_false, value = lines[at]
        at += 1
        if code == seccomp.LOAD:
            held = struct.unpack_from("<I", data, value)[0]
        elif code == seccomp.AND:
            held &= value
        elif code == seccomp.RETURN:
            return value
        else:
            true = {
                seccomp.EQUAL: held == value,
                seccomp.AT_LEAST: held >= value,
                seccomp.ANY_BIT: bool(held & value),
            }[code]
            at += jump_true if true else jump_false


DENIED, ALLOWED = seccomp.ERRNO | errno.EPERM, seccomp.ALLOW
MISSING, DONE = seccomp.ERRNO | errno.ENOSYS, seccomp.ERRNO
FIRST = [
    ("socket", (2, 1, 0), DENIED),
    ("socketpair", (1, 1, 0), DENIED),
    ("execve", (), DENIED),
    ("ptrace", (16, 1), DENIED),
    ("sendto", (3, 0, 0, 0, 0), ALLOWED),
    ("sendto", (3, 0, 0, 0, 0x7FFF_0000_1000), DENIED),
    ("sendto", (3, 0, 0, 0, 0x7FFF_0000_0000), DENIED),
    ("clone", (17,), ALLOWED),
    ("clone", (17 | 0x10000000,), DENIED),
    ("clone", (17 | 0x20000,), DENIED),
    ("clone3", (), MISSING),
    ("memfd_create", (), MISSING),
    ("kill", (1, 9), ALLOWED),
    ("mmap", (0, 4096, 3, 0x22), ALLOWED),
    ("fchmodat", (0, 0, 0), ALLOWED),
    ("truncate", (0, 0), ALLOWED),
]
WITHOUT_A_FRESH_ROOT = [
    ("fchmodat", (0, 0, 0), DONE),
    ("utimensat", (0, 0, 0), DONE),
    ("fchownat", (0, 0, 0), DENIED),
    ("setxattr", (), DENIED),
    ("truncate", (0, 0), DENIED),
    ("openat", (0, 0, 0o1000), DENIED),  # only to read, and cut off
    ("openat", (0, 0, 0o1001), ALLOWED),
    ("openat", (0, 0, 0o1102), ALLOWED),
    ("openat", (0, 0, 0), ALLOWED),
]
SECOND = [
    ("clone", (17,), DENIED),
    ("clone", (0x3D0F00,), ALLOWED),  # what a thread is made with
    ("kill", (77, 6), ALLOWED),
    ("kill", (76, 0), DENIED),
    ("kill", (0, 9), DENIED),
    ("kill", (0xFFFFFFFF, 9), DENIED),
    ("tgkill", (77, 78, 6), ALLOWED),
    ("tgkill", (1, 1, 6), DENIED),
    ("prctl", (15, 0), ALLOWED),
    ("prctl", (4, 1), DENIED),
    ("prctl", (1, 0), DENIED),
    ("prlimit64", (0, 7), ALLOWED),
    ("prlimit64", (77, 7), ALLOWED),
    ("prlimit64", (1, 7), DENIED),
    ("fcntl", (3, 1), ALLOWED),
    ("fcntl", (3, 8), DENIED),
    ("fcntl", (3, 10), DENIED),
    ("fcntl", (3, 15), DENIED),
    ("ioctl", (3, 0x5401), ALLOWED),
    ("ioctl", (3, 0x5412), DENIED),
    ("ioctl", (3, 0x8901), DENIED),
    ("mmap", (0, 4096, 3, 0x22), ALLOWED),
    ("mmap", (0, 4096, 1, 0x01), ALLOWED),
    ("mmap", (0, 4096, 3, 0x21), DENIED),
    ("mmap", (0, 4096, 3, 0x122), DENIED),
    ("seccomp", (1, 0), DENIED),
]


@pytest.mark.parametrize("arch", ARCHES)
def test_each_call_is_answered_as_it_should_be(arch):
    first = seccomp.first_filter(arch)
    bare = seccomp.first_filter(arch, metadata=True, truncation=True)
    second = seccomp.second_filter(arch, 77)
    for program, cases in ((first, FIRST), (bare, WITHOUT_A_FRESH_ROOT), (second, SECOND)):
        for name, args, expected in cases:
            assert answer(program, ARCHES[arch], numbers(arch)[name], *args) == expected, (name, args)
    for name in seccomp.NEVER:
        if name in numbers(arch):
            assert answer(first, ARCHES[arch], numbers(arch)[name]) == DENIED, name


@pytest.mark.parametrize("arch", ARCHES)
def test_calls_of_another_machine_kill_and_new_ones_do_not_exist(arch):
    for program in (seccomp.first_filter(arch), seccomp.second_filter(arch, 77)):
        assert answer(program, 0x40000003, 1) == seccomp.KILL  # i386
        assert answer(program, ARCHES[arch], 451) == MISSING
        assert answer(program, ARCHES[arch], 63) == ALLOWED
        assert len(program) // 8 <= 4096  # as many lines as the kernel takes
        if arch == "x86_64":
            assert answer(program, ARCHES[arch], 0x40000000 + 39) == seccomp.KILL


def test_two_questions_get_filters_that_differ_in_the_number_of_their_process_only():
    one, other = (seccomp.second_filter("x86_64", pid) for pid in (77, 78))
    assert one != other and one == other.replace(struct.pack("I", 78), struct.pack("I", 77))


def test_the_two_tables_name_the_same_calls_but_for_old_ones():
    old = set(numbers("x86_64")) - set(numbers("aarch64"))
    assert {"open", "fork", "vfork"} <= old and set(numbers("aarch64")) <= set(numbers("x86_64"))
    newer = {name for name, number in numbers("x86_64").items() if number >= 424}
    assert all(numbers("aarch64")[name] == numbers("x86_64")[name] for name in newer)
