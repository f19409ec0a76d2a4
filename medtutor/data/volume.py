"""A volume that knows where it lies in the patient (lesson 2)."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np

from medtutor.errors import FormatError


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """Voxels with their place and unit.

    `array` is (X, Y, Z) or (X, Y, Z, T), in the order of the file; of a DICOM series (columns, rows, slices).
    `affine` float64 (4, 4) takes a voxel's indices (i, j, k, 1) to millimetres in the patient, RAS: the first
    coordinate grows to the patient's right, the second to anterior, the third to superior. `unit` is "HU",
    "arbitrary" or "label".

    Raises `FormatError` for an affine that puts voxels nowhere.
    """

    array: np.ndarray
    affine: np.ndarray
    unit: str = "arbitrary"

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise FormatError(
                "The affine (voxel indices to millimetres) should be 4 x 4 numbers that can be inverted, got "
                f"{affine.tolist()}; without it nobody knows the size and the sides of this volume."
            )
        object.__setattr__(self, "affine", affine)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between neighbouring voxels along each axis of the array."""
        return tuple(float(step) for step in nibabel.affines.voxel_sizes(self.affine))

    @property
    def orientation(self) -> tuple[str, str, str]:
        """Where each axis of the array goes to in the patient: "R" or "L", "A" or "P", "S" or "I"."""
        return nibabel.aff2axcodes(self.affine)

    @property
    def voxel_mm3(self) -> float:
        """The volume of one voxel in cubic millimetres; times a mask's voxels it gives the volume of a structure."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def volume_mm3(self) -> float:
        """The volume of the whole array in cubic millimetres."""
        return self.voxel_mm3 * float(np.prod(self.array.shape[:3]))

    def to_ras(self) -> Volume:
        """The same voxels, axes swapped and flipped so that they run right, anterior, superior; none is resampled."""
        turn = nibabel.orientations.io_orientation(self.affine)
        array = nibabel.orientations.apply_orientation(self.array, turn)
        affine = self.affine @ nibabel.orientations.inv_ornt_aff(turn, self.array.shape[:3])
        return Volume(np.ascontiguousarray(array), affine, self.unit)

    def __repr__(self) -> str:
        shape, spacing = " x ".join(map(str, self.array.shape)), " x ".join(f"{step:.4g}" for step in self.spacing)
        return f"<Volume {shape} {self.array.dtype}, {spacing} mm, {''.join(self.orientation)}, unit {self.unit}>"
