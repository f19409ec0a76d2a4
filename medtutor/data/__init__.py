"""Data: cards, finding and loading images, splitting by patient, and the labelled offline sample.

Names are loaded when they are first used (PEP 562): neither torch nor monai loads with the cards.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

_NAMES = {
    "Augment": "cards",
    "Card": "cards",
    "Fault": "cards",
    "File": "cards",
    "card": "cards",
    "cards": "cards",
    "names": "cards",
    "Found": "fetch",
    "cache_folder": "fetch",
    "data_folders": "fetch",
    "fetch": "fetch",
    "fetch_many": "fetch",
    "find": "fetch",
    "ImageSet": "imageset",
    "load": "load",
    "sources_used": "load",
    "load_boxes": "cases",
    "load_masks": "cases",
    "load_volumes": "cases",
    "list_series": "dicom",
    "Volume": "readers",
    "read_dicom_series": "readers",
    "read_label_map": "readers",
    "read_nifti": "readers",
    "read_coco": "boxes",
    "read_voc": "boxes",
    "assert_no_leak": "split",
    "duplicates_across": "split",
    "split_by_patient": "split",
    "Augmenter": "augment",
}

__all__ = [*_NAMES]

if TYPE_CHECKING:
    from medtutor.data.augment import Augmenter
    from medtutor.data.boxes import read_coco, read_voc
    from medtutor.data.cards import Augment, Card, Fault, File, card, cards, names
    from medtutor.data.cases import load_boxes, load_masks, load_volumes
    from medtutor.data.dicom import list_series
    from medtutor.data.fetch import Found, cache_folder, data_folders, fetch, fetch_many, find
    from medtutor.data.imageset import ImageSet
    from medtutor.data.load import load, sources_used
    from medtutor.data.readers import Volume, read_dicom_series, read_label_map, read_nifti
    from medtutor.data.split import assert_no_leak, duplicates_across, split_by_patient


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'medtutor.data' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"medtutor.data.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Room(ModuleType):
    """Python binds a submodule to its package once it is imported; `load` stays the function, not `load.py`."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _NAMES:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room
