"""The defaults that `bench` trains with: one rule from the card and the size of the set, for every set.

The rule was chosen on validation data of PneumoniaMNIST, whole and cut to 250, 500 and 2000 training images
(docs/recipe.md has the figures, scripts/recipe_study.py makes them); no name of a data set and no test image went
into it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from medtutor.data.augment import Augmenter
from medtutor.nets import SmallResNet

WIDTH = 8
PRESENTATIONS = 20_000  # images shown in all, each repetition counted
FEWEST_EPOCHS = 3
BATCHES_PER_EPOCH = 40
AUGMENT_FROM_EPOCHS = 16  # an image that is seen fewer times than this need not be changed to stay new
CLEAN_END = 0.2


@dataclass(frozen=True)
class Recipe:
    """Everything that `fit` and `SmallResNet` need to know."""

    channels: int
    classes: int
    dims: int
    width: int
    stages: int
    stem_stride: int
    epochs: int
    batch_size: int
    lr: float
    augment: Augmenter | None
    clean_end: float
    flip_at_test: bool

    def net(self) -> SmallResNet:
        """A new network with random weights (set `torch.manual_seed` before)."""
        return SmallResNet(self.channels, self.classes, self.width, self.stages, self.stem_stride, self.dims)

    def fit_settings(self) -> dict[str, Any]:
        """The keyword arguments for `fit`."""
        names = ("epochs", "batch_size", "lr", "augment", "clean_end")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a JSON record."""
        return asdict(self)


def recipe_for(train) -> Recipe:
    """The recipe for the training split `train` (an image set), from its card, its length and the size of its images.

    - network: width 8, a stem of stride 2, and as many stages as bring the map down to 4 pixels or less (at most 6);
    - epochs: 20 000 images shown in all, but every image at least 3 times;
    - augmentation: what the card allows, where that makes 16 epochs or more (1250 images or fewer), but not in the
      last fifth of the steps; a mirror image at test time where the card allows one;
    - batch size: about 40 batches an epoch, a power of two from 32 to 128.
    """
    card, n = train.card, len(train.images)
    size = train.images.shape[-1]
    epochs = max(FEWEST_EPOCHS, PRESENTATIONS // n)
    augment = epochs >= AUGMENT_FROM_EPOCHS
    return Recipe(
        channels=train.images.shape[1],
        classes=len(card.classes),
        dims=train.images.ndim - 2,
        width=WIDTH,
        stages=min(6, max(3, 1 + math.ceil(math.log2(size / 2 / 4)))),
        stem_stride=2,
        epochs=epochs,
        batch_size=min(128, max(32, 2 ** round(math.log2(n / BATCHES_PER_EPOCH)))) if n > BATCHES_PER_EPOCH else 32,
        lr=0.01,
        augment=Augmenter.of(card) if augment else None,
        clean_end=CLEAN_END if augment else 0.0,
        flip_at_test=card.augment.flip_horizontal,
    )
