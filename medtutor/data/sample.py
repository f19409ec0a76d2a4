"""The offline sample: what a lesson runs on where no real data can be reached, drawn in the first seconds.

Phantoms of `phantoms/`, drawn from simple physics, and the real DICOM slices that ship with pydicom. They are learnable
but no patients: `load` and its sisters mark them with source "sample" and print a banner. The same card, split and
size give the same pictures; another size shows the same anatomy, coarser or finer.
"""

from __future__ import annotations

import importlib
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtutor.data.cards import Card
from medtutor.data.phantoms.canvas import Canvas, resize
from medtutor.errors import DataError, unknown

if TYPE_CHECKING:
    from medtutor.data.cases import BoxCase, MaskCase, VolumeCase

SPLITS = ("train", "val", "test")
IMAGES = {2: dict(zip(SPLITS, (600, 120, 200), strict=True)), 3: dict(zip(SPLITS, (160, 40, 60), strict=True))}
SMEARS = dict(zip(SPLITS, (24, 8, 8), strict=True))
DRAWN = {2: (56, 128), 3: (32, 48)}  # smaller pictures are averaged from the first, larger ones grow from the last
BLOCK = {2: 60, 3: 10}  # patients drawn at once: their fields fit the cache of a processor

# About how common each class is in the real set (counts: Yang et al. 2023, doi 10.1038/s41597-022-01721-8, and the
# papers of its sources). Sets without an entry are balanced. A class that is rarer than FLOOR is drawn that often.
SHARES = {
    "pneumoniamnist": (0.26, 0.74),
    "breastmnist": (0.27, 0.73),
    "bloodmnist": (0.07, 0.18, 0.09, 0.17, 0.07, 0.08, 0.20, 0.14),
    "dermamnist": (0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.01),
    "octmnist": (0.34, 0.11, 0.08, 0.47),
    "retinamnist": (0.45, 0.12, 0.20, 0.17, 0.06),
    "chestmnist": (0.10, 0.03, 0.12, 0.18, 0.05, 0.06, 0.01, 0.05, 0.04, 0.02, 0.02, 0.02, 0.03, 0.01),
    "covid_cxr": (0.05, 0.70, 0.25),
    "nodulemnist3d": (0.75, 0.25),
    "adrenalmnist3d": (0.78, 0.22),
    "vesselmnist3d": (0.89, 0.11),
    "synapsemnist3d": (0.27, 0.73),
}
FLOOR = 0.05
BY_IMAGE = ("ct", "microscopy", "histology")  # one patient has images of several classes


def sample_images(card: Card, split: str, size: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images uint8 (N, C, size, size), or (N, C, size, size, size) for 3D sets; labels int64 (N,) or (N, K); patients.

    No patient is in two splits. Where the card knows patients, one has one to three images; else each has one.
    Raises `DataError` for a card that has no labelled images, `UnknownNameError` for an unknown split.
    """
    if card.kind not in ("images2d", "images3d", "xrays") or not card.classes:
        raise DataError(f"{card.name} has no labelled images to draw; its kind is {card.kind}.")
    _check_split(split)
    ndim = 3 if card.kind == "images3d" else 2
    seed = _seed(card, split)
    rng = np.random.default_rng(seed)
    total = IMAGES[ndim][split]
    owner = _owners(rng, total, several=card.kind == "xrays")
    labels = _labels(card, rng, total, owner)
    low, high = DRAWN[ndim]
    side = min(max(size, low), high)
    phantom = importlib.import_module(f"medtutor.data.phantoms.{card.modality_key}")
    images = np.empty((total, card.channels) + (size,) * ndim, np.uint8)
    for block in range(0, int(owner.max()) + 1, BLOCK[ndim]):
        rows = np.flatnonzero((owner >= block) & (owner < block + BLOCK[ndim]))
        canvas = Canvas(len(rows), side, ndim, (*seed, 1 + block), owner[rows] - block)
        drawn = phantom.paint(canvas, labels[rows], card.classes, f"{card.name} {card.title} {card.modality}")
        images[rows] = np.clip(np.rint(resize(drawn, size, ndim)), 0, 255).astype(np.uint8)
    return images, labels, [f"phantom-{split}-{number:03d}" for number in owner]


def sample_volumes(card: Card) -> list[VolumeCase]:
    """Phantom volumes in the place of the card's, and the real slices that ship with pydicom where they fit.

    MRI with classes: twelve hippocampi of six people, left and right, each with a mask. MRI without: a head in two
    contrasts, then pydicom's MR_small.dcm. CT: a trunk in HU, then pydicom's CT_small.dcm. Raises `DataError` for
    other cards.
    """
    if card.kind != "volumes" or card.modality_key not in ("mri", "ct"):
        raise DataError(f"{card.name} has no volumes to draw; its kind is {card.kind}, of {card.modality_key}.")
    if card.modality_key == "ct":
        return [_trunk(card), *_from_pydicom("CT_small.dcm")]
    if card.classes:
        return [_hippocampus(card, number) for number in range(1, 13)]
    return [*_heads(card), *_from_pydicom("MR_small.dcm")]


def sample_boxes(card: Card, split: str) -> list[BoxCase]:
    """Blood smears uint8 (3, 240, 320) with a box for every cell that lies mostly in the picture."""
    from medtutor.data.cases import BoxCase
    from medtutor.data.phantoms.scenes import smear

    if card.kind != "boxes":
        raise DataError(f"{card.name} has no boxes to draw; its kind is {card.kind}.")
    _check_split(split)
    seed = _seed(card, split)
    return [
        BoxCase(f"phantom-{split}-{i:03d}", *smear((*seed, i), card.classes), "sample") for i in range(SMEARS[split])
    ]


def sample_masks(card: Card) -> list[MaskCase]:
    """Twelve fields of nuclei in histology, twelve in fluorescence, uint8 (3, H, W), with their label maps."""
    from medtutor.data.cases import MaskCase
    from medtutor.data.phantoms.scenes import nuclei

    if card.kind != "masks":
        raise DataError(f"{card.name} has no masks to draw; its kind is {card.kind}.")
    seed = _seed(card, "all")
    groups = ("histology", "fluorescence") * 12
    return [MaskCase(f"phantom-{i:03d}", *nuclei((*seed, i), group), group, "sample") for i, group in enumerate(groups)]


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)


def _seed(card: Card, split: str) -> tuple[int, ...]:
    return zlib.crc32(card.name.encode()), zlib.crc32(split.encode())


def _owners(rng: np.random.Generator, total: int, several: bool) -> np.ndarray:
    """(total,) the number of each image's patient, in order."""
    each = rng.choice((1, 2, 3), total, p=(0.55, 0.3, 0.15)) if several else np.ones(total, int)
    return np.repeat(np.arange(total), each)[:total]


def _labels(card: Card, rng: np.random.Generator, total: int, owner: np.ndarray) -> np.ndarray:
    """Labels in the shares of the real set, each class present; of one patient the same unless `BY_IMAGE`."""
    shares = np.maximum(SHARES.get(card.name, (1 / len(card.classes),) * len(card.classes)), FLOOR)
    people = total if card.modality_key in BY_IMAGE else int(owner.max()) + 1
    if card.task.startswith("multi-label"):
        positive = np.maximum(np.rint(shares * people), 2).astype(int)
        labels = np.stack([rng.permutation(people) < count for count in positive], 1).astype(np.int64)
    else:
        edges = np.rint(np.cumsum(shares / shares.sum()) * people)
        labels = rng.permutation(np.searchsorted(edges, np.arange(people), side="right")).astype(np.int64)
    return labels if card.modality_key in BY_IMAGE else labels[owner]


def _hippocampus(card: Card, number: int) -> VolumeCase:
    """Case `number`; 2k - 1 and 2k are the left and the right of person k, on one scale of intensity."""
    from medtutor.data.cases import VolumeCase
    from medtutor.data.phantoms.hippocampus import hippocampus
    from medtutor.data.volume import Volume

    who = (number + 1) // 2
    person = np.random.default_rng((*_seed(card, "person"), who))
    brightest = 10 ** person.uniform(2.1, 5.5)
    image, mask = hippocampus((*_seed(card, "volume"), number), number % 2 == 0, person)
    image = (image / image.max() * brightest).astype(np.float32)
    if brightest <= 255:
        image = np.rint(image).astype(np.uint8)
    affine = np.eye(4)
    affine[:3, 3] = 1
    return VolumeCase(
        f"phantom_{number:03d}", str(who), Volume(image, affine), Volume(mask, affine.copy(), "label"), "sample"
    )


def _trunk(card: Card) -> VolumeCase:
    """An abdomen in HU, int16 (122, 101, 112), voxels of 3 mm; array axes go left, posterior, superior."""
    from medtutor.data.cases import VolumeCase
    from medtutor.data.phantoms.body import Body
    from medtutor.data.phantoms.ct import scanner_noise
    from medtutor.data.volume import Volume

    shape, step, bottom = (122, 101, 112), 0.3, -28.0  # cm
    c = Canvas(1, max(shape), 3, _seed(card, "volume"))
    at = (np.arange(c.size) + 0.5).astype(np.float32) * step
    x, y = at - shape[0] * step / 2, at - shape[1] * step / 2
    z = (bottom + at).reshape(1, -1, 1, 1)
    hu = Body(c).hounsfield(x.reshape(1, 1, 1, -1), y.reshape(1, 1, -1, 1), z) + scanner_noise(c, c.each([14.0]))
    array = np.clip(np.rint(hu[0].T[: shape[0], : shape[1], : shape[2]]), -1024, 3071).astype(np.int16)
    affine = np.diag([-3.0, -3.0, 3.0, 1.0])
    affine[:3, 3] = 180.0, 150.0, 10 * bottom
    return VolumeCase("phantom_trunk", None, Volume(np.ascontiguousarray(array), affine, "HU"), None, "sample")


def _heads(card: Card) -> list[VolumeCase]:
    """One head with a tumour in T1 and FLAIR, 13 slices 6.5 mm apart, (columns, rows, slices) as from DICOM."""
    from medtutor.data.cases import VolumeCase
    from medtutor.data.phantoms.mri import LOOKS, head, scanned
    from medtutor.data.volume import Volume

    size, slices, gap = 128, 13, 6.5
    c = Canvas(1, size, 3, _seed(card, "volume"))
    pixel = 200 / size
    # The slices that a scanner takes: not a cube, so z is set by hand. They go up, z of the phantom goes down.
    depth = (np.arange(slices) - 4.0) * gap / 100
    c.z = -depth.reshape(1, -1, 1, 1).astype(np.float32)
    level = np.rint((c.z.ravel() + 1) * size / 2 - 0.5).astype(int)
    c.smooth, c.noise = _thin(c.smooth, level), _thin(c.noise, level)
    affine = np.diag([-pixel, -pixel, gap, 1.0])
    affine[:3, 3] = 100 - pixel / 2, 100 - pixel / 2, -4 * gap
    names = ("T1post", "FLAIR_reg")
    cases = []
    for name, signal in zip(names, head(c, [c.each([part]) for part in LOOKS["glioma"]], ["T1", "FLAIR"]), strict=True):
        array = np.rint(700 * scanned(c, signal, c.each([0.025]))[0].T).astype(np.int16)
        cases.append(VolumeCase(f"phantom {name}", "phantom", Volume(array, affine.copy()), None, "sample"))
    return cases


def _thin(field: Callable[..., np.ndarray], level: np.ndarray) -> Callable[..., np.ndarray]:
    """`field` of a 3D canvas, but only its slices at these levels."""
    return lambda *args: field(*args)[:, level]


def _from_pydicom(name: str) -> list[VolumeCase]:
    """A real slice of the DICOM files that ship with pydicom; none where its package leaves them out. No download."""
    from pydicom.data import get_testdata_file

    from medtutor.data.cases import VolumeCase
    from medtutor.data.dicom import Series, read_series

    path = get_testdata_file(name, download=False)
    if path is None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one slice; its thickness is the header's
        volume = read_series(Series("", f"pydicom {name}", "", [Path(path)]))
    return [VolumeCase(f"{name}, a real slice that ships with pydicom", None, volume, None, "sample")]
