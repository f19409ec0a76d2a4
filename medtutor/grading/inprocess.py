"""Answers may make no process, so a `DataLoader` loads here, whatever its `num_workers`: the batches are the same."""

from __future__ import annotations

import sys


def keep_loaders_here() -> None:
    """Make every `DataLoader` of torch load in this process. For a student's process, before its answer runs."""
    if "torch" not in sys.modules:
        return
    from torch.utils.data import DataLoader
    from torch.utils.data.dataloader import _SingleProcessDataLoaderIter

    def iterator(self: DataLoader) -> _SingleProcessDataLoaderIter:
        kept = self.num_workers, self.timeout
        try:
            self.num_workers, self.timeout = 0, 0
            return _SingleProcessDataLoaderIter(self)
        finally:
            self.num_workers, self.timeout = kept

    DataLoader._get_iterator = iterator
