"""Chest X-rays as a folder of images with a table: the COVID-19 image data collection (lesson 2).

The folder holds `metadata.csv` and `images/`, as the collection itself does (Cohen et al. 2020, arXiv:2006.11988).
It has no split of its own, so one is made by patient.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from medtutor.data.cards import Card
from medtutor.data.load import SPLITS
from medtutor.data.split import split_by_patient
from medtutor.errors import DataError, FormatError

FRACTIONS = (0.6, 0.2, 0.2)  # of the patients, to train, val and test; the split_rule of the card says so too
SEED = 0
VIEWS = ("PA", "AP", "AP Supine")  # frontal; the collection also has lateral X-rays and CT slices
COLUMNS = ("sex", "age", "source", "survival", "view", "finding")
# How the collection names its pneumonias other than COVID-19, in its flat form.
# fmt: off
PNEUMONIAS = frozenset((
    "ARDS", "Aspergillosis", "Bacterial", "Chlamydophila", "E.Coli", "H1N1", "Influenza", "Klebsiella", "Legionella",
    "Lipoid", "MERS-CoV", "Mycoplasma Bacterial Pneumonia", "Nocardia", "Pneumocystis", "Pneumonia", "SARS",
    "Streptococcus", "Varicella", "Viral",
))
# fmt: on
NEEDED = ("filename", "patientid", "finding", "view")


def read_split(path: Path, card: Card, split: str, size: int) -> tuple[np.ndarray, np.ndarray, list[str], dict]:
    """Images uint8 (N, 1, size, size), labels int64 (N,), patients, and columns of one split.

    Raises `DataError` where the folder, the table or an image is missing or does not fit.
    """
    rows = labelled_rows(path, card)
    patients = [row["patientid"] for row in rows]
    parts = split_by_patient(patients, FRACTIONS, SEED, stratify=[row["label"] for row in rows])
    chosen = [rows[i] for i in parts[SPLITS.index(split)]]
    images = np.stack([_square(path / "images" / row["filename"], size) for row in chosen])[:, None]
    labels = np.array([row["label"] for row in chosen], dtype=np.int64)
    columns = {name: tuple(row.get(name) or "" for row in chosen) for name in COLUMNS}
    return images, labels, [row["patientid"] for row in chosen], columns


def labelled_rows(path: Path, card: Card) -> list[dict]:
    """The rows of `metadata.csv` that are frontal X-rays with a label, which is added as `label` (class index)."""
    table = path / "metadata.csv"
    if not table.is_file():
        raise DataError(f"{path} has no metadata.csv; put the table of {card.name} there, beside the folder images.")
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in NEEDED:
        if not rows or name not in rows[0]:
            raise FormatError(f"{table} has no column {name}; expected at least {', '.join(NEEDED)}.")
    frontal = [row for row in rows if row["view"] in VIEWS and row.get("modality", "X-ray") == "X-ray"]
    kept = []
    for row in frontal:
        label = class_of(row["finding"], card)
        if label is not None:
            kept.append({**row, "label": label})
    if not kept:
        raise DataError(f"{table} has no frontal X-ray with a finding of {', '.join(card.classes)}.")
    return kept


def class_of(finding: str, card: Card) -> int | None:
    """The class of a finding, or None where the image is not labelled.

    "todo", "Unknown" and "" are no labels. Any finding with COVID-19 in it is COVID-19; "No Finding" is itself;
    another pneumonia or ARDS is "other". Later versions of the table write a path ("Pneumonia/Viral/COVID-19").
    Findings that are no pneumonia and no ARDS (such as tuberculosis) have no class here.
    """
    text = finding.strip()
    if "COVID-19" in text:
        return _index(card, "covid")
    if text == "No Finding":
        return _index(card, "no finding")
    if text.split("/")[0] in PNEUMONIAS or "ARDS" in text:
        return _index(card, "other")
    return None


def _index(card: Card, word: str) -> int:
    for index, name in enumerate(card.classes):
        if word in name.lower():
            return index
    raise DataError(
        f"The card {card.name} should have a class with {word!r} in its name, got {', '.join(card.classes)}."
    )


def _grey(image):
    """8-bit grey; of a 16-bit image the brightest pixel becomes 255, because scanners fill 10 to 16 of the bits."""
    if not image.mode.startswith("I"):
        return image.convert("L")
    values = np.asarray(image, dtype=np.float64)
    return Image.fromarray(np.rint(values * 255 / max(values.max(), 1)).astype(np.uint8))


def _square(path: Path, size: int) -> np.ndarray:
    """The central square of an image, grey, shrunk by averaging areas (Pillow's box filter) to (size, size) uint8.

    Cropping, as MedMNIST and TorchXRayVision do, and not padding: black bars would show the shape of the original,
    and here the shape tells the hospital (Hannover's are square).
    """
    try:
        with Image.open(path) as opened:
            image = _grey(opened)
    except FileNotFoundError:
        raise DataError(f"{path} is missing, though metadata.csv names it; copy the whole folder again.") from None
    except (UnidentifiedImageError, OSError) as error:
        raise FormatError(f"{path} cannot be read as an image ({error}); copy it again.") from None
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    way = Image.Resampling.BOX if side >= size else Image.Resampling.BILINEAR
    return np.asarray(image.resize((size, size), way, box=(left, top, left + side, top + side)))
