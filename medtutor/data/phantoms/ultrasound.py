"""Breast ultrasound (B-mode): layers of tissue, a lesion with the shadow or the brightness behind it, speckle.

Echoes are in decibel; what is shown is their logarithm. Speckle is the sum of many unresolved echoes, its amplitude
follows Rayleigh's law (Wagner et al. 1983, doi 10.1109/T-SU.1983.31404). A carcinoma tends to be taller than wide, with
an irregular edge and a shadow, a benign lump oval and smooth with brightness behind (Stavros et al. 1995,
doi 10.1148/radiology.196.1.7784555). y is depth.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, radius, soft, wavy
from medtutor.data.phantoms.names import looks, single

# Height over width, roughness of the edge, decibel behind the lesion, bright halo, how many show no lesion at all.
LOOKS = {
    "benign": ((0.45, 0.85), (0.01, 0.09), (-1.0, 9.0), (0.0, 0.4), 0.15),
    "malignant": ((0.65, 1.20), (0.06, 0.20), (-14.0, 1.0), (0.2, 1.0), 0.0),
    "normal": ((0.5, 0.8), (0.0, 0.1), (-2.0, 2.0), (0.0, 0.1), 1.0),
    "cyst": ((0.70, 1.0), (0.0, 0.04), (6.0, 14.0), (0.0, 0.1), 0.0),
    "rough": ((0.45, 0.8), (0.12, 0.26), (-2.0, 6.0), (0.0, 0.5), 0.0),
}
WORDS = {"benign": "benign", "malig": "malignant", "cancer": "malignant", "normal": "normal", "cyst": "cyst"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 1, H, W) in [0, 255]."""
    look = [LOOKS[key] for key in looks(classes, WORDS, list(LOOKS))]
    number = single(labels)

    def between(part: int) -> Field:
        low, high = (c.each([look[k][part][end] for k in number]) for end in (0, 1))
        return low + (high - low) * c.draw(0, 1, True)

    x, y = c.x, c.y
    echo = _tissue(c)

    # The lesion: always drawn (so that the random numbers stay in step), shown where there is one.
    tall, rough, behind, halo = (between(part) for part in range(4))
    shown = (c.draw(0, 1, True) >= c.each([look[k][4] for k in number])).astype(np.float32)
    size = c.draw(0.26, 0.52, True)
    dy, dx = y - c.draw(-0.25, 0.25, True), x - c.draw(-0.25, 0.25, True)
    angle = np.arctan2(dy, dx)
    edge = 1 + rough * (0.9 * wavy(c, angle, range(2, 6)) + 0.45 * wavy(c, angle, range(6, 10)))
    r = radius(dy, dx, size * np.sqrt(tall), size / np.sqrt(tall), c.draw(-0.25, 0.25, True)) / np.clip(edge, 0.4, 2)
    inside = soft(r, 0.15 + 1.8 * rough) * shown
    ring = np.exp(-(((r - 1.25) / 0.22) ** 2)) * shown
    lesion = c.draw(-38, -25, True) + 2.5 * c.smooth(7)
    echo = echo + inside * (lesion - echo) + 9 * halo * ring
    column = soft(np.abs(dx) * np.sqrt(tall) / size, 0.7) * ladder(dy * shown, 0.3 * size, 1.1 * size * np.sqrt(tall))
    echo = echo + behind * column

    # Columns that couple badly, and a gain along depth that no one sets right.
    echo = echo + c.draw(-7, 5, True) * (y + 1) + 2.5 * np.clip(c.smooth(5)[:, -1:], -2, 1)
    speckle = np.clip(c.speckle(0.022, 0.048), 0.05, None)
    level = echo + 20 * np.log10(speckle) + c.draw(-9, 3, True)
    return (255 * np.clip(1.0 + level / c.draw(45, 60, True), 0, 1))[:, None]


def _tissue(c: Canvas) -> Field:
    """Echo level in decibel: skin, fat with septa, gland, muscle with its striation."""
    x, y = c.x, c.y
    ripple = c.smooth(3, 2)
    fat = c.draw(-0.65, -0.25) + 0.12 * ripple
    gland = c.draw(0.35, 0.85) + 0.10 * c.draw(-1, 1, True) * x + 0.08 * ripple
    first, second, _ = c.cells(4, y=y * 1.5 + 0.15 * ripple, x=x)
    septa = np.exp(-(((second - first) / 0.13) ** 2)) * ladder(c.smooth(5), -0.8, 0.8)
    fatty = -25 + 10 * septa + 2 * c.smooth(9)
    glandular = c.draw(-17, -10) + 4.5 * c.smooth(6, 2)
    fibres = np.cos(2 * np.pi * (y + 0.15 * c.draw(-1, 1, True) * x + 0.05 * ripple) / 0.16)
    muscle = -23 + 5 * fibres + 9 * np.exp(-(((y - gland) / 0.04) ** 2))
    inner = fatty + (glandular - fatty) * ladder(y - fat, -0.12, 0.12)
    inner = inner + (muscle - inner) * ladder(y - gland, -0.04, 0.04)
    skin = -0.9 + 0.03 * c.draw(-1, 1, True)
    return inner + (-6 - inner) * ladder(skin - y, -0.03, 0.03)
