"""From stored images to batches: scaling, class balance, the order of an epoch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from medtutor.errors import DataError


def scale(images: torch.Tensor) -> torch.Tensor:
    """uint8 images of any shape to float32 in [-1, 1]: 0 becomes -1, 255 becomes 1 (lesson 2).

    A fixed rule, so nothing is learnt from the images and nothing can leak from one split to another.
    """
    if images.dtype != torch.uint8:
        raise DataError(f"Images are stored as torch.uint8 (0 to 255), got {images.dtype}; do not scale them twice.")
    return images.float().div_(127.5).sub_(1)


def loss_for(task: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of a batch: one binary cross-entropy a label for "multi-label", else cross-entropy of the classes.

    `logits` (N, K); `labels` int64, (N,) or (N, K) for "multi-label".
    """
    if task == "multi-label":
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float())
    return F.cross_entropy(logits.float(), labels)


def probabilities(task: str, logits: torch.Tensor) -> torch.Tensor:
    """Logits (N, K) to probabilities (N, K): a sigmoid a label for "multi-label", else a softmax over the classes."""
    return logits.float().sigmoid() if task == "multi-label" else logits.float().softmax(1)


def epoch_batches(
    labels: torch.Tensor, batch_size: int, generator: torch.Generator, balanced: bool = False
) -> Iterator[torch.Tensor]:
    """Index tensors that make up one epoch, shuffled; with `balanced`, each class is drawn equally often.

    A last batch of one image is left out: batch normalisation cannot learn from it.
    """
    n = len(labels)
    if balanced:
        weights = 1.0 / torch.bincount(labels)[labels].float()
        order = torch.multinomial(weights, n, replacement=True, generator=generator)
    else:
        order = torch.randperm(n, generator=generator, device=generator.device)
    for batch in order.split(batch_size):
        if len(batch) > 1:
            yield batch


def batches_per_epoch(n: int, batch_size: int) -> int:
    """How many batches `epoch_batches` yields for `n` images."""
    return n // batch_size + (n % batch_size > 1)
