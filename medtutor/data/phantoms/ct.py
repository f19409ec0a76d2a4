"""CT: windows on the trunk of `body.py`, in slices (axial, coronal, sagittal) or cubes; nodules, ribs of `solids.py`.

Noise of a reconstructed slice is that of filtered projections: blue, not white (Riederer et al. 1978,
doi 10.1088/0031-9155/23/3/008); here white noise less a blurred copy of itself.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from medtutor.data.phantoms import solids
from medtutor.data.phantoms.body import ORGANS, Body
from medtutor.data.phantoms.canvas import Canvas, Field
from medtutor.data.phantoms.names import looks, single

WORDS = {name: name for name in ORGANS if name != "lobe"}
ORDER = ["liver", "kidney-left", "lung-right", "spleen", "heart", "bladder", "pancreas", "femur-left", "stomach"]


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 1, H, W) or (n, 1, D, H, W) in [0, 255]. "coronal" or "sagittal" in `about` turn a slice."""
    solid = solids.about(classes, about) if c.ndim == 3 else ""
    if solid:
        return solids.PAINT[solid](c, labels, classes)
    names = looks(classes, WORDS, ORDER)
    number = single(labels)
    body = Body(c)

    def of_target(table: dict[str, list[Field]], axis: int) -> Field:
        every = np.stack([np.broadcast_to(table[name][axis], (c.n,) + (1,) * c.ndim) for name in names])
        return every[number, np.arange(c.n)]

    centre = [of_target(body.at, axis) for axis in range(3)]
    reach = [of_target(body.radii, axis) for axis in range(3)]
    view = next((word for word in ("coronal", "sagittal") if word in about.lower()), "axial")
    seen = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[view] if c.ndim == 2 else (0, 1, 2)
    half = np.maximum.reduce([reach[axis] for axis in seen]) * c.draw(0.95, 1.45, True)
    c.pose(turn=5, shift=0.12)
    if c.ndim == 3:
        at = [centre[0] + half * c.x, centre[1] + half * c.y, centre[2] - half * c.z]
    else:
        through = [m + r * c.draw(-0.55, 0.55, True) for m, r in zip(centre, reach, strict=True)]
        at = {
            "axial": [centre[0] + half * c.x, centre[1] + half * c.y, through[2]],
            "coronal": [centre[0] + half * c.x, through[1], centre[2] - half * c.y],
            "sagittal": [through[0], centre[1] + half * c.x, centre[2] - half * c.y],
        }[view]
    hu = body.hounsfield(*at) + scanner_noise(c, c.draw(8, 26, True))
    low, high = c.draw(-190, -120, True), c.draw(200, 290, True)
    return (255 * np.clip((hu - low) / (high - low), 0, 1))[:, None]


def scanner_noise(c: Canvas, spread: Field) -> Field:
    """Noise in HU whose slow part is filtered away, with this standard deviation."""
    white = c.noise()
    blue = white - ndimage.gaussian_filter(white, (0,) + (1.2,) * c.ndim, truncate=3)
    return spread * blue / float(blue.std(dtype=np.float64))
