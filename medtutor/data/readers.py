"""Files of volumes and label maps, read so that spacing and orientation stay (lesson 2).

nibabel and pydicom do the reading; this says what is wrong with a file in words that help.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import nibabel
import numpy as np

from medtutor.data.dicom import read_dicom_series
from medtutor.data.volume import Volume
from medtutor.errors import DataError, FormatError

UNREADABLE = (EOFError, OSError, zlib.error)
__all__ = ["Volume", "read_dicom_series", "read_label_map", "read_nifti"]


def read_nifti(path: str | Path, unit: str = "arbitrary", allow_4d: bool = False) -> Volume:
    """The volume in a NIfTI file (.nii or .nii.gz), in the file's own axes; `to_ras()` turns it.

    Scale factors in the header are applied. With `unit="label"` the values are whole numbers (uint8, or int32 above
    255), also where the file stores them as floats. A series of volumes (4D) is refused unless `allow_4d`.

    Raises `FormatError` for a file that is not NIfTI, is cut off, or has no affine; `DataError` for a missing file,
    4D, NaN, or labels that are not whole numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        if path.suffix == ".gz":
            _check_gzip(path)
        image = nibabel.load(path)
    except (*UNREADABLE, nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError) as error:
        reason = _first_line(error)
        raise FormatError(f"{path} is not a readable NIfTI file ({reason}); copy or export it again.") from None
    if not isinstance(image, nibabel.Nifti1Image | nibabel.Nifti2Image):
        raise FormatError(f"{path} is {type(image).__name__}, not NIfTI; convert it to .nii.gz.")
    if image.header["sform_code"] == 0 and image.header["qform_code"] == 0:
        raise FormatError(
            f"{path} has no affine (sform and qform are both 0), so left and right are unknown; convert it again "
            "from the original images."
        )
    if image.ndim != 3 and not (image.ndim == 4 and allow_4d):
        hint = "; pass allow_4d=True to keep all of them" if image.ndim == 4 else ""
        raise DataError(f"{path} has {image.ndim} axes {image.shape}, expected one volume with 3{hint}.")
    try:
        array = np.asanyarray(image.dataobj)
    except (*UNREADABLE, ValueError) as error:
        raise FormatError(f"{path} is cut off or damaged ({_first_line(error)}); copy it again.") from None
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    bad = int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0
    if bad:
        raise DataError(f"{path} holds NaN in {bad} voxels; decide what they should be and save it again.")
    if unit == "label":
        array = _whole(array, path)
    try:
        return Volume(array, image.affine, unit)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def read_label_map(path: str | Path) -> np.ndarray:
    """Label map int32 (H, W), 0 is background, of a grey or palette image of 1, 8 or 16 bits.

    Raises `FormatError` for a file that is no image or is in colour, `DataError` for a missing file.
    """
    from PIL import Image

    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for damaged files
        raise FormatError(f"{path} cannot be read as an image ({_first_line(error)}); copy it again.") from None
    if labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise FormatError(
            f"{path} is no label map: expected one whole number a pixel, got {labels.shape} {labels.dtype}."
        )
    return labels.astype(np.int32)


def _check_gzip(path: Path) -> None:
    """Read to the end, where gzip compares its checksum; nibabel stops before it and so misses an altered byte."""
    with gzip.open(path) as file:
        while file.read(1 << 20):
            pass


def _whole(array: np.ndarray, path: Path) -> np.ndarray:
    rounded = np.rint(array)
    if (rounded != array).any() or (len(array) and array.min() < 0):
        raise DataError(
            f"{path} should hold labels (whole numbers from 0), got values from {array.min()} to {array.max()}."
        )
    return rounded.astype(np.uint8 if array.max() < 256 else np.int32)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
