"""Which values a seeded exercise has for a course or a student: drawn from a secret that students never see.

Whoever has the secret can draw them again at any time, so neither values nor expected results are stored. Release and
grade with the same minor version of Python: only `random()` itself is promised to stay the same between versions.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import random
import secrets
import stat
import unicodedata
import warnings
from pathlib import Path
from typing import Any

from medtutor.checks import Exercise, with_parameters
from medtutor.checks.seeded import drawn
from medtutor.errors import DataError, StorageError

__all__ = ["draw", "new_secret", "read_secret", "with_parameters"]

SECRET_BYTES = 32


def draw(exercise: Exercise, secret: bytes, course: str, student: str | None = None) -> dict[str, Any]:
    """The values of a seeded exercise for `student`, or (None) for the whole `course`; empty where it draws nothing.

    The random numbers start from HMAC-SHA256 of course, student and exercise under the secret: without the secret
    they say nothing about those of another student, and the same student gets the same ones again.
    """
    if len(secret) < SECRET_BYTES:
        raise DataError(
            f"The secret has {len(secret)} bytes; at least {SECRET_BYTES} are needed (new_secret makes one)."
        )
    # the same name may be written in two ways in Unicode, and file systems change one into the other
    who = None if student is None else unicodedata.normalize("NFC", student)
    message = json.dumps([course, who, exercise.id]).encode()
    return drawn(exercise, random.Random(hmac.new(secret, message, hashlib.sha256).digest()))


def new_secret(path: str | Path) -> bytes:
    """Write a new secret to `path`, readable by its owner only, and return it.

    Raises `StorageError` where the file is there already (it is never written over) or cannot be written.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
    except FileExistsError:
        raise StorageError(
            f"There is a file {path} already. A secret is never written over, because the marks of a course hang on it."
        ) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            if Path(path).is_file() and not Path(path).read_bytes().strip():
                Path(path).unlink()  # ours: the disk was full
        raise StorageError(f"The secret cannot be written to {path}: {error.strerror or error}.") from error
    return secret


def read_secret(path: str | Path) -> bytes:
    """The secret in a file that `new_secret` wrote. Warns where other users of this machine can read it.

    Raises `DataError` where it is missing, too short or no hexadecimal number.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="ascii").strip()
        mode = file.stat().st_mode
    except OSError as error:
        raise DataError(f"The secret {path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError:
        text, mode = "?", 0
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        raise DataError(f"The secret {path} is no hexadecimal number; new_secret writes one.") from None
    if len(secret) < SECRET_BYTES:
        raise DataError(
            f"The secret {path} has {len(secret)} bytes; at least {SECRET_BYTES} keep it from being guessed."
        )
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f"Other users can read the secret {path}; run: chmod 600 {path}", stacklevel=2)
    return secret
