"""MRI: a head in slices or volumes, with the uneven gain of a coil (bias field) and Rician noise.

Grey and white matter, fluid and fat have the order of brightness that T1 and FLAIR give them (Bottomley et al. 1984,
doi 10.1118/1.595535, for T1). The magnitude of a complex signal with Gaussian noise follows Rice's law (Gudbjartsson
and Patz 1995, doi 10.1002/mrm.1910340618); the gain of a coil is smooth (Sled et al. 1998, doi 10.1109/42.668698).
x grows to the patient's left, y to the back, z to the feet.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms import solids
from medtutor.data.phantoms.canvas import Canvas, Field, ladder, radius, soft
from medtutor.data.phantoms.names import looks, single

# Brightness of fat, fluid, grey matter, white matter, a lesion, its rim, and the swelling around it.
CONTRAST = {
    "T1": (1.0, 0.14, 0.52, 0.78, 0.36, 0.95, 0.55),
    "FLAIR": (0.60, 0.10, 0.66, 0.52, 0.85, 0.90, 0.95),
}
# Lesions: size, how rough, how bright the rim, how much swelling, how near the surface; size 0 for none.
LOOKS = {
    "normal": (0.0, 0.0, 0.0, 0.0, 0.0),
    "glioma": (0.21, 0.25, 0.8, 0.8, 0.3),
    "meningioma": (0.20, 0.04, 1.6, 0.3, 0.9),
    "metastasis": (0.12, 0.08, 1.0, 1.0, 0.6),
    "stroke": (0.24, 0.35, 0.0, 0.2, 0.7),
}
WORDS = {"normal": "normal", "no tumo": "normal", "glio": "glioma", "mening": "meningioma", "metasta": "metastasis"}
WORDS |= {"stroke": "stroke", "infarct": "stroke", "tumo": "glioma", "malig": "glioma", "benign": "meningioma"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 1, H, W), or (n, 1, D, H, W), in [0, 255]."""
    solid = solids.about(classes, about) if c.ndim == 3 else ""
    if solid:
        return solids.PAINT[solid](c, labels, classes)
    look = np.array([LOOKS[key] for key in looks(classes, WORDS, list(LOOKS))], np.float32)[single(labels)]
    c.pose(turn=12, shift=0.06, scale=0.08)
    signal = head(c, [c.each(part) for part in look.T], ["FLAIR" if "flair" in about.lower() else "T1"])[0]
    signal = scanned(c, signal, c.draw(0.02, 0.07, True))
    return (255 * np.clip(signal * c.draw(0.6, 1.05, True), 0, 1))[:, None]


def head(c: Canvas, lesion: list[Field], contrasts: list[str]) -> list[Field]:
    """The same head in each contrast, without noise. `lesion`: the five numbers of `LOOKS`, as fields."""
    x, y = c.x, c.y
    z = c.z if c.ndim == 3 else c.draw(-0.35, 0.15, True)
    lumps, folds, fine = c.smooth(3), c.smooth(9), c.smooth(14)
    wide, long = c.draw(0.66, 0.76), c.draw(0.84, 0.94)
    r = np.sqrt((x / wide) ** 2 + (y / long) ** 2 + (z / 0.9) ** 2) / (1 + 0.015 * lumps)
    side = np.abs(x)
    brain = soft(r / 0.86, 0.03)
    depth = 0.86 - r

    # Fluid in the folds of the cortex, between the halves and in the ventricles.
    furrow = np.exp(-((np.abs(folds) / 0.16) ** 2)) * ladder(0.24 - depth, 0, 0.12)
    split = np.exp(-((side / 0.018) ** 2)) * ladder(np.abs(y), 0.22, 0.34)
    size = c.draw(0.8, 1.5)
    horn = soft(radius(np.abs(y + 0.02) - 0.16, side - 0.07 - 0.12 * np.abs(y), 0.22, 0.055 * size, 0.15), 0.5)
    horn = horn * ladder(0.35 - np.abs(z + 0.1), 0, 0.15)
    fluid = np.clip(furrow + split + horn, 0, 1)

    # Grey matter: a ribbon along surface and folds, and the nuclei in the depth.
    ribbon = ladder(0.08 - depth, -0.03, 0.03) + ladder(0.5 - np.abs(folds), -0.1, 0.1) * ladder(0.30 - depth, 0, 0.1)
    core = soft(radius(y - 0.06, side - 0.15, 0.16, 0.085), 0.3) + soft(radius(y + 0.14, side - 0.19, 0.11, 0.05), 0.4)
    grey = np.clip(ribbon + core * ladder(0.3 - np.abs(z), 0, 0.1), 0, 1)

    # The lesion lies in one half, at its own depth; a swelling of the white matter around it.
    big, rough, rim, swollen, near = lesion
    there = (big > 0).astype(np.float32)
    big = np.where(there > 0, big * np.exp(c.draw(-0.3, 0.3)), 0.1)
    angle, away = c.draw(0, 2 * np.pi), 0.3 + 0.35 * near + c.draw(-0.1, 0.1)
    at = (0.8 * away * np.cos(angle) * wide / 0.7, 0.9 * away * np.sin(angle))
    r_lesion = np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - (z if c.ndim == 2 else c.draw(-0.2, 0.2))) ** 2)
    r_lesion = r_lesion / big / np.clip(1 + rough * (lumps + 0.5 * folds), 0.4, 2)
    inside = soft(r_lesion, 0.15) * there
    edge = np.exp(-(((r_lesion - 0.85) / 0.2) ** 2)) * there * np.clip(rim, 0, 1)
    fill = np.clip(rim - 1, 0, 1) * inside
    around = swollen * soft(r_lesion / (1.4 + 0.3 * lumps), 0.5) * there * (1 - grey)

    pictures = []
    for name in contrasts:
        fat, water, dull, bright, tumour, ring, swelling = CONTRAST[name]
        tissue = bright + grey * (dull - bright) + 0.03 * fine
        tissue = tissue + around * (swelling - tissue)
        tissue = tissue + fluid * (water - tissue)
        tissue = tissue + inside * (tumour + 0.08 * folds - tissue)
        tissue = tissue + np.clip(edge + fill, 0, 1) * (ring - tissue)
        scalp = soft(r / 1.03, 0.02) * ladder(r, 0.94, 0.965)
        bone = 0.08 * soft(r / 0.95, 0.02)
        gap = water * soft(r / 0.895, 0.02)
        outer = np.maximum(np.maximum(scalp * fat, bone), gap)
        pictures.append(outer + brain * (tissue - outer))
    return pictures


def scanned(c: Canvas, signal: Field, noise: Field) -> Field:
    """The magnitude picture: a smooth gain, and Rician noise of standard deviation `noise` per part."""
    gain = np.exp(0.14 * c.smooth(2))
    return np.hypot(np.clip(signal, 0, None) * gain + noise * c.noise(), noise * c.noise())
