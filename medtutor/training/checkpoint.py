"""Checkpoints that survive a killed kernel: written whole or not at all, checked before they are used."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from medtutor.errors import CheckpointError, StorageError

_MAGIC = b"medtutor checkpoint 1\n"


def save(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write `state` (tensors, numbers, text, lists, dicts) to `path` in one step, with its hash in front.

    Raises `StorageError` where the disk is full or the folder cannot be written; an earlier checkpoint stays.
    """
    path = Path(path)
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(_MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"The checkpoint {path} ({len(content) / 1e6:.1f} MB) could not be written: {error.strerror or error}; "
            "free some space or give another folder to `checkpoint_to`."
        ) from error


def load(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The state in `path`, or None where there is no file, or only a damaged one.

    A damaged file is reported with a warning and set aside as `<name>.damaged`, so that training starts anew and
    nothing is overwritten. Only plain data are read (`weights_only=True`). Raises `CheckpointError` where the file
    cannot be read or set aside.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror or error}.") from error
    try:
        digest, content = raw[len(_MAGIC) :].split(b"\n", 1)
        if not raw.startswith(_MAGIC) or hashlib.sha256(content).hexdigest().encode() != digest:
            raise ValueError("its hash is not that of its content")
        return torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # whatever a damaged file makes the reader raise
        aside = path.with_name(path.name + ".damaged")
        try:
            os.replace(path, aside)
        except OSError as blocked:
            raise CheckpointError(f"The checkpoint {path} is damaged and cannot be moved; delete it.") from blocked
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        warnings.warn(
            f"The checkpoint {path} is damaged ({reason}); it was set aside as {aside.name} and training starts anew.",
            stacklevel=2,
        )
        return None
