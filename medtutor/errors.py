"""The errors that a user can meet.

Every message is one clear sentence or two: what is wrong, with what, and what to do. The command line prints
them without a traceback. Anything that is not a `MedtutorError` is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MedtutorError(Exception):
    """Base of all errors that tell the user what to do next."""


class UnknownNameError(MedtutorError, LookupError):
    """A data set, lesson, split or size that does not exist; the message suggests the nearest."""


class DataError(MedtutorError, ValueError):
    """Data that cannot be used as they are: shape, dtype, NaN, labels out of range, an empty folder."""


class FormatError(DataError):
    """A file that is not what its name says: unreadable DICOM, NIfTI without affine, a broken archive."""


class CorruptFileError(DataError):
    """A file whose hash or size is not the publisher's. Never a reason to fall back to the sample."""


class LeakageError(DataError):
    """Splits that share a patient. `patients` holds the shared ones."""

    def __init__(self, message: str, patients: Iterable[str] = ()):
        super().__init__(message)
        self.patients = tuple(patients)


class UnreachableError(MedtutorError, OSError):
    """No source of a file answers, and it is in no folder and not in the cache."""


class StorageError(MedtutorError, OSError):
    """A disk that is full, or a folder that cannot be written."""


class OutOfMemoryError(MedtutorError, MemoryError):
    """The device ran out of memory; the message names the batch size to try."""


class CheckpointError(MedtutorError):
    """A checkpoint that is damaged or belongs to another run."""


class LessonError(MedtutorError):
    """A lesson whose source, run or record is not as it should be."""


def unknown(what: str, name: object, known: Iterable[object], how: str = "") -> UnknownNameError:
    """An `UnknownNameError` that names the nearest known `what`.

    >>> print(unknown("data set", "pneumonia", ["pneumoniamnist", "bccd"]))
    There is no data set 'pneumonia'; did you mean 'pneumoniamnist'? Known: bccd, pneumoniamnist.
    """
    names = sorted(str(k) for k in known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    known_ones = f"Known: {', '.join(names)}."
    return UnknownNameError(f"There is no {what} {str(name)!r}{guess} {known_ones} {how}".rstrip())
