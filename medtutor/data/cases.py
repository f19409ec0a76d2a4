"""Cases that are more than an image with a label: volumes, images with boxes, images with label maps (lesson 2).

The layouts are those of a data folder (`path` and `unpacked` of the cards) and of the sources' own archives. Where
no source answers, the offline sample stands in, as with `load`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from medtutor.data.boxes import read_voc
from medtutor.data.cards import Card, card
from medtutor.data.dicom import list_series, read_series
from medtutor.data.fetch import Found, fetch
from medtutor.data.load import note_source
from medtutor.data.readers import read_label_map, read_nifti
from medtutor.data.sources import say_once
from medtutor.data.volume import Volume
from medtutor.errors import DataError, FormatError, UnreachableError, unknown

Case = TypeVar("Case")
LOADERS = {"volumes": "load_volumes", "boxes": "load_boxes", "masks": "load_masks"}


@dataclass(frozen=True, eq=False)
class VolumeCase:
    """One volume, with its mask where there is one (same grid). `patient` is None where it is not known."""

    id: str
    patient: str | None
    image: Volume
    mask: Volume | None
    source: str


@dataclass(frozen=True, eq=False)
class BoxCase:
    """One image uint8 (C, H, W), its boxes float32 (k, 4) as (x1, y1, x2, y2) pixels, and labels int64 (k,)."""

    id: str
    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    source: str


@dataclass(frozen=True, eq=False)
class MaskCase:
    """One image uint8 (C, H, W) and its label map int32 (H, W): 0 background, then a number per object."""

    id: str
    image: np.ndarray
    mask: np.ndarray
    group: str
    source: str


def load_volumes(name: str, limit: int | None = None) -> list[VolumeCase]:
    """The volumes of a data set, at most `limit` of them, in the order of their names.

    Raises `UnknownNameError` for an unknown name, `DataError` and `FormatError` for files that cannot be used.
    """
    from medtutor.data.sample import sample_volumes

    about = _card(name, "volumes")
    return _load(about, lambda found: _volumes(found, about), lambda: sample_volumes(about), limit)


def load_boxes(name: str, split: str = "train", clean: bool = True, limit: int | None = None) -> list[BoxCase]:
    """The images of one split ("train", "val", "test") with their boxes, at most `limit` of them.

    Boxes without width or height are left out with a warning that names them; `clean=False` keeps them. Raises as
    `load_volumes` does, and `DataError` for a split that the files do not have.
    """
    from medtutor.data.sample import sample_boxes

    about = _card(name, "boxes")
    if split not in ("train", "val", "test"):
        raise unknown("split", split, ("train", "val", "test"))
    return _load(about, lambda found: _voc(found, about, split, clean), lambda: sample_boxes(about, split), limit)


def load_masks(name: str, limit: int | None = None) -> list[MaskCase]:
    """The images of a data set with their label maps, at most `limit` of them. Raises as `load_volumes` does."""
    from medtutor.data.sample import sample_masks

    about = _card(name, "masks")
    return _load(about, _masks, lambda: sample_masks(about), limit)


def _card(name: str, kind: str) -> Card:
    about = card(name)
    if about.kind != kind:
        loader = LOADERS.get(about.kind, "load")
        raise DataError(f"{LOADERS[kind]} does not fit {about.name}; load it with {loader}({about.name!r}).")
    return about


def _load(
    about: Card, read: Callable[[Found], Iterable[Case]], draw: Callable[[], Sequence[Case]], limit: int | None
) -> list[Case]:
    if limit is not None and limit < 1:
        raise DataError(f"limit should be at least 1, or None for all, got {limit}.")
    try:
        places = [fetch(about, key) for key in about.files]
    except UnreachableError:
        note_source(about.name, "sample")
        return list(draw())[:limit]
    cases = list(islice((case for found in places for case in read(found)), limit))
    if not cases:
        raise DataError(f"{places[0].path} holds no case of {about.name}; put the whole data set there.")
    for found in places:
        note_source(about.name, found.source)
        for note in found.notes:
            say_once(note)
    return cases


# Volumes: a file or a folder of NIfTI, the Decathlon's folders, or a folder of DICOM series.


def _volumes(found: Found, about: Card) -> Iterable[VolumeCase]:
    path = found.path
    unit = "HU" if about.unit == "HU" else "arbitrary"
    if path.is_file():
        yield VolumeCase(_stem(path), None, read_nifti(path, unit), None, found.source)
        return
    # The Decathlon's archives also hold files ._NAME that a Mac wrote: not images.
    folder = _down_to(path, "imagesTr") or path
    images = sorted(p for p in (folder / "imagesTr").glob("*.nii.gz") if not p.name.startswith("."))
    for image in images:
        yield _decathlon_case(image, folder / "labelsTr" / image.name, unit, about, found.source)
    if images:
        return
    niftis = sorted(p for p in path.rglob("*.nii*") if not p.name.startswith("."))
    for image in niftis:
        yield VolumeCase(_stem(image), None, read_nifti(image, unit), None, found.source)
    if niftis:
        return
    for series in list_series(path):
        yield VolumeCase(series.description, series.patient or None, read_series(series), None, found.source)


def _decathlon_case(image: Path, mask: Path, unit: str, about: Card, source: str) -> VolumeCase:
    case = VolumeCase(
        _stem(image), _person(_stem(image), about), read_nifti(image, unit), read_nifti(mask, "label"), source
    )
    if case.image.array.shape != case.mask.array.shape or not np.allclose(
        case.image.affine, case.mask.affine, atol=1e-3
    ):
        raise DataError(f"{image} and its mask {mask.name} do not lie on the same grid; copy both again.")
    top = int(case.mask.array.max())
    if top >= len(about.classes):
        raise DataError(f"{mask}: label out of range: {top}; the labels are 0 to {len(about.classes) - 1}.")
    return case


def _person(case: str, about: Card) -> str | None:
    """The hippocampus files are two to a person, 2k - 1 and 2k (see the card); of others nothing is known."""
    number = re.search(r"(\d+)$", case)
    return str((int(number[1]) + 1) // 2) if about.name == "msd_hippocampus" and number else None


# Boxes: Pascal VOC folders.


def _voc(found: Found, about: Card, split: str, clean: bool) -> Iterable[BoxCase]:
    folder = _down_to(found.path, "Annotations")
    listed = folder / "ImageSets" / "Main" / f"{split}.txt" if folder else None
    if not listed or not listed.is_file():
        raise DataError(f"{found.path} has no ImageSets/Main/{split}.txt; put the whole data set there.")
    for name in listed.read_text(encoding="utf-8").split():
        image = _colours(folder / "JPEGImages" / f"{name}.jpg")
        boxes, labels = read_voc(folder / "Annotations" / f"{name}.xml", about.classes, clean)
        yield BoxCase(name, image, boxes, labels, found.source)


# Masks: one label map an image with a table, or the source's own folders with a mask for every nucleus.


def _masks(found: Found) -> Iterable[MaskCase]:
    table = found.path / "index.csv"
    if table.is_file():
        with open(table, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or not {"image_id", "stain"} <= set(rows[0]):
            raise FormatError(f"{table} should have the columns image_id and stain.")
        for row in rows:
            name = f"{row['image_id']}.png"
            image, mask = _colours(found.path / "images" / name), read_label_map(found.path / "labels" / name)
            yield _mask_case(row["image_id"], image, mask, row["stain"], found)
        return
    root = found.path / "stage1_train"
    for folder in sorted((root if root.is_dir() else found.path).iterdir()):
        if not (folder / "images").is_dir():
            continue
        image = _colours(folder / "images" / f"{folder.name}.png")
        mask = np.zeros(image.shape[1:], np.int32)
        pieces = [read_label_map(path) > 0 for path in sorted((folder / "masks").glob("*.png"))]
        for number, piece in enumerate(pieces, start=1):
            if piece.shape != mask.shape:
                raise DataError(f"{folder}: a mask has the shape {piece.shape}, its image {mask.shape}.")
            mask[piece & (mask == 0)] = number  # where two overlap, the first keeps the pixel
        yield _mask_case(folder.name, image, mask, stain_of(image), found)


def _mask_case(name: str, image: np.ndarray, mask: np.ndarray, group: str, found: Found) -> MaskCase:
    if mask.shape != image.shape[1:]:
        raise DataError(f"{found.path}: the mask of {name} has the shape {mask.shape}, its image {image.shape[1:]}.")
    return MaskCase(name, image, mask, group, found.source)


def stain_of(image: np.ndarray) -> str:
    """The group of an image uint8 (3, H, W) by its looks: histology (colour), fluorescence (dark), brightfield."""
    channels = image.astype(np.int16)
    if (channels.max(0) - channels.min(0)).mean() > 5:
        return "histology"
    return "fluorescence" if np.median(channels) < 128 else "brightfield"


def _down_to(path: Path, child: str) -> Path | None:
    """The folder that holds `child`: `path` or one at most two levels below (archives wrap their content)."""
    for pattern in ("", "*/", "*/*/"):
        for found in sorted(path.glob(f"{pattern}{child}")):
            return found.parent
    return None


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _colours(path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.moveaxis(np.asarray(image.convert("RGB")), -1, 0).copy()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; put the whole data set there.") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(f"{path} cannot be read as an image ({error}); copy it again.") from None
