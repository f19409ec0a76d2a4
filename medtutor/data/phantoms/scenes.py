"""Whole fields of a microscope with many objects: smears with boxes, nuclei with label maps.

Each object is drawn into its own part of the picture. Dyes add up where cells overlap, and so does absorption
(Beer-Lambert); fluorescence is counted in photons (Poisson).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from medtutor.data.phantoms.canvas import Canvas, stain
from medtutor.data.phantoms.histology import EOSIN, HAEMATOXYLIN
from medtutor.data.phantoms.microscopy import BLUE, PINK, PURPLE
from medtutor.data.phantoms.names import looks

WORDS = {"rbc": "red", "red": "red", "erythro": "red", "wbc": "white", "white": "white", "leuko": "white"}
WORDS |= {"platelet": "platelet", "thrombo": "platelet"}
CELLS = {"red": (0.075, 17), "white": (0.12, 1.1), "platelet": (0.028, 1.5)}  # radius (share of the width), how many


def smear(seed: tuple[int, ...], classes: tuple[str, ...], width: int = 320, height: int = 240):
    """One smear: image uint8 (3, height, width), boxes float32 (k, 4), labels int64 (k,)."""
    rng = np.random.default_rng(seed)
    kinds = looks(classes, WORDS, list(CELLS))
    purple, blue, pink, free = (np.full((height, width), v, np.float32) for v in (0, 0, 0, 1))
    scale, crowd = rng.uniform(0.85, 1.2), np.exp(rng.uniform(-0.6, 0.4))
    wanted = [k for k, kind in enumerate(kinds) for _ in range(_how_many(rng, kind, crowd))]
    wanted.sort(key=lambda k: kinds[k] != "white")  # white cells first: they push the others aside
    boxes, labels = [], []
    for label, (row, column) in zip(wanted, _places(rng, len(wanted), width, height), strict=True):
        kind = kinds[label]
        radius = CELLS[kind][0] * width * scale * rng.uniform(0.85, 1.15)
        r, angle, part = _blob(rng, row, column, radius, (height, width), 0.16 if kind == "platelet" else 0.05)
        if r is None:
            continue
        inside = _edge(1 - r, 0.10) * free[part]
        if inside.sum() < 0.6 * (r < 1).sum():
            continue
        if kind == "red":
            pallor = 1 - rng.uniform(0.2, 0.6) * np.exp(-((r / 0.45) ** 2))
            pink[part] += inside * pallor * rng.uniform(0.5, 0.8)
        elif kind == "white":
            purple[part] += _nucleus(rng, r, angle) * rng.uniform(0.8, 1.3) * inside
            blue[part] += 0.3 * inside
            free[part] *= 1 - inside
        else:
            purple[part] += inside * rng.uniform(0.5, 0.9)
        rows, columns = np.nonzero(r < 1)
        top, left = part[0].start, part[1].start
        box = (left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1)
        if (box[2] - box[0]) * (box[3] - box[1]) >= 0.35 * 4 * radius * radius:  # most of it is in the picture
            boxes.append(box)
            labels.append(label)
    c = Canvas(1, max(width, height), 2, (*seed, 7))
    uneven = c.smooth(2)[0, :height, :width]
    light = rng.uniform(0.8, 1.0) * (1 + 0.04 * uneven)
    dust = 0.03 + 0.02 * c.smooth(30)[0, :height, :width]
    strength = rng.uniform(0.75, 1.25)
    planes = [(purple * strength, PURPLE), (blue * strength, BLUE), (pink * strength + dust, PINK)]
    lamp = np.array([rng.uniform(low, 1.0) for low in (0.93, 0.88, 0.85)], np.float32)[:, None, None]
    image = stain([(dye[None], colour) for dye, colour in planes], light[None])[0] * lamp
    image = ndimage.gaussian_filter(image, (0, 0.7, 0.7)) + 2.5 * rng.standard_normal(image.shape, dtype=np.float32)
    return _bytes(image), np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def nuclei(seed: tuple[int, ...], group: str):
    """One field of nuclei: image uint8 (3, H, W), label map int32 (H, W). `group` "histology" or "fluorescence"."""
    rng = np.random.default_rng(seed)
    height, width = (256, 320) if group == "histology" else (256, 256)
    size = rng.uniform(6.5, 12) if group == "histology" else rng.uniform(7, 16)
    count = int(0.28 * rng.uniform(0.4, 1.3) * height * width / (np.pi * size * size))
    amount, mask = np.zeros((height, width), np.float32), np.zeros((height, width), np.int32)
    for row, column in _places(rng, count, width, height):
        radius = size * np.exp(rng.normal(0, 0.18))
        r, _, part = _blob(rng, row, column, radius, (height, width), 0.07, long=rng.uniform(1.0, 1.7))
        if r is None:
            continue
        free = (r < 1) & (mask[part] == 0)
        if free.sum() < 12:
            continue
        mask[part][free] = mask.max() + 1
        strength = rng.uniform(0.6, 1.2)
        amount[part] = np.maximum(amount[part], _edge(1 - r, 0.25) * strength)
    c = Canvas(1, width, 2, (*seed, 7))
    fine, wide, fibres = (c.smooth(cells)[0, :height] for cells in (48, 4, 11))
    if group == "histology":
        chromatin = amount * rng.uniform(0.9, 1.5) * (1 + 0.2 * fine)
        stripes = np.cos(6 * (5 * c.y[0, :height] + 0.5 * fibres + 1.5 * wide))
        ground = rng.uniform(0.3, 0.8) * (1 + 0.25 * wide + 0.15 * stripes + 0.1 * fine) * (1 - 0.4 * amount)
        dyes = [(chromatin[None] + 0.05, HAEMATOXYLIN), (np.clip(ground, 0, None)[None], EOSIN)]
        image = stain(dyes, rng.uniform(0.88, 1.0))[0] + 3 * rng.standard_normal((3, height, width), dtype=np.float32)
    else:
        photons = amount * (1 + 0.15 * fine) + rng.uniform(0.02, 0.08) * (1 + 0.5 * wide)
        photons = ndimage.gaussian_filter(np.clip(photons, 0, None), rng.uniform(0.6, 1.6)) * rng.uniform(60, 200)
        image = np.repeat(rng.poisson(photons).astype(np.float32)[None], 3, 0) * rng.uniform(0.7, 1.0)
    return _bytes(image), mask


def _how_many(rng: np.random.Generator, kind: str, crowd: float) -> int:
    mean = CELLS[kind][1]
    return max(1, int(rng.poisson(mean * crowd))) if kind != "platelet" else int(rng.poisson(mean))


def _places(rng: np.random.Generator, count: int, width: int, height: int) -> Iterator[tuple[float, float]]:
    """Places in random order that keep some distance, so that objects touch and overlap but seldom coincide."""
    apart = 0.72 * np.sqrt(width * height / max(count, 1))
    taken: list[tuple[float, float]] = []
    for _ in range(count):
        for _ in range(12):
            at = (rng.uniform(0, height), rng.uniform(0, width))
            if all(np.hypot(at[0] - r, at[1] - q) > apart for r, q in taken):
                break
        taken.append(at)
        yield at


def _blob(rng, row, column, radius, shape, rough, long=None):
    """Distance (1 on the edge) and angle in the part of the picture around one object; None where it is outside."""
    reach = int(1.8 * radius) + 2
    long = rng.uniform(1.0, 1.25) if long is None else long
    turn, phases = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, 5)
    part = tuple(
        slice(max(0, int(at) - reach), min(n, int(at) + reach)) for at, n in zip((row, column), shape, strict=True)
    )
    y, x = (v.astype(np.float32) for v in np.ogrid[part])
    dy, dx = y - row, x - column
    dy, dx = dy * np.cos(turn) - dx * np.sin(turn), dx * np.cos(turn) + dy * np.sin(turn)
    angle = np.arctan2(dy, dx)
    wave = 1 + rough * sum(np.cos((k + 2) * angle + phase) for k, phase in enumerate(phases)) / 1.6
    r = np.hypot(dy * np.sqrt(long), dx / np.sqrt(long)) / (radius * wave)
    return (r.astype(np.float32), angle, part) if (r < 1).any() else (None, None, None)


def _nucleus(rng: np.random.Generator, r: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """One to four lobes within a white cell."""
    x, y = r * np.cos(angle), r * np.sin(angle)
    lobes, start = int(rng.integers(1, 5)), rng.uniform(0, 6.3)
    away, size = (0.1, 0.66) if lobes == 1 else (0.45, 0.40)
    total = sum(
        np.exp(-(((x - away * np.cos(start + 1.4 * k)) ** 2 + (y - away * np.sin(start + 1.4 * k)) ** 2) / size**2))
        for k in range(lobes)
    )
    return _edge(total - 0.37, 0.12)


def _edge(inside: np.ndarray, width: float) -> np.ndarray:
    """0 where negative, 1 where positive, smooth over `width`."""
    t = np.clip(inside / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
