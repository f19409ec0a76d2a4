"""A hippocampus and what surrounds it in T1 MRI, with its two parts as a mask, about 36 x 50 x 36 voxels of 1 mm.

The head lies in front and low, the tail behind and high, towards the middle; a coronal plane cuts them, as protocols do
at the end of the uncus (Konrad et al. 2009, NeuroImage 47, 1185-1195, compare 71 of them). Above and beside it lies
fluid, below it the folded cortex. Noise and gain as in `mri.py`.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, ladder
from medtutor.data.phantoms.mri import scanned

FLUID, GREY, WHITE = 0.18, 0.60, 0.95
BOX = 60  # the canvas; volumes are cut out of it


def hippocampus(seed: tuple[int, ...], right: bool, person: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Image float32 with values about 0 to 1 and mask uint8 (0, 1 anterior, 2 posterior), both (X, Y, Z), RAS order.

    `person` draws what both sides of one person share.
    """
    c = Canvas(1, BOX, 3, seed)
    shape = (int(c.rng.integers(31, 42)), int(c.rng.integers(46, 56)), int(c.rng.integers(28, 44)))
    scale, bow, drop = person.uniform(0.9, 1.1), person.uniform(2.0, 5.0), person.uniform(11, 16)
    contrast = person.uniform(0.85, 1.1)
    x, y, z = (v.astype(np.float32) for v in np.ogrid[: shape[0], : shape[1], : shape[2]])

    def field(cells: int, octaves: int = 1) -> np.ndarray:
        return c.smooth(cells, octaves)[0].T[: shape[0], : shape[1], : shape[2]]

    centre = np.array(shape) / 2 + c.rng.uniform(-1.5, 1.5, 3)
    towards = -1 if right else 1  # the middle of the head lies to the right of a left hippocampus

    # The axis: t from the tail (0) to the head (1).
    t = np.linspace(0, 1, 26)
    axis_y = centre[1] + scale * (-17 + 34 * t)
    axis_z = centre[2] + drop * (0.5 - t**0.75) * scale
    axis_x = centre[0] + towards * bow * ((1 - t) ** 2 * 1.6 + 0.9 * np.clip(t - 0.75, 0, 1) * 4 - 0.8)
    thick = 0.9 * scale * (2.8 + 2.2 * np.clip(t / 0.35, 0, 1) ** 0.7 + 2.6 * np.exp(-(((t - 0.86) / 0.16) ** 2)))
    wobble = 1 + 0.06 * field(7)
    r = np.full(shape, 99, np.float32)
    for k in range(len(t)):
        flat = 0.85 if t[k] > 0.6 else 1.0
        away = ((x - axis_x[k]) / 1.25) ** 2 + (y - axis_y[k]) ** 2 + ((z - axis_z[k]) / flat) ** 2
        r = np.minimum(r, np.sqrt(away) / float(thick[k]))
    r = r / wobble

    # Around it: white matter with folds of cortex and fluid in them, more of both below and towards the middle.
    folds, lumps = field(5), field(3)
    slope = centre[2] + drop * (0.5 - np.clip((y - axis_y[0]) / (axis_y[-1] - axis_y[0]), 0, 1)) * scale
    above = z - slope
    grey = ladder(0.45 - np.abs(folds), -0.12, 0.12)
    fluid = ladder(0.12 - np.abs(folds), -0.08, 0.08) * ladder(-above, 4, 8)
    brain = WHITE + (GREY - WHITE) * grey * ladder(-above + 2 * lumps, 3, 8)
    brain = brain + 0.75 * (GREY - WHITE) * ladder(above + 3 * lumps, 9, 13) * contrast
    cistern = ladder(towards * (x - centre[0]) + 1.5 * lumps + 0.15 * np.abs(above), 11, 14) * ladder(above, -9, -4)
    brain = brain + (FLUID - brain) * np.clip(fluid + cistern, 0, 1)
    # The horn of the ventricle: a thin shell above and beside, then a thin sheet of white matter (the alveus).
    outer = np.exp(-(((r - 1.5) / 0.17) ** 2)) * ladder(above - 0.6 * towards * (x - centre[0]), -1.0, 4.0)
    brain = brain + (FLUID - brain) * np.clip(outer * c.rng.uniform(0.6, 1.2), 0, 1)
    alveus = np.exp(-(((r - 1.14) / 0.10) ** 2)) * ladder(above, -2, 2)
    brain = brain + (WHITE - brain) * alveus
    inside = ladder(1.04 - r, -0.10, 0.10)
    body = 0.64 * contrast + 0.03 * field(9) - 0.10 * np.exp(-(((r - 0.55) / 0.15) ** 2)) * ladder(field(6), 0, 1)
    brain = brain + (body - brain) * inside + 0.02 * field(14)

    full = np.zeros((1, BOX, BOX, BOX), np.float32)
    full[0, : shape[2], : shape[1], : shape[0]] = brain.T
    noise = c.each([person.uniform(0.015, 0.045)])
    image = scanned(c, full, noise)[0].T[: shape[0], : shape[1], : shape[2]]
    cut = axis_y[0] + c.rng.uniform(0.61, 0.70) * (axis_y[-1] - axis_y[0])
    mask = np.where(r < 1, np.where(y >= cut, 1, 2), 0).astype(np.uint8)
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)
