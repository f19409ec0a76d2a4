"""A small set and network on which training can be tested in a second: bright squares on the left or on the right."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from medtutor.data.augment import Augmenter
from medtutor.nets import SmallResNet

SHIFT = Augmenter(shift_fraction=0.05, intensity_fraction=0.1)


def small_net(seed: int = 0, classes: int = 2) -> SmallResNet:
    """A small network with dropout, so that the state of the random numbers matters."""
    torch.manual_seed(seed)
    net = SmallResNet(width=4, classes=classes)
    net.head = torch.nn.Sequential(torch.nn.Dropout(0.2), net.head)
    return net


def squares(n: int, seed: int, classes: int = 2, size: int = 12, task: str = "binary-class") -> SimpleNamespace:
    """Images uint8 (n, 1, size, size) whose class is the column band in which a bright square lies, in noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=generator)
    images = torch.randint(0, 90, (n, 1, size, size), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        left = int(label) * (size // classes)
        top = int(torch.randint(size - 4, (1,), generator=generator))
        image[0, top : top + 4, left : left + 4] += 90
    if task == "multi-label":
        labels = torch.nn.functional.one_hot(labels, classes)
    flips = SimpleNamespace(flip_horizontal=False, reason="the side is the class")
    card = SimpleNamespace(name="squares", augment=flips, classes=tuple(map(str, range(classes))))
    return SimpleNamespace(images=images, labels=labels, task=task, card=card, source="sample")
