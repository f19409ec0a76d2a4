"""Chest radiographs: line integrals of attenuation through ellipsoids (Beer-Lambert), scatter, Poisson noise.

Depths in cm along the beam, one unit of the canvas is about 11 cm (a child). The patient's right is on the left.
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy import ndimage

from medtutor.data.phantoms.canvas import Canvas, Field, chord, ladder, radius, soft

SOFT, LUNG, BONE = 0.20, 0.06, 0.45  # attenuation per cm at about 65 keV; lung is a quarter tissue

# What a finding does to the lungs. Hazy foci: how many, on which sides (1 one, 2 both), height (-0.5 apex, 0.4 base),
# distance from the hilum (0 to 1), size, how much of the air is lost.
HAZE = {
    "pneumonia": (3, 1.4, (-0.35, 0.40), (0.2, 0.9), (0.16, 0.38), (0.25, 0.95)),
    "covid": (5, 2.0, (-0.10, 0.40), (0.6, 1.0), (0.14, 0.28), (0.15, 0.65)),
    "infiltration": (4, 1.6, (-0.35, 0.40), (0.1, 0.9), (0.14, 0.30), (0.15, 0.45)),
    "consolidation": (1, 1.0, (-0.25, 0.35), (0.2, 0.8), (0.22, 0.34), (0.6, 1.0)),
    "edema": (4, 2.0, (-0.10, 0.20), (0.0, 0.4), (0.20, 0.34), (0.2, 0.6)),
    "fibrosis": (4, 2.0, (0.10, 0.45), (0.3, 1.0), (0.12, 0.24), (0.3, 0.7)),
}
# Solid, round foci: size and how much of the air is lost.
ROUND = {"mass": ((0.13, 0.2), (0.5, 0.9)), "nodule": ((0.05, 0.09), (0.5, 0.9))}
SHAPE = ("atelectasis", "cardiomegaly", "effusion", "pneumothorax", "emphysema", "pleural", "hernia")
HEALTHY = ("normal", "no finding", "healthy", "no_finding")
OTHER_NAMES = {"ards": "edema", "sars": "covid", "fluid": "effusion", "thickening": "pleural", "tubercul": "fibrosis"}


def finding(name: str) -> str:
    """The finding that a class name speaks of, "" for none; an unknown name gets one of the hazy findings."""
    word = name.lower()
    if any(healthy in word for healthy in HEALTHY):
        return ""
    for key in (*HAZE, *ROUND, *SHAPE):
        if key in word:
            return key
    for part, key in OTHER_NAMES.items():
        if part in word:
            return key
    return list(HAZE)[zlib.crc32(word.encode()) % len(HAZE)]


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 1, H, W) in [0, 255]; labels (n,) or, several findings at once, (n, K)."""
    has: dict[str, np.ndarray] = {}
    for k, name in enumerate(classes):
        present = (labels[:, k] if labels.ndim == 2 else labels == k).astype(np.float32)
        has[finding(name)] = np.maximum(has.get(finding(name), 0), present)
    on = {key: c.each(has.get(key, np.zeros(c.n))) for key in SHAPE}
    grade = {key: on[key] * c.draw(0.35, 1.0) for key in SHAPE}
    c.pose(turn=6, shift=0.08, scale=0.1)
    x, y = c.x, c.y
    side = np.abs(x)
    left = ladder(x, -0.02, 0.02)

    # The body: trunk, shoulders, neck and head.
    depth = c.draw(11, 16)
    shoulders = y - (-0.98 + c.draw(-0.15, 0.2, True) + 0.55 * ladder(side, 0.45, 1.15) - 0.5 * soft(side / 0.24, 0.6))
    trunk = depth * chord(np.clip(side / c.draw(0.93, 1.12), 0, 1) ** 1.6) * ladder(shoulders, -0.03, 0.12)
    head = 12 * chord(radius(y + 1.28 + c.draw(0, 0.25), x, 0.36, 0.32))
    body = np.maximum(trunk, head)

    # Air: two lungs cut by the domes of the diaphragm, less what heart and mediastinum take.
    breath = c.draw(-0.12, 0.1, True) - 0.10 * grade["atelectasis"] * left
    size = c.draw(0.92, 1.08) * (1 + 0.10 * grade["emphysema"])
    axis = 0.40 + 0.16 * y * c.draw(0.7, 1.2)
    r = radius(y + 0.12, side - axis * size, 0.74 * size, (0.33 - 0.02 * left) * size)
    flat = 1 - 0.6 * grade["emphysema"]
    dome = 0.40 + 0.05 * left + breath + 0.08 * grade["emphysema"] + 1.6 * flat * (side - 0.38) ** 2
    lungs = 10 * depth / 14 * chord(r) ** 0.8 * ladder(dome - y, -0.015, 0.045)
    big = c.draw(0.9, 1.1) * (1 + 0.38 * grade["cardiomegaly"])
    tilt = c.draw(0.4, 0.75)
    heart = 8 * chord(radius(y - 0.20, x - 0.12 - 0.06 * big, 0.27 * big, 0.37 * big, tilt))
    centre = c.draw(-0.03, 0.05)
    middle = 7 * chord(np.clip(np.abs(x - centre) / (0.15 + 0.05 * c.draw(0, 1)), 0, 1)) * ladder(y, -1.1, -0.75)
    air = np.clip(lungs - heart - middle, 0, None)

    # Vessels from the hila, finer towards the edge; a wide hilum is no disease.
    hilum = np.exp(-((side - 0.2) ** 2 + (y + 0.03) ** 2) / 0.10)
    vessels = (0.12 + c.draw(0.35, 1.0) * hilum) * np.clip(c.smooth(9, 2) + 0.4, 0, None)
    lost = 0.28 * vessels + _haze(c, has)
    for key, (sizes, amounts) in ROUND.items():
        if key in has:
            lost = lost + _foci(c, has[key], 1, 1.0, (-0.4, 0.35), (0.2, 0.9), sizes, amounts, sharp=True)

    # Findings with a shape of their own. One-sided ones choose a side.
    one = np.where(c.draw(0, 1) < 0.5, 1 - left, left)
    fluid = dome - (0.05 + 0.45 * grade["effusion"]) * (1 - 0.6 * np.clip(side - 0.35, -0.3, 0.45))
    lost = lost + 0.95 * on["effusion"] * one * ladder(y - fluid, -0.02, 0.08)
    plate = y - (0.25 * c.draw(0.2, 1.2) + 0.4 * c.draw(-1, 1) * (side - 0.4))
    lost = lost + grade["atelectasis"] * one * np.exp(-((plate / (0.02 + 0.05 * grade["atelectasis"])) ** 2))
    lost = lost + 0.7 * grade["pleural"] * one * ladder(r, 0.80, 0.97) * ladder(c.smooth(3), -1.0, 0.6)
    collapse = 1.03 - 0.42 * grade["pneumothorax"]
    gone = one * on["pneumothorax"] * ladder(r - 0.25 * y, collapse, collapse + 0.09)
    lost = np.clip(lost, 0, 1) * (1 - gone)
    tissue = LUNG * (1 - 0.45 * grade["emphysema"]) * (1 - 0.85 * gone)
    extra = 3.0 * grade["hernia"] * chord(radius(y - 0.28, x - 0.05, 0.16, 0.2)) * (1 - 0.8 * ladder(0.28 - y, 0, 0.1))

    bone = _bones(c, side, depth) * ladder(body, 0.5, 4)
    total = SOFT * (body - air + extra) + air * (tissue + (SOFT - tissue) * lost) + BONE * bone
    return _detect(c, total, depth)


def _haze(c: Canvas, has: dict[str, np.ndarray]) -> Field:
    """The share of air lost to hazy findings, clouded; and a little of it in everyone (a poor breath, a rib end)."""
    none = np.ones(c.n, np.float32)
    cloud = 0.75 + 0.35 * c.smooth(6, 2)
    total = 0.5 * cloud * _foci(c, none, 2, 1.5, (0.0, 0.45), (0.0, 1.0), (0.15, 0.35), (0.0, 0.5))
    for key in HAZE:
        if key in has:
            texture = np.clip(0.4 + 0.8 * c.smooth(22), 0, None) if key == "fibrosis" else cloud
            total = total + texture * _foci(c, has[key], *HAZE[key])
    return np.clip(total, 0, 1)


def _foci(c: Canvas, present, count, sides, height, away, sizes, amounts, sharp=False) -> Field:
    """Up to `count` foci a picture: `sides` 1 keeps all on one side, 2 sends each to either."""
    first = c.scatter(1)
    stay = c.scatter(count, 0, 1) < (2 - sides) + (sides - 1) * 0.5
    sign = np.where(stay, np.sign(first), -np.sign(first))
    y = c.scatter(count, *height)
    x = sign * (0.24 + 0.36 * c.scatter(count, *away) + 0.12 * (y + 0.1))
    amount = c.scatter(count, *amounts) * (c.scatter(count, 0, 1) < 0.75)
    amount[:, 0] = np.maximum(amount[:, 0], amounts[0])  # at least one is there
    wide = c.scatter(count, *sizes)
    if sharp:
        return sum(
            amount[:, k, None, None] * ladder(c.dots(y[:, [k]], x[:, [k]], wide[:, [k]], present[:, None]), 0.3, 0.55)
            for k in range(count)
        )
    return c.dots(y, x, wide * c.scatter(count, 0.7, 1.3), amount * present[:, None], wide)


def _bones(c: Canvas, side: Field, depth: Field) -> Field:
    """Depth of bone in cm: ribs behind (flat) and in front (steep), spine, collar bones."""
    step, start = c.draw(0.155, 0.185), c.draw(0, 1)
    cage = ladder(0.93 - side, 0, 0.08) * ladder(c.y, -0.95, -0.7) * ladder(0.75 - c.y, 0, 0.2)
    behind = (c.y - 0.30 * side * side + 0.12 * side) / step + start
    front = (c.y - 0.75 * side) / (1.15 * step) + start
    bone = 0.55 * _bands(behind, 0.2) * ladder(side, 0.05, 0.15) + 0.3 * _bands(front, 0.17) * ladder(side, 0.3, 0.6)
    spine = np.exp(-((side / 0.105) ** 4)) * (0.75 + 0.25 * np.cos(2 * np.pi * c.y / 0.15))
    collar = np.exp(-(((c.y + 0.72 + 0.28 * (side - 0.3)) / 0.04) ** 2)) * ladder(side, 0.06, 0.12)
    return bone * cage + 1.8 * spine * depth / 14 + 0.7 * collar * ladder(0.8 - side, 0, 0.1)


def _bands(phase: Field, width: float) -> Field:
    return np.exp(-(((phase - np.round(phase)) / width) ** 2))


def _detect(c: Canvas, total: Field, depth: Field) -> Field:
    """Counts behind the patient, with scatter and Poisson noise, turned into grey values by a varying exposure."""
    primary = np.exp(-total)
    wide = ndimage.gaussian_filter(primary, (0, 0.12 * c.size, 0.12 * c.size), truncate=2)
    light = primary + c.draw(0.15, 0.7, True) * wide * (1 - ladder(primary, 0.3, 0.9))
    quanta = 4.0e4 * c.draw(0.4, 1.6, True) * (56 / c.size) ** 2
    counts = light * quanta
    counts = np.clip(counts + np.sqrt(counts) * c.noise(), 1, None)
    blur = 0.008 * c.size / 2
    log = -np.log(ndimage.gaussian_filter(counts, (0, blur, blur), truncate=3) / quanta)
    # The reading station stretches to the bulk of the picture, by a rule that varies between machines.
    reach = log[:, c.size // 6 : -c.size // 6, c.size // 6 : -c.size // 6].reshape(c.n, -1)
    low, high = (c.each(np.quantile(reach, q, axis=1)) for q in (0.03, 0.97))
    grey = (log - low) / np.maximum(high - low, 0.5)
    dark, contrast = c.draw(45, 100, True), c.draw(85, 140, True)
    return (dark + contrast * np.clip(grey, -0.6, None))[:, None]
