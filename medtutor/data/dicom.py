"""A DICOM series as one volume (lesson 2).

A series is a folder of slices whose file names say nothing. Each header has the position of the slice's first pixel,
the directions of rows and columns and the size of a pixel, in millimetres and in LPS: the patient's left, posterior
and superior. Source: DICOM PS3.3, C.7.6.2 (Image Plane Module).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medtutor.data.volume import Volume
from medtutor.errors import DataError, FormatError, unknown

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
MEDIA_FOLDER = "1.2.840.10008.1.3.10"  # the SOP class of a DICOMDIR, a table of contents


@dataclass(frozen=True)
class Series:
    """One series in a folder: its unique id, the description and the patient id in its headers, and its files."""

    uid: str
    description: str
    patient: str
    files: list[Path] = field(default_factory=list)


def list_series(folder: str | Path) -> list[Series]:
    """The series in a folder and the folders in it, by description. Only headers are read.

    Files that are not DICOM by their first bytes or their name (.dcm, .ima) are passed over.
    Raises `DataError` for a folder that is missing or empty, `FormatError` for unreadable DICOM or none at all.
    """
    import pydicom
    from pydicom.misc import is_dicom

    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise DataError(f"The folder {folder} is empty; expected the DICOM files of one series.")
    series: dict[str, Series] = {}
    for path in files:
        if path.suffix.lower() not in (".dcm", ".ima") and not is_dicom(path):
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise _unreadable(path, error) from None
        if (
            str(header.get("SOPClassUID", "")) == MEDIA_FOLDER
            or header.file_meta.get("MediaStorageSOPClassUID") == MEDIA_FOLDER
        ):
            continue
        uid = str(header.get("SeriesInstanceUID", ""))
        if not uid:
            raise FormatError(f"{path} has no SeriesInstanceUID, so it belongs to no series; export the study again.")
        found = Series(
            uid, str(header.get("SeriesDescription", "")) or "no description", str(header.get("PatientID", ""))
        )
        series.setdefault(uid, found).files.append(path)
    if not series:
        raise FormatError(f"{folder} holds {len(files)} files but no DICOM (first: {files[0].name}).")
    return sorted(series.values(), key=lambda one: (one.description, one.uid))


def read_dicom_series(folder: str | Path, series_uid: str | None = None) -> Volume:
    """The volume of one series: (columns, rows, slices), slices in order along their normal, affine in RAS mm.

    Rescale slope and intercept are applied (then float32, else the stored type). The unit is "HU" for CT, else
    "arbitrary". The step from slice to slice comes from the positions, not from SliceThickness; a `UserWarning` says
    where slices are not evenly spaced. Where the folder holds several series, name one with `series_uid`.

    Raises `DataError` for a folder that is missing or empty, `FormatError` for unreadable or no DICOM, for mixed
    series, and for slices that do not form a volume; `UnknownNameError` for an unknown `series_uid`.
    """
    every = list_series(folder)
    if series_uid is not None:
        chosen = [one for one in every if one.uid == str(series_uid)]
        if not chosen:
            raise unknown("series", series_uid, [one.uid for one in every])
    else:
        chosen = every
    if len(chosen) > 1:
        each = "; ".join(f"{one.description}: {len(one.files)} files, series_uid={one.uid!r}" for one in chosen)
        raise FormatError(f"{folder} mixes {len(chosen)} series; choose one with series_uid. They are: {each}.")
    return read_series(chosen[0])


def read_series(series: Series) -> Volume:
    """The volume of a series that `list_series` found; see `read_dicom_series`."""
    import pydicom

    slices = []
    for path in series.files:
        try:
            header = pydicom.dcmread(path)
        except Exception as error:
            raise _unreadable(path, error) from None
        _check_slice(path, header)
        slices.append((path, header))
    first_path, first = slices[0]
    for path, header in slices[1:]:
        for name in GEOMETRY[1:]:
            if not np.allclose(_numbers(header, name), _numbers(first, name), atol=1e-3):
                raise FormatError(
                    f"The slices of series {series.description} do not form one volume: {name} is {header.get(name)} "
                    f"in {path.name} but {first.get(name)} in {first_path.name}."
                )
    row, column = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(row, column)
    slices.sort(key=lambda one: float(normal @ np.array(one[1].ImagePositionPatient, float)))
    positions = np.array([header.ImagePositionPatient for _, header in slices], float)
    affine = np.eye(4)
    # PixelSpacing is (between rows, between columns); `row` is the direction in which the column index grows.
    affine[:3, 0] = row * float(first.PixelSpacing[1])
    affine[:3, 1] = column * float(first.PixelSpacing[0])
    affine[:3, 2] = _step(slices, positions, normal, series.description)
    affine[:3, 3] = positions[0]
    array = np.stack([_pixels(path, header).T for path, header in slices], axis=-1)
    return Volume(array, LPS_TO_RAS @ affine, _unit(first))


def _check_slice(path: Path, header) -> None:
    for name in GEOMETRY:
        if header.get(name) is None:
            raise FormatError(f"{path} has no {name}, so its place in the patient is unknown; export the series again.")
    if int(header.get("NumberOfFrames") or 1) > 1 or int(header.get("SamplesPerPixel", 1)) != 1:
        raise FormatError(f"{path} holds several frames or colours; only series with one grey slice a file are read.")


def _step(slices: Sequence, positions: np.ndarray, normal: np.ndarray, description: str) -> np.ndarray:
    """The vector from one slice to the next in mm (mean), with a warning where the gaps differ."""
    if len(slices) == 1:
        header = slices[0][1]
        thickness = header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1
        warnings.warn(
            f"Series {description} has one slice; {float(thickness):g} mm, from its header, stand for its thickness.",
            stacklevel=4,
        )
        return normal * float(thickness)
    gaps = np.diff(positions @ normal)
    if gaps.min() < 1e-3:
        at = int(gaps.argmin())
        both = f"{slices[at][0].name} and {slices[at + 1][0].name}"
        raise FormatError(f"Series {description} has two slices at one place: {both}; keep one of them.")
    usual = float(np.median(gaps))
    uneven = np.abs(gaps - usual) > 0.01 * usual
    if uneven.any():
        places = ", ".join(
            f"{gaps[i]:.2f} mm between {slices[i][0].name} and {slices[i + 1][0].name}"
            for i in np.flatnonzero(uneven)[:5]
        )
        missing = int(np.rint(gaps[uneven] / usual - 1).clip(0).sum())
        guess = f"; slices that seem to be missing: {missing}" if missing else ""
        warnings.warn(
            f"Series {description} is not evenly spaced: mostly {usual:.2f} mm, but {places}{guess}. The affine has "
            "the mean step, so positions between the ends are off.",
            stacklevel=4,
        )
    return (positions[-1] - positions[0]) / (len(slices) - 1)


def _pixels(path: Path, header) -> np.ndarray:
    from pydicom.pixels import apply_rescale

    try:
        stored = header.pixel_array
    except Exception as error:  # missing, cut off, or compressed in a way for which no decoder is there
        raise _unreadable(path, error) from None
    if header.get("RescaleSlope") is None:
        return stored
    return apply_rescale(stored, header).astype(np.float32)


def _unit(header) -> str:
    hounsfield = header.get("RescaleType", "HU") in ("HU", "") and header.get("RescaleIntercept") is not None
    return "HU" if header.get("Modality") == "CT" and hounsfield else "arbitrary"


def _numbers(header, name: str) -> np.ndarray:
    return np.atleast_1d(np.array(header.get(name), float))


def _unreadable(path: Path, error: Exception) -> FormatError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return FormatError(f"{path} cannot be read as DICOM ({reason}); copy or export it again.")
