"""The small residual network of lesson 3 ("Convolutional networks").

After He et al. 2016, "Deep residual learning for image recognition", doi 10.1109/CVPR.2016.90, cut down to what a
28 x 28 image and a laptop can carry. One definition serves images (N, C, H, W) and volumes (N, C, D, H, W).
"""

from __future__ import annotations

import torch
from torch import nn

from medtutor.errors import DataError

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class ResidualBlock(nn.Module):
    """Two 3-wide convolutions whose result is added to the input: `relu(shortcut(x) + f(x))`.

    Input (N, channels_in, H, W) or (N, channels_in, D, H, W); output has `channels_out` channels and 1/`stride` of
    the size. The shortcut is the identity where shapes agree, else a 1-wide convolution. Built in lesson 3.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, dims: int = 2):
        super().__init__()
        conv, norm = _CONV[dims], _NORM[dims]
        self.conv1 = conv(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm1 = norm(channels_out)
        self.conv2 = conv(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = norm(channels_out)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(conv(channels_in, channels_out, 1, stride, bias=False), norm(channels_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return torch.relu(y + self.shortcut(x))


class SmallResNet(nn.Module):
    """A stem, one residual block a stage, the mean over all positions, one linear layer: logits (N, classes).

    `channels`: colour channels of the input (1 grey, 3 RGB). `width`: channels of the first stage; every further
    stage halves the size and doubles the channels. `stem_stride`: 2 halves the image at once, 1 keeps it.
    `dims`: 2 for images, 3 for volumes. Raises `DataError` for an input of another shape. Built in lesson 3.
    """

    def __init__(
        self, channels: int = 1, classes: int = 2, width: int = 8, stages: int = 3, stem_stride: int = 2, dims: int = 2
    ):
        super().__init__()
        self.channels, self.dims = channels, dims
        self.stem = nn.Sequential(
            _CONV[dims](channels, width, 3, stem_stride, padding=1, bias=False), _NORM[dims](width), nn.ReLU()
        )
        widths = [width * 2**stage for stage in range(stages)]
        self.stages = nn.Sequential(
            *(
                ResidualBlock(widths[max(stage - 1, 0)], widths[stage], stride=1 if stage == 0 else 2, dims=dims)
                for stage in range(stages)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The feature maps before the mean: (N, width * 2**(stages - 1), H', W')."""
        if images.ndim != self.dims + 2 or images.shape[1] != self.channels:
            axes = "H, W" if self.dims == 2 else "D, H, W"
            raise DataError(
                f"This network takes images of shape (N, {self.channels}, {axes}), got {tuple(images.shape)}; add or "
                "move the axis that is missing."
            )
        return self.stages(self.stem(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.features(images)
        return self.head(maps.flatten(2).mean(2))
