"""Which device to train on, in which precision, and what to say when its memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medtutor.errors import DataError, OutOfMemoryError

# How torch's CPU allocator (Linux and macOS, then Windows) and CUDA's libraries say it; the GPU's allocator has an
# error class of its own.
FULL = ("can't allocate memory", "not enough memory", "alloc_failed")


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """`name` where it is given, else CUDA where it is there, else the CPU.

    Raises `DataError` for a device that this machine does not have.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DataError(f"The device {str(name)!r} is not on this machine; leave `device` out or say 'cpu'.") from error
    return device


def pick_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the GPU computes with it, float16 on older GPUs (the T4 only emulates bfloat16), else float32."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16


@contextmanager
def explain_out_of_memory(batch_size: int, device: torch.device) -> Iterator[None]:
    """Turn the device's out-of-memory error into one sentence with the batch size to try."""
    try:
        yield
    except RuntimeError as error:
        full = any(words in str(error).lower() for words in FULL)
        if not full and not isinstance(error, torch.OutOfMemoryError):
            raise
        if device.type == "cuda":
            torch.cuda.empty_cache()
        if batch_size <= 1:
            advice = "even one image at a time does not fit; use smaller images or a narrower network."
        else:
            advice = f"try batch_size={batch_size // 2}."
        raise OutOfMemoryError(f"The memory of {device} is full at batch_size={batch_size}: {advice}") from error
