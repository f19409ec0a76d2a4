"""A root folder of its own: read-only views of what may be read, and one small file system in memory for scratch."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Sequence
from pathlib import Path

from medtutor.grading.sandbox import system
from medtutor.grading.sandbox.paths import links_on, real_paths
from medtutor.grading.sandbox.syscalls import machine, numbers
from medtutor.grading.sandbox.system import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
)

TEMPORARY = (Path("/tmp"), Path("/dev/shm"))
SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC


def build(base: Path, scratch: Path, readable: Sequence[Path], hidden: Sequence[Path], size: int, files: int) -> Path:
    """Mount it all at `base`, for a process in a mount namespace of its own with the right to mount.

    `base` is any folder, its name without links.
    `scratch` is where a file system of `size` bytes and `files` files can be reached; it is also /tmp and /dev/shm
    (where scratch lies in /tmp it is a folder of it, and where this Python lies in /tmp, that cannot be written).
    Returns the folder that is the root of that file system. Raises `OSError`.
    """
    system.mount(None, "/", None, MS_REC | MS_PRIVATE)
    system.mount("none", str(base), "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,nr_inodes=16k,mode=755")
    shown = real_paths(readable)
    for path in shown:
        _show(base, path)
    for path in real_paths(hidden):
        if any(path.is_relative_to(other) for other in shown):
            _cover(inside(base, path))
    for path in readable:
        for link, text in links_on(path).items():
            if not os.path.lexists(inside(base, link)):
                inside(base, link).parent.mkdir(parents=True, exist_ok=True)
                inside(base, link).symlink_to(text)
    _make_read_only(base, len(shown))
    return _add_scratch(base, scratch, shown, size, files)


def move_into(base: Path) -> None:
    """Make `base` the root of everything, and drop the old one. Raises `OSError`."""
    os.chdir(base)
    number = numbers(machine())["pivot_root"]
    here = ctypes.c_char_p(b".")
    system.syscall(number, here, here, what="pivot_root")  # the old root now lies on top of the new one
    system.unmount(".")
    os.chdir("/")
    system.mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def inside(base: Path, path: Path) -> Path:
    """Where a path of the new root lies as long as that is mounted at `base`."""
    return base / path.relative_to("/")


def _show(base: Path, path: Path) -> None:
    target = inside(base, path)
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    system.mount(str(path), str(target), None, MS_BIND | MS_REC)


def _cover(target: Path) -> None:
    if target.is_dir():
        system.mount("none", str(target), "tmpfs", SAFE, "size=4k,nr_inodes=2,mode=000")
    else:
        system.mount("/dev/null", str(target), None, MS_BIND)


def _make_read_only(base: Path, least: int) -> None:
    """Every mount below `base`, those that came along with a folder included; each keeps what it already forbids."""
    done = 0
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        points = [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[4]) for line in lines]
    for point in points:
        if not point.startswith(f"{base}/"):
            continue
        kept = os.statvfs(point).f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        device = Path(point).relative_to(base).is_relative_to("dev")
        added = MS_RDONLY | MS_NOSUID | (0 if device else MS_NODEV)
        system.mount(None, point, None, MS_REMOUNT | MS_BIND | kept | added)
        done += 1
    if done < least:
        raise OSError(f"{done} of {least} folders could be made read-only")


def _add_scratch(base: Path, scratch: Path, shown: Sequence[Path], size: int, files: int) -> Path:
    # A folder for temporary files in which Python itself lies stays as it is.
    free = [folder for folder in TEMPORARY if not any(folder in (path, *path.parents) for path in shown)]
    root = next((folder for folder in free if scratch.is_relative_to(folder)), scratch)
    at = inside(base, root)
    at.mkdir(parents=True, exist_ok=True)
    system.mount("none", str(at), "tmpfs", SAFE, f"size={size},nr_inodes={files},mode=700")
    for other in free:
        if other != root:
            inside(base, other).mkdir(parents=True, exist_ok=True)
            system.mount(str(at), str(inside(base, other)), None, MS_BIND)
    inside(base, scratch).mkdir(parents=True, exist_ok=True)
    return root
