"""Hashes of files: computed once, and remembered for as long as size and time of change stay.

Hashing a large file takes seconds, so the results are kept in `hashes.json` in the cache. That memory is a
convenience: where it is damaged or cannot be written, the hash is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

from medtutor.data.cards import File
from medtutor.errors import StorageError

MEMORY = "hashes.json"


def digest(path: Path, algorithm: str, memory: Path) -> str:
    """The hash of a file in hex digits, from the memory in the folder `memory` where the file has not changed."""
    try:
        state = path.stat()
        known = _read(memory / MEMORY).get(f"{algorithm} {path.absolute()}", [])
        if known[:2] == [state.st_size, state.st_mtime_ns]:
            return known[2]
        with path.open("rb") as stream:
            value = hashlib.file_digest(stream, algorithm).hexdigest()
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}.") from error
    remember(path, algorithm, value, memory)
    return value


def remember(path: Path, algorithm: str, value: str, memory: Path) -> None:
    """Put the hash of a file that was just checked into the memory."""
    state = path.stat()
    known = _read(memory / MEMORY)
    known[f"{algorithm} {path.absolute()}"] = [state.st_size, state.st_mtime_ns, value]
    _write(memory / MEMORY, known)


def _read(path: Path) -> dict[str, list]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    right = isinstance(known, dict) and all(isinstance(v, list) and len(v) == 3 for v in known.values())
    return known if right else {}


def _write(path: Path, known: dict[str, list]) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(known, indent=0), encoding="utf-8")
        os.replace(new, path)
    except OSError:  # a read-only or full disk: hash again next time
        with suppress(OSError):
            new.unlink(missing_ok=True)


def record_of(path: Path) -> Path:
    """Where the sha256 of a file without a publisher's hash is kept, in the format of `sha256sum`."""
    return path.with_name(f"{path.name}.sha256")


def expected(file: File, path: Path) -> tuple[str, str] | None:
    """(algorithm, hash) that the file at `path` must have: the publisher's, else the one recorded beside it."""
    if file.algorithm:
        return file.algorithm, file.hash
    try:
        found = re.match(r"[0-9a-f]{64}\b", record_of(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return ("sha256", found[0]) if found else None


def record(path: Path, value: str) -> None:
    """Keep the sha256 of the first download beside the file, so that a later change is noticed."""
    record_of(path).write_text(f"{value}  {path.name}\n", encoding="utf-8")
