"""Boxes from the two common formats, Pascal VOC (XML) and COCO (JSON), as (x1, y1, x2, y2) pixels (lesson 2).

Some files hold degenerate boxes, without width or height. They can never be found by a detector and break losses,
so they are left out with a warning that names them; `clean=False` keeps them, to look at.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from medtutor.errors import DataError, FormatError


def read_voc(path: str | Path, classes: Sequence[str], clean: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float32 (k, 4), as the file numbers its pixels, and labels int64 (k,), indices into `classes`.

    Raises `FormatError` for a file that is no VOC annotation, `DataError` for a missing file, a class that is not in
    `classes` and a box outside the image.
    """
    path = Path(path)
    try:
        root = ElementTree.fromstring(_text(path))
        width, height = (float(root.findtext(f"size/{side}")) for side in ("width", "height"))
        objects = [
            (
                item.findtext("name").strip(),
                [float(item.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax")],
            )
            for item in root.iter("object")
        ]
    except (ElementTree.ParseError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} is no Pascal VOC annotation ({error}).") from None
    labels = []
    for name, box in objects:
        if name not in classes:
            raise DataError(f"{path}: the class {name!r} is not among {', '.join(classes)}.")
        if min(box) < 0 or box[2] > width or box[3] > height:
            raise DataError(f"{path}: the {name} box {box} lies outside the image of {width:g} x {height:g} pixels.")
        labels.append(list(classes).index(name))
    names, boxes = [name for name, _ in objects], np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    kept = _whole_boxes(path.name, names, boxes, clean)
    return boxes[kept], np.array(labels, np.int64)[kept]


def read_coco(path: str | Path, clean: bool = True) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """For each image's file name its boxes float32 (k, 4) and their class names; an image without boxes has none.

    Raises `FormatError` for a file that is no COCO annotation or refers to what it does not hold, `DataError` for a
    missing file.
    """
    path = Path(path)
    try:
        table = json.loads(_text(path))
        classes = {category["id"]: str(category["name"]) for category in table["categories"]}
        images = {image["id"]: str(image["file_name"]) for image in table["images"]}
        boxes: dict[str, list] = {name: [] for name in images.values()}
        names: dict[str, list] = {name: [] for name in images.values()}
        for item in table["annotations"]:
            x, y, width, height = map(float, item["bbox"])
            boxes[images[item["image_id"]]].append((x, y, x + width, y + height))
            names[images[item["image_id"]]].append(classes[item["category_id"]])
    except KeyError as error:
        raise FormatError(f"{path} is no whole COCO annotation: {error} is missing.") from None
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path} is no COCO annotation ({error}).") from None
    if len(boxes) != len(images):
        raise FormatError(f"{path} names an image twice: {len(images)} images, {len(boxes)} different file names.")
    result = {}
    for image in boxes:
        every = np.array(boxes[image], np.float32).reshape(-1, 4)
        kept = _whole_boxes(f"{path.name}, {image}", names[image], every, clean)
        result[image] = (every[kept], tuple(name for name, keep in zip(names[image], kept, strict=True) if keep))
    return result


def degenerate(boxes: np.ndarray) -> np.ndarray:
    """Which boxes (k, 4) have no width or no height: bool (k,)."""
    return (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])


def _whole_boxes(where: str, names: Sequence[str], boxes: np.ndarray, clean: bool) -> np.ndarray:
    bad = degenerate(boxes)
    if not clean or not bad.any():
        return np.ones(len(boxes), bool)
    each = "; ".join(f"{names[i]} {boxes[i].tolist()}" for i in np.flatnonzero(bad))
    warnings.warn(
        f"{where}: left out {int(bad.sum())} of {len(boxes)} boxes without width or height: {each}.", stacklevel=3
    )
    return ~bad


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not a text file.") from None
