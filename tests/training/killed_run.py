"""The run that `test_fit` kills: slow after its first epoch. Usage: killed_run.py CHECKPOINT."""

import sys
import time
from pathlib import Path

import torch
from sets import SHIFT, small_net, squares

from medtutor.training import fit


class Slow:
    """SHIFT, with a pause once there is a checkpoint, so that the kill comes in the middle."""

    def __init__(self, path: Path):
        self.path = path

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if self.path.exists():
            time.sleep(0.3)
        return SHIFT(images, generator)

    def __repr__(self) -> str:
        return repr(SHIFT)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as many as the run that goes on: sums are added up in another order with more
    file = Path(sys.argv[1])
    fit(small_net(), squares(200, 0), squares(60, 1), epochs=3, batch_size=32, augment=Slow(file), live=False,
        device="cpu", checkpoint_to=file)  # fmt: skip
