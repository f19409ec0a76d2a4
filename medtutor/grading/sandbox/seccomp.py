"""Two filters on system calls (seccomp(2)), as small BPF programs that the kernel runs before each call.

The first is set once for a worker, before any student's code; the second in each process that runs such code.
They add up: the stricter answer holds. A call that is not named is allowed, a call of another machine's table
kills the process, and a call newer than the table does not exist.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable
from functools import cache

from medtutor.grading.sandbox import system
from medtutor.grading.sandbox.syscalls import ARCHES, LAST, machine, numbers, words

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06  # BPF codes, on 32-bit words
NUMBER_AT, ARCH_AT, ARGS_AT = 0, 4, 16  # offsets in struct seccomp_data
X32 = 0x40000000

# What neither the worker nor a student's process needs.
NEVER = words("""
socket socketpair bind connect listen accept accept4 execve execveat setuid setgid setreuid setregid setresuid
setresgid setfsuid setfsgid setgroups capset ptrace process_vm_readv process_vm_writev process_madvise
process_mrelease kcmp migrate_pages move_pages pidfd_open pidfd_send_signal pidfd_getfd bpf perf_event_open
userfaultfd add_key request_key keyctl mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig
fsmount fspick mount_setattr unshare setns io_uring_setup io_uring_enter io_uring_register io_setup io_submit
io_destroy shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr name_to_handle_at open_by_handle_at
fanotify_init fanotify_mark inotify_init inotify_init1 inotify_add_watch kexec_load kexec_file_load
init_module finit_module delete_module swapon swapoff reboot acct quotactl quotactl_fd personality syslog iopl
ioperm modify_ldt vhangup lookup_dcookie nfsservctl uselib ustat sysfs _sysctl settimeofday clock_settime
clock_adjtime adjtimex sethostname setdomainname
""")
# Answered with "no such call", so that libraries take their older way. Memory of a memfd is in no process's limits;
# the flags of clone3 and openat2 lie behind a pointer, where a filter cannot see them.
MISSING = words("clone3 openat2 memfd_create memfd_secret")
# Landlock does not govern these. The first kind is answered with "done" and not done, because shutil.copy and
# tarfile call them on the way and need no result; a changed mode or time outside the scratch folder must not be.
PRETENDED = words("chmod fchmod fchmodat utime utimes utimensat futimesat")
METADATA = words("""
chown lchown fchown fchownat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
""")
# What only a student's process must not do, beside what `second_filter` writes out.
STUDENT = words("""
fork vfork seccomp setsockopt symlink symlinkat link linkat mknod mknodat setpriority ioprio_set
sched_setscheduler sched_setparam sched_setattr landlock_create_ruleset landlock_add_rule
landlock_restrict_self
""")

NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
CLONE_THREAD = 0x10000
TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15  # else a signal of any kind could be had sent to any process
O_ACCMODE, O_TRUNC = 3, 0x200
SHARED_ANONYMOUS, GROWS_DOWN = 0x21, 0x100  # memory that RLIMIT_DATA does not count
# Names, and questions: PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_GET_SECUREBITS,
# PR_GET_NO_NEW_PRIVS, PR_SET_VMA.
PRCTL = (3, 15, 16, 21, 23, 27, 39, 0x53564D41)
ITSELF = 0x7E57AB1E  # stands for a process number, and is none

Block = list[tuple[int, int, int, int]]  # (code, jump if true, jump if false, value)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def _deny(number: int = errno.EPERM) -> Block:
    return [(RETURN, 0, 0, ERRNO | number)]


def _load(argument: int, high: bool = False) -> tuple[int, int, int, int]:
    """The low (or high) half of an argument; both machines are little-endian."""
    return LOAD, 0, 0, ARGS_AT + 8 * argument + 4 * high


def _deny_if_in(argument: int, values: Iterable[int]) -> Block:
    values = tuple(values)
    tests = [(EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [_load(argument), *tests, (RETURN, 0, 0, ALLOW), *_deny()]


def _deny_unless_in(argument: int, values: Iterable[int]) -> Block:
    values = tuple(values)
    tests = [(EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [_load(argument), *tests, *_deny(), (RETURN, 0, 0, ALLOW)]


def _deny_if_masked(argument: int, mask: int, value: int) -> list[tuple[int, int, int, int]]:
    """Refuse where the argument's bits under `mask` are `value`."""
    return [_load(argument), (AND, 0, 0, mask), (EQUAL, 0, 1, value), *_deny(), (RETURN, 0, 0, ALLOW)]


def _program(rules: list[tuple[str, Block]], arch: str) -> bytes:
    """The whole filter. Each rule is the name of a call and a block that ends in an answer."""
    known = numbers(arch)
    lines: Block = [(LOAD, 0, 0, ARCH_AT), (EQUAL, 1, 0, ARCHES[arch]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER_AT)]
    if arch == "x86_64":
        lines += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL)]
    lines += [(AT_LEAST, 0, 1, LAST + 1), *_deny(errno.ENOSYS)]
    for name, block in rules:
        if name in known:
            lines += [(EQUAL, 0, len(block), known[name]), *block]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def first_filter(arch: str, *, metadata: bool = False, truncation: bool = False) -> bytes:
    """For the worker. `metadata`: also refuse chmod and the like; `truncation`: also truncating a file that is only
    readable (Landlock before its third version does not see it)."""
    rules = [(name, _deny()) for name in NEVER]
    rules += [(name, _deny(errno.ENOSYS)) for name in MISSING]
    to_no_address = [_load(4), (EQUAL, 0, 2, 0), _load(4, high=True), (EQUAL, 1, 0, 0), *_deny(), (RETURN, 0, 0, ALLOW)]
    rules += [
        ("sendto", to_no_address),
        ("clone", [_load(0), (ANY_BIT, 0, 1, NEW_NAMESPACES), *_deny(), (RETURN, 0, 0, ALLOW)]),
    ]
    if metadata:
        rules += [(name, _deny(0)) for name in PRETENDED] + [(name, _deny()) for name in METADATA]
    if truncation:
        rules += [
            ("truncate", _deny()),
            ("open", _deny_if_masked(1, O_ACCMODE | O_TRUNC, O_TRUNC)),
            ("openat", _deny_if_masked(2, O_ACCMODE | O_TRUNC, O_TRUNC)),
        ]
    return _program(rules, arch)


def second_filter(arch: str, pid: int) -> bytes:
    """For the process `pid` that runs a student's code: no new process, no signal to another one."""
    return _second_filter(arch).replace(struct.pack("I", ITSELF), struct.pack("I", pid))


@cache
def _second_filter(arch: str) -> bytes:
    """The same with `ITSELF` for the process: built once, because it is set for every question."""
    rules = [(name, _deny()) for name in STUDENT]
    rules += [(name, _deny_unless_in(0, [ITSELF])) for name in ("kill", "tkill", "tgkill")]
    rules += [(name, _deny_unless_in(0, [ITSELF])) for name in ("rt_sigqueueinfo", "rt_tgsigqueueinfo")]
    rules += [
        ("clone", _deny_if_masked(0, CLONE_THREAD, 0)),
        ("prctl", _deny_unless_in(0, PRCTL)),
        ("prlimit64", _deny_unless_in(0, [0, ITSELF])),
        ("sched_setaffinity", _deny_unless_in(0, [0, ITSELF])),
        ("fcntl", _deny_if_in(1, [F_SETOWN, F_SETSIG, F_SETOWN_EX])),
        ("ioctl", _deny_if_in(1, [TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP])),
        (
            "mmap",
            [
                _load(3),
                (ANY_BIT, 2, 0, GROWS_DOWN),
                (AND, 0, 0, SHARED_ANONYMOUS),
                (EQUAL, 0, 1, SHARED_ANONYMOUS),
                *_deny(),
                (RETURN, 0, 0, ALLOW),
            ],
        ),
    ]
    return _program(rules, arch)


def install(program: bytes) -> None:
    """Set a filter for this process and all it starts, for good. Raises `OSError` where the kernel refuses."""

    set_mode_filter, all_threads = 1, 1
    given = _Program(len(program) // 8, program)
    number = numbers(machine())["seccomp"]
    if system.syscall(number, set_mode_filter, all_threads, ctypes.byref(given), what="seccomp"):
        raise OSError(errno.EBUSY, "seccomp: a thread has another filter")
