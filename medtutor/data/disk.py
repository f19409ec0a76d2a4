"""Writing to a disk that may be full, read-only, or in use by another process."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medtutor.errors import MedtutorError, StorageError

RESERVE = 1 << 20  # bytes left free
ELSEWHERE = "choose another folder (MEDTUTOR_CACHE for the cache)"


def size_text(size: int | None) -> str:
    """A size in bytes for people.

    >>> size_text(4_170_669)
    '4.2 MB'
    """
    if size is None:
        return "size not stated"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def short(path: Path) -> str:
    """A path with the home folder as `~`."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and home != Path("/") else str(path)


def check_space(name: str, need: int, folder: Path) -> None:
    """Raises `StorageError` where `folder` has no room for `need` more bytes."""
    free = shutil.disk_usage(folder).free
    if need + RESERVE > free:
        raise StorageError(
            f"{name} needs {size_text(need)} more, and the disk of {folder} has {size_text(free)} free; make room or "
            f"{ELSEWHERE}."
        )


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Errors of the disk become a `StorageError` of one sentence that says what to do."""
    try:
        yield
    except MedtutorError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, shutil.Error):  # of copytree: one (from, to, reason) for each file
            reason = str(error.args[0][0][-1])
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"The disk of {root} is full; make room or {ELSEWHERE}. What has come is kept."
            ) from error
        raise StorageError(f"The folder {root} cannot be written ({reason}); {ELSEWHERE}.") from error


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """One process (or thread) at a time with the file `name` under `root`. The lock of a killed process is void."""
    from filelock import FileLock, Timeout

    folder = root / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name.replace('/', '_')}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is fetching {name}; waiting for it.", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder so that it is there whole or not at all. Call it under a lock."""
    work = target.with_name(f".{target.name}.copying")
    shutil.rmtree(work, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
    check_space(source.name, sum(path.stat().st_size for path in files), target.parent)
    try:
        if source.is_dir():
            shutil.copytree(source, work)
        else:
            shutil.copy2(source, work)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        work.unlink(missing_ok=True)
