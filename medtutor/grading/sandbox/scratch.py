"""Emptying the one folder that a student's code can write, whatever it left there."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

ROOTS: list[Path] = []  # of what can be written where scratch is only a part of it; set by `enter`


def wipe(scratch: Path) -> None:
    """Empty the scratch folder. For the worker, between two questions: no student's process may be running.

    Never follows a link, and depth does not matter: a folder in a folder is moved up before its own is removed.
    Raises `OSError` where something stays.
    """
    os.chdir("/")
    for root in ROOTS or [scratch]:
        empty(root)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chdir(scratch)


def empty(root: Path) -> None:
    """Remove all that is in a folder, as `wipe` does; also for what a worker left where its folder lay on the disk.

    Raises `OSError` where something stays.
    """
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        number = 0
        while names := os.listdir(top):
            for name in names:
                if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                with contextlib.suppress(OSError):  # an empty one may be closed to us, and can be removed all the same
                    os.rmdir(name, dir_fd=top)
                    continue
                number = _flatten(top, name, number, set(names))
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _flatten(top: int, name: str, number: int, taken: set[str]) -> int:
    """Move the folders in `name` up beside it, and delete the rest of what it holds."""
    with contextlib.suppress(OSError):  # refused where modes cannot be changed, and then none was
        os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        for inner in os.listdir(folder):
            if not stat.S_ISDIR(os.stat(inner, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(inner, dir_fd=folder)
                continue
            with contextlib.suppress(OSError):
                os.chmod(inner, 0o700, dir_fd=folder)  # a folder that moves has to be writable itself
            while (moved := f"{number}.moved") in taken:
                number += 1
            os.rename(inner, moved, src_dir_fd=folder, dst_dir_fd=top)
            number += 1
    finally:
        os.close(folder)
    return number
