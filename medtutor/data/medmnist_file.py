"""One split of a MedMNIST .npz file, looked over before anything is made of it.

Layout: arrays `train_images`, `train_labels`, and the same for val and test. Images uint8 (N, H, W), (N, H, W, 3) in
colour, (N, D, H, W) for volumes; labels (N, 1), multi-label (N, K). Source: Yang et al. 2023,
doi 10.1038/s41597-022-01721-8, and the medmnist package, whose values the tests compare with these.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from medtutor.data.cards import Card, File
from medtutor.errors import CorruptFileError, DataError, FormatError


def read_split(path: Path, card: Card, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, C, H, W) or (N, 1, D, H, W) and labels int64 (N,) or (N, K) of one split; only it is read.

    Raises `CorruptFileError` for a file that is cut off or altered, `FormatError` for one that is no .npz or holds
    pickled objects (which would run code when loaded), `DataError` for a missing split, wrong shape or dtype.
    """
    _look_at_first_bytes(path, card, size)
    try:
        with np.load(path, allow_pickle=False) as file:
            for part in ("images", "labels"):
                if f"{split}_{part}" not in file.files:
                    raise DataError(
                        f"{path} has no {split}_{part}; it holds {', '.join(sorted(file.files)) or 'nothing'}."
                    )
            images, labels = _array(file, path, f"{split}_images"), _array(file, path, f"{split}_labels")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise _corrupt(path, card, size, str(error)) from None
    return _images(images, path, card, split, size), _labels(labels, path, card, split, len(images))


def _look_at_first_bytes(path: Path, card: Card, size: int) -> None:
    try:
        with open(path, "rb") as file:
            first = file.read(4)
    except OSError as error:  # a folder of that name, or one that may not be read
        raise FormatError(
            f"{path} cannot be opened ({error.strerror}); put the file there that it should be."
        ) from None
    if not first:
        raise _corrupt(path, card, size, "it is empty")
    if first[:2] != b"PK":
        raise FormatError(
            f"{path} is no .npz file: it begins with {first!r}, a zip begins with b'PK'. It may be a web page saved "
            "by mistake; put the real file there."
        )


def _array(file: np.lib.npyio.NpzFile, path: Path, name: str) -> np.ndarray:
    try:
        array = file[name]
    except ValueError as error:
        if "allow_pickle" not in str(error) and "Object arrays" not in str(error):
            raise
        raise FormatError(
            f"{path}: {name} is a pickled object, which can run code when it is loaded, so it is refused. "
            "MedMNIST files hold plain numbers; fetch the file again from its publisher."
        ) from None
    if not isinstance(array, np.ndarray):  # numpy gives the bytes of a member that is no array
        raise FormatError(f"{path}: {name} is no array; fetch the file again from its publisher.")
    return array


def _images(images: np.ndarray, path: Path, card: Card, split: str, size: int) -> np.ndarray:
    name = f"{path}: {split}_images"
    if images.dtype.kind == "f" and np.isnan(images).any():
        raise DataError(f"{name} hold NaN; expected uint8 from 0 to 255.")
    if images.dtype != np.uint8:
        raise DataError(f"{name} are {images.dtype}, expected uint8 from 0 to 255.")
    sides = (size,) * (3 if card.kind == "images3d" else 2)
    colours = (card.channels,) if card.channels > 1 else ()
    if images.shape[1:] != sides + colours or len(images) == 0:
        raise DataError(f"{name} have the shape {images.shape}, expected {('N', *sides, *colours)}.".replace("'", ""))
    channels_first = np.moveaxis(images, -1, 1) if colours else images[:, None]
    return np.ascontiguousarray(channels_first)


def _labels(labels: np.ndarray, path: Path, card: Card, split: str, n: int) -> np.ndarray:
    name = f"{path}: {split}_labels"
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise DataError(f"{name} hold NaN; every image needs a label.")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name} are {labels.dtype}, expected whole numbers.")
    several = card.task.startswith("multi-label")
    expected = (n, len(card.classes) if several else 1)
    if labels.shape != expected:
        raise DataError(f"{name} have the shape {labels.shape}, expected {expected} for the {n} images.")
    return (labels if several else labels[:, 0]).astype(np.int64)


def _corrupt(path: Path, card: Card, size: int, reason: str) -> CorruptFileError:
    file = card.files[str(size)]
    got = f"{path.stat().st_size} bytes" + (f", {file.algorithm} {_digest(path, file)}" if file.algorithm else "")
    expected = [f"{file.bytes} bytes"] if file.bytes else []
    expected += [f"{file.algorithm} {file.hash}"] if file.algorithm else []
    return CorruptFileError(
        f"{path} is cut off or altered ({reason}). Expected {', '.join(expected) or 'a whole .npz file'}; got {got}. "
        f"Delete it, then run `medtutor fetch {card.name}`, or copy the whole file there."
    )


def _digest(path: Path, file: File) -> str:
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, file.algorithm).hexdigest()
