"""Colour photographs of the back of the eye: disc, macula, vessels, and the signs of diabetic retinopathy by grade.

Light crosses the retina twice; melanin and blood absorb it (Beer-Lambert), blood most in green and blue (Prahl,
https://omlc.org/spectra/hemoglobin/). Grades follow the international scale (Wilkinson et al. 2003,
doi 10.1016/S0161-6420(03)00475-5): small aneurysms, then bleedings and exudates, then new vessels. The signs are drawn
larger than they are, or they would not be seen in small pictures.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, radius, soft, stain
from medtutor.data.phantoms.names import looks, single

BLOOD, MELANIN = (0.25, 1.25, 1.2), (0.55, 0.95, 1.35)

# Aneurysms, bleedings, exudates, wool spots, new vessels, scars: how much of each.
LOOKS = {
    "0": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "1": (0.8, 0.15, 0.0, 0.0, 0.0, 0.0),
    "2": (0.8, 0.6, 0.6, 0.1, 0.0, 0.0),
    "3": (1.0, 1.1, 0.7, 0.7, 0.1, 0.0),
    "4": (0.8, 1.0, 0.5, 0.4, 1.0, 0.8),
}
WORDS = {"normal": "0", "no dr": "0", "mild": "1", "moderate": "2", "severe": "3", "prolif": "4"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 3, H, W) in [0, 255]."""
    words = {grade: grade for grade in LOOKS if grade in classes} or WORDS
    look = np.array([LOOKS[key] for key in looks(classes, words, list(LOOKS))], np.float32)[single(labels)]
    # An eye is not all of its grade: each sign varies, so that neighbouring grades overlap.
    much = [c.each(part) * c.draw(0.3, 1.2, True) for part in look.T]
    eye = np.sign(c.draw(-1, 1) + 1e-6)  # the disc lies towards the nose: right in a right eye
    c.pose(turn=8, shift=0.08, scale=0.08)
    x, y = c.x, c.y
    disc_x, disc_y, disc_r = 0.45 * eye + c.draw(-0.08, 0.08), c.draw(-0.08, 0.08), c.draw(0.13, 0.18)

    melanin = c.draw(0.25, 0.95) * (1 + 0.12 * c.smooth(4, 2))
    fovea = radius(y - disc_y - 0.05, x - disc_x + 0.62 * eye, 0.26, 0.26)
    melanin = melanin + c.draw(0.2, 0.5) * np.exp(-(fovea**2))
    blood = 0.42 + 0.10 * c.smooth(10, 2) + 1.1 * _vessels(c, disc_x, disc_y, eye)
    blood = blood + _blots(c, 14, (0.022, 0.035), 0.55 * much[0], 0.75) + _blots(c, 9, (0.04, 0.09), 1.3 * much[1], 0.8)
    tangle = np.exp(-((radius(y - disc_y - 0.15, x - disc_x, 0.3, 0.3)) ** 2)) * ladder(np.abs(c.smooth(14)), 0.5, 0.1)
    blood = blood + 0.9 * much[4] * tangle
    pale = _blots(c, 12, (0.022, 0.045), 1.1 * much[2], 0.55) + _blots(c, 5, (0.06, 0.10), 0.6 * much[3], 0.6)
    scars = _blots(c, 40, (0.03, 0.045), 0.5 * much[5], 0.95) * ladder(fovea, 1.8, 2.4)
    pale = pale + 0.5 * scars

    disc = soft(radius(y - disc_y, x - disc_x, disc_r * 1.08, disc_r), 0.25)
    cup = soft(radius(y - disc_y, x - disc_x, disc_r * 0.5, disc_r * 0.45), 0.8)
    share = np.clip(pale, 0, 1)
    melanin = melanin * (1 - 0.9 * disc) * (1 - 0.85 * share)
    blood = blood * (1 - 0.6 * disc) * (1 - 0.75 * share)

    # Light falls off towards the rim, by a hand that is not steady; the camera's round stop, often wider than high.
    rim = radius(c.axis[:, None] + 0 * x, c.axis + 0 * y, c.draw(0.95, 1.1, True), c.draw(0.95, 1.02, True))
    tilt = 1 + c.draw(-0.25, 0.25, True) * x + c.draw(-0.2, 0.2, True) * y
    light = c.draw(0.7, 1.05, True) * np.clip(tilt, 0.3, None) * (1 - c.draw(0.1, 0.4, True) * rim**2)
    light = light * soft(rim, 0.03) * (1 + 0.25 * disc + 0.12 * cup + 0.25 * share)
    rgb = stain([(blood, BLOOD), (melanin, MELANIN)], light)
    rgb = rgb * np.stack([0 * x + 1, 0 * x + c.draw(0.85, 1.05, True), 0 * x + c.draw(0.5, 1.0, True)], 1)
    return rgb + 2.5 * np.stack([c.noise() for _ in range(3)], 1)


def _vessels(c: Canvas, disc_x: Field, disc_y: Field, eye: Field) -> Field:
    """Two arcades around the macula and two vessels to the nose, each a walk of dots that branches once."""
    total = 0
    x0, y0, side = (np.broadcast_to(v, (c.n, 1, 1)).reshape(c.n, 1) for v in (disc_x, disc_y, eye))
    steps = 44
    t = np.linspace(0, 1, steps, dtype=np.float32)
    for up in (-1, 1):
        for temporal, reach in ((1, 1.7), (0, 0.8)):
            for branch in range(2):
                turn, wave, away = c.scatter(1, 0.8, 1.2), c.scatter(1, 0, 6.3), c.scatter(1, 0.75, 1.15)
                start = 0.35 * branch
                s = start + (1 - start) * t
                if temporal:  # out and around the macula, the branch away from it
                    bend = away * 0.62 * np.sin(np.pi * np.clip(s * 0.9, 0, 1) * turn) + branch * 0.9 * (s - start)
                    dx, dy = -side * reach * s**1.25, up * bend
                else:
                    dx, dy = side * reach * s, up * (0.25 + 0.9 * s * away) * s * (1 + 0.8 * branch * (s - start))
                dy = dy + 0.025 * np.sin(9 * s + wave)
                thick = (0.030 - 0.016 * s) * (0.75 if branch else 1.0)
                total = total + c.dots(y0 + dy, x0 + dx, thick, 0.9 - 0.3 * s)
    return 1 - np.exp(-total)


def _blots(c: Canvas, count: int, sizes: tuple[float, float], amount: Field, spread: float) -> Field:
    """Up to `count` round spots; `amount` (n, 1, 1) says how strong, and how many, they are."""
    angle, away = c.scatter(count, 0, 2 * np.pi), spread * np.sqrt(c.scatter(count, 0.02, 1))
    share = amount.reshape(c.n, 1)
    there = (c.scatter(count, 0, 1) < share) * c.scatter(count, 0.5, 1.0) * np.minimum(share + 0.4, 1.5)
    return c.dots(away * np.sin(angle), away * np.cos(angle), c.scatter(count, *sizes), there)
