"""Splitting by patient, and finding what two splits share (lesson 2).

Images of one patient look alike. A network that has seen one of them in training is tested on its memory when
another lies in the test set, so a patient goes to one split as a whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtutor.errors import DataError, LeakageError

if TYPE_CHECKING:
    from medtutor.data.imageset import ImageSet


def split_by_patient(
    patients: Sequence[str],
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    stratify: Sequence[Hashable] | None = None,
) -> tuple[np.ndarray, ...]:
    """Indices of the images of each part, int64 and ascending; every patient is in one part only.

    `patients` names the patient of each image. `fractions` are shares of the patients (not of the images) and add up
    to 1. With `stratify`, one class per image, each part gets about the same share of each class; a patient counts
    for the most frequent class of his or her images. The same arguments give the same parts, whatever the order of
    the images.

    Raises `DataError` where a patient is unknown, there are fewer patients than parts, or an argument does not fit.

    >>> train, test = split_by_patient(["a", "a", "b", "c", "c"], fractions=(0.5, 0.5))
    >>> train.tolist(), test.tolist()
    ([2, 3, 4], [0, 1])
    """
    people = _known(patients, "the images to split")
    shares = np.asarray(fractions, dtype=float)
    if shares.ndim != 1 or len(shares) == 0 or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise DataError(f"Fractions should be above 0 and add up to 1, got {tuple(fractions)}.")
    if stratify is not None and len(stratify) != len(people):
        raise DataError(f"There are {len(people)} patients (one per image) but {len(stratify)} classes to stratify by.")
    images_of: dict[str, list[int]] = defaultdict(list)
    for index, patient in enumerate(people):
        images_of[patient].append(index)
    if len(images_of) < len(shares):
        raise DataError(f"There are too few patients for {len(shares)} parts: {len(images_of)}.")

    # A hash shuffles the same way in every version of Python and NumPy; a random generator is not bound to.
    order = sorted(images_of, key=lambda patient: hashlib.sha256(f"{seed} {patient}".encode()).digest())
    if stratify is not None:  # a stable sort, so chance rules within each class
        order.sort(key=lambda patient: _commonest(stratify[i] for i in images_of[patient]))
    # Patients are dealt like cards, each to the part that lacks most. So each run of patients of one class, too,
    # is shared out by the fractions.
    parts: list[list[str]] = [[] for _ in shares]
    for dealt, patient in enumerate(order, start=1):
        lacking = shares * dealt - [len(part) for part in parts]
        parts[int(np.argmax(lacking))].append(patient)
    for part in parts:
        if not part:  # a share so small that it rounds to nobody
            part.append(max(parts, key=len).pop())
    return tuple(np.array(sorted(i for p in part for i in images_of[p]), dtype=np.int64) for part in parts)


def assert_no_leak(*sets: Any, names: Sequence[str] | None = None) -> None:
    """Raise `LeakageError`, which names the shared patients, where two of the sets share one.

    A set is an `ImageSet`, a list of cases with a `patient`, or a list of patient names. Raises `DataError` where
    a set does not know its patients: then nothing can be promised.
    """
    if names is None:
        names = [getattr(one, "split", None) or f"set {i}" for i, one in enumerate(sets, start=1)]
    if len(names) != len(sets):
        raise DataError(f"There are {len(sets)} sets but {len(names)} names.")
    people = [set(_patients_of(one, name)) for one, name in zip(sets, names, strict=True)]
    findings, shared = [], set()
    for a, b in combinations(range(len(sets)), 2):
        both = people[a] & people[b]
        if both:
            shared |= both
            some = ", ".join(sorted(both)[:10]) + (f" and {len(both) - 10} more" if len(both) > 10 else "")
            findings.append(f"{names[a]} and {names[b]} share {len(both)} patient{'s' * (len(both) > 1)}: {some}.")
    if findings:
        raise LeakageError(f"{' '.join(findings)} Split by patient (split_by_patient).", sorted(shared))


class Duplicate(NamedTuple):
    """An image that is in two splits: where it is in each."""

    split_a: str
    index_a: int
    split_b: str
    index_b: int


def duplicates_across(*imagesets: ImageSet, report: bool = True) -> list[Duplicate]:
    """All pairs of equal images (every pixel) of which the two lie in different sets; prints a report.

    Copies within one set are not listed. Raises `DataError` where the images of the sets differ in shape.
    """
    shapes = {tuple(one.images.shape[1:]) for one in imagesets}
    if len(shapes) > 1:
        raise DataError(f"Images of different shapes cannot be compared: {', '.join(map(str, sorted(shapes)))}.")
    places: list[dict[bytes, list[int]]] = []
    for one in imagesets:
        at: dict[bytes, list[int]] = defaultdict(list)
        for index, image in enumerate(one.images.cpu().numpy()):
            at[image.tobytes()].append(index)
        places.append(at)
    found = []
    for a, b in combinations(range(len(imagesets)), 2):
        split_a, split_b = imagesets[a].split, imagesets[b].split
        same = [image for image in places[a] if image in places[b]]
        found += [
            Duplicate(split_a, i, split_b, j) for image in same for i in places[a][image] for j in places[b][image]
        ]
        if report:
            copies = {0: "no image is in both", 1: "1 image is in both"}.get(
                len(same), f"{len(same)} images are in both"
            )
            print(f"{split_a} and {split_b}: {copies}.")
    return found


def _commonest(classes: Iterable[Hashable]) -> str:
    counts = Counter(map(str, classes))
    return min(counts, key=lambda name: (-counts[name], name))


def _known(patients: Iterable[str] | None, what: str) -> list[str]:
    if patients is None:
        raise DataError(f"The patients of {what} are not known, so they cannot be kept apart.")
    people = list(patients)
    for index, patient in enumerate(people):
        if patient is None or not str(patient).strip():
            raise DataError(
                f"The patient of image {index} of {what} is not known; leave the image out or name the patient."
            )
    return [str(patient) for patient in people]


def _patients_of(one: Any, name: str) -> list[str]:
    if hasattr(one, "patients"):
        return _known(one.patients, name)
    return _known((item.patient if hasattr(item, "patient") else item for item in one), name)
