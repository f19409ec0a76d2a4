"""Microscopy: blood cells in a stained smear, nuclei in fluorescence, synapses in electron microscopy.

Smear: Romanowsky dyes absorb by Beer-Lambert; the looks follow Acevedo et al. 2020, doi 10.1016/j.dib.2020.105474.
Fluorescence: photons, so Poisson noise, blurred by a point spread function that is nearly Gaussian (Zhang et al.
2007, doi 10.1364/AO.46.001819). Synapses: see `synapse.py`.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from medtutor.data.phantoms import synapse
from medtutor.data.phantoms.canvas import Canvas, Field, ladder, radius, soft, stain, wavy
from medtutor.data.phantoms.names import looks, single

PURPLE, BLUE, PINK, ORANGE = (0.75, 1.05, 0.35), (0.75, 0.45, 0.12), (0.10, 0.45, 0.30), (0.12, 0.75, 0.85)

# Ranges of cell radius and nucleus radius (as a share), lobes, how far apart they lie; depth of the nucleus; cytoplasm
# blue and pink; granules purple and orange; bays in the cell.
BLOOD = {
    "basophil": ((0.40, 0.52), (0.62, 0.8), (2, 3), (0.25, 0.4), 0.8, 0.10, 0.3, 1.3, 0.0),
    "eosinophil": ((0.42, 0.56), (0.32, 0.4), (2, 2.6), (0.42, 0.54), 1.0, 0.05, 0.3, 0.0, 1.1),
    "erythroblast": ((0.30, 0.44), (0.5, 0.66), (1, 1), (0.0, 0.1), 1.6, 0.25, 0.5, 0.0, 0.0),
    "immature": ((0.46, 0.64), (0.6, 0.75), (1, 2), (0.0, 0.25), 0.9, 0.22, 0.3, 0.5, 0.0),
    "lymphocyte": ((0.32, 0.48), (0.74, 0.9), (1, 1), (0.0, 0.08), 1.2, 0.45, 0.0, 0.0, 0.0),
    "monocyte": ((0.46, 0.64), (0.5, 0.62), (2, 3), (0.18, 0.32), 0.9, 0.40, 0.1, 0.1, 0.0),
    "neutrophil": ((0.42, 0.56), (0.25, 0.33), (3, 5), (0.40, 0.54), 1.1, 0.02, 0.35, 0.25, 0.0),
    "platelet": ((0.12, 0.22), (0.3, 0.6), (1, 1), (0.0, 0.2), 0.1, 0.10, 0.3, 1.2, 0.0),
}
BLOOD_WORDS = {"baso": "basophil", "eosin": "eosinophil", "erythro": "erythroblast", "immature": "immature"}
BLOOD_WORDS |= {"myelo": "immature", "lympho": "lymphocyte", "mono": "monocyte", "neutro": "neutrophil"}
BLOOD_WORDS |= {"platelet": "platelet", "thrombo": "platelet"}

# Nuclei in fluorescence: radius, stretch, brightness, clumps of chromatin, crowd around, ring of a tubule.
GLOW = {
    "round": (0.36, 1.10, 1.0, 0.3, 0.5, 0.6),
    "clumped": (0.33, 1.15, 0.9, 1.0, 0.5, 0.8),
    "flat": (0.26, 1.90, 0.9, 0.3, 0.8, 0.0),
    "thin": (0.22, 2.40, 0.8, 0.2, 0.3, 0.0),
    "small": (0.20, 1.05, 1.4, 0.9, 0.7, 0.0),
    "lobed": (0.42, 1.30, 0.8, 0.2, 0.6, 0.0),
    "large": (0.44, 1.05, 0.8, 0.4, 0.25, 0.5),
    "dense": (0.28, 1.15, 1.2, 0.4, 0.7, 1.0),
}
GLOW_WORDS = {"collecting": "round", "distal": "clumped", "glomerular": "flat", "interstitial": "thin"}
GLOW_WORDS |= {"leuko": "small", "podocyte": "lobed", "proximal": "large", "thick": "dense"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, ch, H, W) in [0, 255], or (n, 1, D, H, W). "fluorescence" or "grey" in `about`: one channel, else a smear."""
    if c.ndim == 3:
        return synapse.paint(c, labels, classes)
    if any(word in about.lower() for word in ("fluor", "tissue", "grey")):
        return _glow(c, labels, classes)
    return _smear(c, labels, classes)


def _smear(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    number = single(labels)
    look = [BLOOD[key] for key in looks(classes, BLOOD_WORDS, list(BLOOD))]

    def between(part: int) -> np.ndarray:
        low, high = (np.array([look[k][part][end] for k in number], np.float32)[:, None] for end in (0, 1))
        return low + (high - low) * c.draw(-0.1, 1.1, True).reshape(-1, 1)

    cell, share, lobes, apart = (between(part) for part in range(4))
    depth, blue, pink, grains, orange = (
        c.each([look[k][part] for k in number]) * c.draw(0.7, 1.3, True) for part in range(4, 9)
    )
    c.pose(turn=180, shift=0.12, scale=0.08)
    x, y = c.x, c.y
    angle = np.arctan2(y, x)
    r = np.hypot(x, y) / (c.each(cell[:, 0]) * (1 + 0.05 * wavy(c, angle, range(1, 5))))
    body = soft(r, 0.12)

    # The nucleus: blobs that merge, on an arc.
    slots = np.arange(5)
    present = np.clip(lobes - slots, 0, 1)
    arc = (slots - (lobes - 1) / 2) * c.scatter(1, 1.2, 1.7) + c.scatter(1, 0, 6.3)
    away = cell * apart * c.scatter(5, 0.8, 1.2) * np.minimum(1, 0.5 * lobes)
    blob = cell * share * c.scatter(5, 0.85, 1.1)
    sum_ = c.dots(away * np.sin(arc), away * np.cos(arc), blob, present, blob * c.scatter(5, 0.85, 1.15))
    nucleus = ladder(sum_, 0.30, 0.44) * soft(r, 0.1)
    chromatin = depth * (1 + 0.22 * c.smooth(14)) * (0.9 + 0.1 * c.smooth(5))

    first, _, which = c.cells(22)
    dots = ladder(0.46 - first, -0.05, 0.2) * (which < 0.75)

    # Red cells around: discs with a pale centre, pushed aside by the white cell.
    crowd = c.draw(0.05, 1.0, True)
    near, _, name = c.cells(3, 0.6, y=c.axis[:, None] * c.draw(0.8, 1.1, True), x=c.axis * c.draw(0.8, 1.1, True))
    disc = soft(near / 0.46, 0.14) * (name < crowd) * (1 - 0.35 * soft(near / 0.24, 0.9)) * (1 - soft(r / 1.12, 0.12))
    strength = c.draw(0.5, 1.3, True)
    dyes = [
        (strength * (nucleus * chromatin + body * grains * dots * 0.8), PURPLE),
        (strength * body * (1 - nucleus) * blue * (1 + 0.15 * c.smooth(7)), BLUE),
        (body * (1 - nucleus) * pink + disc * c.draw(0.25, 0.9, True) + 0.03, PINK),
        (body * (1 - 0.8 * nucleus) * orange * (0.35 + 0.65 * dots), ORANGE),
    ]
    rgb = stain(dyes, c.draw(0.7, 1.0, True) * (1 + c.draw(-0.05, 0.05, True) * c.axis))
    lamp = np.stack([0 * x + c.draw(low, 1.0, True) for low in (0.94, 0.90, 0.84)], 1)
    return rgb * lamp + 2.5 * np.stack([c.noise() for _ in range(3)], 1)


def _glow(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    look = np.array([GLOW[key] for key in looks(classes, GLOW_WORDS, list(GLOW))], np.float32)[single(labels)]
    size, stretch, bright, clumps, crowd, ring = map(c.each, look.T)
    size, stretch = size * np.exp(c.draw(-0.25, 0.25, True)), stretch * np.exp(c.draw(-0.2, 0.2, True))
    c.pose(turn=180, shift=0.08)
    x, y = c.x, c.y
    wave = 1 + 0.08 * wavy(c, np.arctan2(y, x), range(2, 6))
    r = radius(y, x, size / np.sqrt(stretch), size * np.sqrt(stretch)) / wave
    nucleus = soft(r, 0.2)
    texture = 1 + clumps * 0.45 * c.smooth(12) + 0.12 * c.smooth(6)

    # Neighbours: out of focus where they lie deeper; in a tubule they stand in a curved row.
    near, _, which = c.cells(4, y=y * 0.8 / size * 0.36, x=x * 0.8 / size * 0.36)
    row = np.exp(-(((y - 0.6 * (x * x) * c.draw(0.3, 1.2, True)) / 0.32) ** 2))
    others = soft(near / 0.42, 0.5) * ladder(crowd * (1 - ring + 1.6 * ring * row) - which, -0.03, 0.03)
    others = others * (1 - soft(r / 1.25, 0.2)) * (0.3 + 0.8 * np.modf(which * 53)[0])
    haze = 0.06 * (1 + 0.5 * c.smooth(3, 2))
    photons = (nucleus * bright * texture + others * c.draw(0.4, 0.9, True) + haze) * c.draw(0.5, 1.4, True)
    blur = c.draw(0.015, 0.05, True).ravel() * c.size / 2
    photons = np.stack([ndimage.gaussian_filter(p, s, truncate=3) for p, s in zip(photons, blur, strict=True)])
    quanta = 90 * (64 / c.size) ** 2
    counts = np.clip(photons, 0, None) * quanta
    return (255 * 0.6 * np.clip(counts + np.sqrt(counts + 2) * c.noise(), 0, None) / quanta)[:, None]
