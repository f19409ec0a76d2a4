"""Dermoscopy: a skin lesion through a lens, as layers of melanin and blood that absorb light (Beer-Lambert).

What distinguishes the lesions is their colours, symmetry, edge and structures (Argenziano et al. 2003,
doi 10.1067/mjd.2003.281; the seven classes are those of HAM10000, Tschandl et al. 2018, doi 10.1038/sdata.2018.161).
Hairs, gel bubbles, a dark rim and the colour of skin and lamp vary more than the classes do.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, radius, soft, stain, wavy
from medtutor.data.phantoms.names import looks, single

# What each absorbs of red, green, blue. Melanin in depth looks blue-grey: red is absorbed more there.
MELANIN, BLOOD, DEEP = (0.55, 0.95, 1.30), (0.18, 0.95, 0.75), (1.10, 0.85, 0.55)

# Ranges of melanin, blood, deep melanin, size, roughness, asymmetry, softness of the edge.
LOOKS = {
    "naevus": ((0.5, 1.2), (0.1, 0.4), (0.0, 0.1), (0.35, 0.6), (0.02, 0.10), (0.0, 0.3), (0.2, 0.5)),
    "melanoma": ((0.6, 1.5), (0.1, 0.5), (0.2, 0.9), (0.5, 0.8), (0.10, 0.25), (0.6, 1.2), (0.1, 0.4)),
    "keratosis": ((0.4, 1.1), (0.0, 0.3), (0.0, 0.3), (0.4, 0.75), (0.05, 0.15), (0.1, 0.5), (0.03, 0.12)),
    "basal": ((0.05, 0.4), (0.4, 0.9), (0.1, 0.6), (0.35, 0.7), (0.06, 0.18), (0.3, 0.9), (0.2, 0.5)),
    "actinic": ((0.1, 0.4), (0.5, 1.0), (0.0, 0.1), (0.5, 0.85), (0.08, 0.2), (0.2, 0.6), (0.5, 0.9)),
    "fibroma": ((0.3, 0.8), (0.2, 0.5), (0.0, 0.1), (0.35, 0.6), (0.02, 0.08), (0.0, 0.2), (0.4, 0.8)),
    "vascular": ((0.0, 0.3), (1.0, 2.0), (0.1, 0.5), (0.3, 0.6), (0.03, 0.12), (0.0, 0.4), (0.08, 0.25)),
}
# How much network, white centre, white spots, scale, vessels, lagoons of blood.
SIGNS = {
    "naevus": (1, 0, 0, 0, 0, 0),
    "melanoma": (0.7, 0, 0.1, 0, 0.3, 0),
    "keratosis": (0, 0, 1, 0.3, 0, 0),
    "basal": (0, 0, 0, 0.2, 1, 0),
    "actinic": (0, 0, 0.2, 1, 0.2, 0),
    "fibroma": (0.5, 1, 0, 0, 0, 0),
    "vascular": (0, 0, 0, 0, 0, 1),
}
WORDS = {"melanoma": "melanoma", "nev": "naevus", "naev": "naevus", "basal": "basal", "actinic": "actinic"}
WORDS |= {"keratos": "keratosis", "fibroma": "fibroma", "vascular": "vascular", "benign": "naevus", "malig": "melanoma"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 3, H, W) in [0, 255]."""
    number = single(labels)
    names = looks(classes, WORDS, list(LOOKS))
    look, sign = [LOOKS[name] for name in names], [SIGNS[name] for name in names]

    def between(part: int) -> Field:
        low, high = (c.each([look[k][part][end] for k in number]) for end in (0, 1))
        return low + (high - low) * c.draw(-0.15, 1.15, True)

    melanin, blood, deep, size, rough, uneven, edge = (np.clip(between(part), 0.01, None) for part in range(7))
    net, centre, spots, scale, tree, lagoons = (
        c.each([sign[k][part] for k in number]) * c.draw(0.4, 1.1, True) for part in range(6)
    )
    turn = c.draw(0, 2 * np.pi, True)
    dx, dy = c.x - c.draw(-0.15, 0.15, True), c.y - c.draw(-0.15, 0.15, True)
    x, y = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    angle = np.arctan2(y, x)
    wave = 1 + rough * (0.6 * wavy(c, angle, range(1, 4)) + 0.3 * wavy(c, angle, range(4, 9)) + 0.35 * c.smooth(6, 2))
    r = radius(y, x, size * c.draw(0.8, 1.0, True), size) / np.clip(wave, 0.4, 2)
    inside = soft(r, edge + 0.05)

    patches = c.smooth(4, 2)
    first, second, which = c.cells(16, y=c.y + 0.02 * patches, x=c.x)
    mesh = np.exp(-(((second - first) / 0.22) ** 2))
    dark = melanin * (1 + 0.45 * uneven * (patches + 0.8 * x / size)) * (1 + 0.5 * net * (mesh - 0.35))
    dark = dark * (1 - 0.85 * np.clip(centre, 0, 1) * np.exp(-((r / 0.5) ** 2)))
    dots = ladder(0.42 - first, 0, 0.15) * (which < 0.22)
    dark = dark * (1 - 0.7 * spots * dots) + 0.5 * spots * dots * (which < 0.08)
    red = blood * (1 + 0.25 * c.smooth(6)) + 0.6 * tree * ladder(0.16 - np.abs(c.smooth(7)), 0, 0.12)
    first, _, _ = c.cells(6)
    red = red * (1 + lagoons * (1.1 * ladder(0.62 - first, -0.1, 0.15) - 0.5))
    veil = deep * ladder(c.smooth(3, 2) + 0.3 * uneven * x / size, -0.3, 1.0)

    # The skin around: its own melanin and blood, furrows, hairs.
    skin = c.draw(0.05, 0.6) * (1 + 0.05 * c.smooth(12, 2))
    flush = c.draw(0.05, 0.55) * (1 + 0.15 * c.smooth(5, 2))
    hair = _hairs(c)
    layers = [(skin + inside * np.clip(dark, 0, None) + hair, MELANIN), (flush + inside * np.clip(red, 0, None), BLOOD)]
    rim = radius(c.y, c.x, c.draw(1.0, 1.7, True), c.draw(1.0, 1.7, True))
    light = c.draw(0.65, 1.05, True) * (1 - 0.85 * ladder(rim, 0.95, 1.1)) * (1 - 0.12 * (c.x**2 + c.y**2))
    rgb = stain([*layers, (inside * veil, DEEP)], light)
    white = 255 * light * inside * 0.45 * np.clip(scale, 0, 1) * ladder(c.smooth(8, 2), 0.3, 1.2)
    warm = [c.draw(0.93, 1.0, True), c.draw(0.9, 1.0, True), c.draw(0.8, 1.0, True)]
    rgb = (rgb + white[:, None] * (1 - rgb / 255)) * np.stack(warm, 1)
    return rgb + 2.5 * np.stack([c.noise() for _ in range(3)], 1)


def _hairs(c: Canvas) -> Field:
    """Dark curved hairs on about every fourth picture."""
    total, many = 0, c.draw(-5, 2, True)
    for k in range(3):
        angle, bend = c.draw(0, np.pi, True), c.draw(-0.35, 0.35, True)
        across = c.x * np.cos(angle) + c.y * np.sin(angle)
        along = c.y * np.cos(angle) - c.x * np.sin(angle)
        away = across - c.draw(-0.8, 0.8, True) - bend * along**2
        ends = ladder(0.6 - np.abs(along - c.draw(-0.6, 0.6, True)), 0, 0.1)
        total = total + (many > k - 0.5) * ends * np.exp(-((away / c.draw(0.008, 0.018)) ** 2))
    return 1.5 * np.clip(total, 0, 1)
