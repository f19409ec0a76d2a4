"""Augmentation of a whole batch at once, within what the card of the data set allows (lesson 3).

A change is allowed when the label stays true and the image stays possible: a mirrored chest has its heart on the
right, a rare and serious finding, so no chest set allows the horizontal flip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmenter:
    """Random flips, rotation, shift, scale and intensity, drawn anew for each image of a batch.

    `rotate_degrees`, `shift_fraction` (of the width), `scale_fraction` and `intensity_fraction` are the largest
    changes; volumes (N, C, D, H, W) turn about their D axis. Call it with images float (N, C, H, W) or
    (N, C, D, H, W) in [-1, 1] and the generator to draw from; it returns the same shape. Borders repeat.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotate_degrees: float = 0.0
    shift_fraction: float = 0.0
    scale_fraction: float = 0.0
    intensity_fraction: float = 0.0

    @classmethod
    def of(cls, card) -> Augmenter:
        """What `card.augment` allows."""
        return cls(**{name: getattr(card.augment, name) for name in cls.__dataclass_fields__})

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n, dims = len(images), images.ndim - 2

        def draw(*shape):  # uniform in [-1, 1]
            return torch.rand(*shape, generator=generator, device=generator.device).to(images.device) * 2 - 1

        angle = draw(n) * math.radians(self.rotate_degrees)
        scale = 1 + draw(n) * self.scale_fraction
        flips = torch.ones(n, dims, device=images.device)
        for axis, allowed in ((0, self.flip_horizontal), (1, self.flip_vertical)):
            if allowed:
                flips[:, axis] = draw(n).sign()
        theta = torch.zeros(n, dims, dims + 1, device=images.device)
        theta[:, 0, 0], theta[:, 0, 1] = angle.cos(), -angle.sin()
        theta[:, 1, 0], theta[:, 1, 1] = angle.sin(), angle.cos()
        if dims == 3:
            theta[:, 2, 2] = 1
        theta[:, :, :dims] *= scale[:, None, None] * flips[:, None, :]
        theta[:, :, dims] = draw(n, dims) * 2 * self.shift_fraction  # the grid runs from -1 to 1
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        moved = F.grid_sample(images, grid.to(images.dtype), padding_mode="border", align_corners=False)
        if not self.intensity_fraction:
            return moved
        shape = (n,) + (1,) * (images.ndim - 1)
        gain = 1 + draw(*shape) * self.intensity_fraction
        offset = draw(*shape) * self.intensity_fraction
        return (moved * gain + offset).clamp(-1, 1)
