"""`load`: a data set by its name, as an `ImageSet` (lesson 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtutor.data.cards import Card, card
from medtutor.data.sources import note_source, say_once, sources_used
from medtutor.errors import DataError, UnknownNameError, UnreachableError, unknown

if TYPE_CHECKING:
    from medtutor.data.imageset import ImageSet

__all__ = ["load", "note_source", "sources_used"]

SPLITS = ("train", "val", "test")
INSTEAD = {"volumes": "load_volumes", "boxes": "load_boxes", "masks": "load_masks"}


def load(name: str, split: str = "train", size: int = 28) -> ImageSet:
    """Images and labels of one split, from the first place that has them.

    The order: the folders in `MEDTUTOR_DATA`, the cache, a download whose hash is checked, and only where no source
    answers the offline sample, which is announced. A file that is damaged is an error and never replaced by the
    sample.

    `name` is a data set (`medtutor.cards()` lists them), `split` "train", "val" or "test", `size` the side of the
    images in pixels. Images are uint8 (N, C, size, size) or, for volumes, (N, 1, size, size, size); labels int64
    (N,), or (N, K) of 0 and 1 for several findings at once.

    Raises `UnknownNameError` for a name, split or size that does not exist, `CorruptFileError`, `FormatError` and
    other `DataError`s for files that cannot be used, `StorageError` for a full disk.
    """
    about = card(name)
    if about.kind in INSTEAD:
        raise DataError(
            f"{about.name} has no single label per image; load it with {INSTEAD[about.kind]}({about.name!r})."
        )
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    _check_size(about, size)
    from medtutor.data.fetch import fetch

    key = str(size) if str(size) in about.files else next(iter(about.files))
    try:
        found = fetch(about, key)
    except UnreachableError:
        return _sample(about, split, size)
    if about.kind == "xrays":
        from medtutor.data.xrays import read_split

        images, labels, patients, columns = read_split(found.path, about, split, size)
    else:
        from medtutor.data.medmnist_file import read_split

        images, labels = read_split(found.path, about, split, size)
        patients, columns = None, {}
        expected = about.counts.get(split, len(images))
        if len(images) != expected:
            say_once(f"{found.path} has {len(images)} images in {split}; the published set has {expected}.")
    made = _imageset(about, split, size, found.source, images, labels, patients, columns)
    for note in found.notes:
        say_once(note)
    return made


def _check_size(about: Card, size: int) -> None:
    whole = isinstance(size, int) and not isinstance(size, bool)
    if not whole or size not in about.sizes:
        raise UnknownNameError(f"{about.name} has no size {size!r}; its sizes are {', '.join(map(str, about.sizes))}.")


def _sample(about: Card, split: str, size: int) -> ImageSet:
    from medtutor.data.sample import sample_images

    images, labels, patients = sample_images(about, split, size)
    columns = {}
    if about.kind == "xrays":
        from medtutor.data.xrays import COLUMNS

        columns = {name: ("",) * len(images) for name in COLUMNS}  # of a drawn patient nothing is known
    return _imageset(about, split, size, "sample", images, labels, patients, columns)


def _imageset(about: Card, split: str, size: int, source: str, images, labels, patients, columns) -> ImageSet:
    import torch

    from medtutor.data.imageset import ImageSet

    made = ImageSet(
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels),
        patients=None if patients is None else tuple(patients),
        card=about,
        source=source,
        split=split,
        size=size,
        columns=columns,
    )
    note_source(about.name, source)
    return made
