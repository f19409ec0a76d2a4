"""Histology: thin sections stained with haematoxylin (nuclei, blue) and eosin (the rest, pink), by Beer-Lambert.

The two dyes absorb as Ruifrok and Johnston measured (Anal Quant Cytol Histol 23, 291-299, 2001). A tissue is a
crowd of nuclei with a density, size and stretch of their own, in fibres, glands or fat. How long a section lay in each
dye varies more between laboratories than the tissues differ in colour.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, stain
from medtutor.data.phantoms.names import looks, single

HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)

# Share of places with a nucleus, its radius (in cells), its spread, stretch, depth of dye; eosin, contrast of fibres,
# their waviness; then how much gland, lumen, fat and blue slime.
LOOKS = {
    "fat": (0.10, 0.22, 0.3, 1.5, 1.2, 0.75, 0.0, 0.2, 0.0, 0.0, 1.0, 0.0),
    "glass": (0.00, 0.20, 0.0, 1.0, 0.0, 0.06, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0),
    "debris": (0.60, 0.17, 1.2, 1.0, 0.9, 0.60, 0.0, 0.9, 0.0, 0.3, 0.0, 0.1),
    "lymphocytes": (0.93, 0.37, 0.2, 1.0, 1.6, 0.30, 0.1, 0.2, 0.0, 0.0, 0.0, 0.0),
    "mucus": (0.06, 0.28, 0.3, 1.3, 1.0, 0.14, 0.3, 0.9, 0.0, 0.4, 0.0, 1.0),
    "muscle": (0.28, 0.27, 0.3, 2.6, 1.0, 0.95, 0.45, 0.12, 0.0, 0.0, 0.0, 0.0),
    "mucosa": (0.80, 0.36, 0.2, 1.2, 1.2, 0.45, 0.1, 0.2, 1.0, 0.3, 0.0, 0.3),
    "stroma": (0.30, 0.27, 0.4, 2.1, 1.1, 0.70, 0.45, 0.55, 0.0, 0.1, 0.0, 0.1),
    "tumour": (0.88, 0.46, 0.5, 1.25, 1.0, 0.50, 0.1, 0.3, 0.25, 0.6, 0.0, 0.0),
}
WORDS = {"adipose": "fat", "background": "glass", "debris": "debris", "lympho": "lymphocytes", "mucus": "mucus"}
WORDS |= {"muscle": "muscle", "mucosa": "mucosa", "stroma": "stroma", "carcinoma": "tumour", "tumo": "tumour"}
WORDS |= {"normal": "mucosa", "benign": "mucosa", "malig": "tumour", "cancer": "tumour", "metasta": "tumour"}
ORDER = [key for key in LOOKS if key != "glass"]  # an unknown class is a tissue


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 3, H, W) in [0, 255]."""
    look = np.array([LOOKS[key] for key in looks(classes, WORDS, ORDER)], np.float32)[single(labels)]
    spread = np.where(look.T > 1e-6, np.exp([c.rng.uniform(-0.22, 0.22, c.n) for _ in look.T]), 1)
    many, size, vary, stretch, depth, pink, fibre, wave, gland, lumen, fat, slime = map(c.each, look.T * spread)
    warp, patch, fine = c.smooth(3, 2), c.smooth(5, 2), c.smooth(20)
    turn, zoom = c.draw(0, 2 * np.pi, True), c.draw(0.85, 1.2, True)
    x, y = c.x * np.cos(turn) + c.y * np.sin(turn), c.y * np.cos(turn) - c.x * np.sin(turn)
    along, across = zoom * x, zoom * (y + 0.25 * wave * warp)

    # Large units: fat cells, or glands of a ring of nuclei around a pale centre.
    first, second, _ = c.cells(3, y=0.85 * zoom * y + 0.10 * warp, x=0.85 * zoom * x + 0.10 * patch)
    edge = second - first
    wall = np.exp(-((edge / 0.07) ** 2))
    ring = np.exp(-(((edge - 0.30) / 0.16) ** 2))
    hollow = ladder(edge, 0.45, 0.62)
    gap = ladder(patch + 0.5 * warp, 1.5 - 0.9 * lumen, 1.9 - 0.9 * lumen) * np.clip(3 * lumen, 0, 1)

    # Nuclei: cells drawn with a probability, stretched along the fibres.
    first, _, which = c.cells(13, y=across, x=along / np.clip(stretch, 1, 3))
    chance = many * (1 - gland + gland * (0.35 + 0.9 * ring - 0.9 * hollow)) * (1 - gap)
    chance = chance * (1 - fat + 3.0 * fat * wall)
    there = ladder(chance - which, -0.02, 0.02)
    big = size * (1 + vary * (np.modf(which * 97)[0] - 0.5))
    nuclei = ladder(big - first, -0.05, 0.09) * there
    chromatin = depth * (1 + 0.25 * fine) * (0.8 + 0.4 * np.modf(which * 31)[0])

    # The ground: eosin in fibres, absent from lumen and fat.
    stripes = np.cos(2 * np.pi * (4.5 * across + 0.35 * patch))
    ground = pink * (0.85 + 0.2 * patch + (0.08 + 0.2 * (vary > 0.8)) * fine + fibre * stripes)
    cracks = ladder(np.cos(2 * np.pi * (2.1 * across + 0.5 * warp)), 0.85, 0.98) * np.clip(2 * fibre, 0, 1)
    ground = ground * (1 - 0.6 * cracks) * (1 - 0.95 * gap) * (1 - 0.65 * gland * hollow)
    ground = np.clip(ground * (1 - fat + fat * (0.04 + wall)), 0, None)
    blue = slime * (0.22 + 0.10 * np.cos(2 * np.pi * (2.5 * across + 0.8 * warp)) + 0.05 * patch)
    blue = np.clip(blue, 0, None) * (1 - gap) * (1 - gland + gland * hollow)
    blue = blue + nuclei * chromatin + 0.06 * pink * (1 - nuclei)

    thick = c.draw(0.65, 1.35, True)
    dyes = [(blue * thick * c.draw(0.6, 1.35, True), HAEMATOXYLIN), (ground * thick * c.draw(0.55, 1.4, True), EOSIN)]
    rgb = stain(dyes, c.draw(0.86, 1.0, True))
    lamp = np.stack([c.draw(low, 1.0, True) + 0 * c.x for low in (0.93, 0.90, 0.93)], 1)
    return rgb * lamp + 2.5 * np.stack([c.noise() for _ in range(3)], 1)
