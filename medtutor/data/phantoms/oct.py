"""Optical coherence tomography of the macula: layers of the retina over a bright pigment epithelium, with speckle.

Each layer has a reflectivity; the picture is its logarithm, times speckle (Schmitt et al. 1999, doi 10.1117/1.429925).
Drusen lift the epithelium in bumps, fluid is dark: within the retina in diabetic oedema, below it over new vessels
(Kermany et al. 2018, doi 10.1016/j.cell.2018.02.010, names the four classes). y is depth, columns are scan lines.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder
from medtutor.data.phantoms.names import looks, single

# Bumps (drusen), one large bump (new vessels), fluid below the retina, cysts within it, swelling: the most of each.
LOOKS = {
    "normal": (0.0, 0.0, 0.0, 0.0, 0.0),
    "drusen": (1.0, 0.0, 0.0, 0.0, 0.0),
    "vessels": (0.3, 1.0, 0.8, 0.3, 0.3),
    "oedema": (0.0, 0.0, 0.2, 1.0, 1.0),
    "detached": (0.0, 0.0, 1.5, 0.0, 0.2),
    "thin": (0.4, 0.0, 0.0, 0.0, -1.0),
}
WORDS = {"drusen": "drusen", "neovasc": "vessels", "cnv": "vessels", "edema": "oedema", "oedema": "oedema"}
WORDS |= {"dme": "oedema", "normal": "normal", "serous": "detached", "atroph": "thin"}

# Height above the epithelium (as a share of the retina), width and reflectivity of each bright layer.
LAYERS = ((0.03, 0.035, 1.0), (0.12, 0.02, 0.55), (0.40, 0.04, 0.28), (0.60, 0.08, 0.34), (0.95, 0.06, 0.62))


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...], about: str = "") -> Field:
    """(n, 1, H, W) in [0, 255]."""
    look = np.array([LOOKS[key] for key in looks(classes, WORDS, list(LOOKS))], np.float32)[single(labels)]
    bumps, lump, below, cysts, swollen = (c.each(part) * c.draw(0.35, 1.0, True) for part in look.T)
    x, y = c.x, c.y
    fovea, wide = c.draw(-0.3, 0.3, True), c.draw(0.22, 0.4)
    near = np.exp(-(((x - fovea) / wide) ** 2))

    # Curves along the scan, (n, 1, W): the epithelium with what lifts it, then the retina with its pit.
    floor = c.draw(0.15, 0.5, True) + c.draw(-0.22, 0.22, True) * (x + c.draw(-0.5, 0.5)) + c.draw(-0.15, 0.1) * x * x
    lift = 0.09 * bumps * _hills(c, 6, (0.04, 0.10)) + 0.012 * _hills(c, 8, (0.03, 0.08))
    lift = lift + 0.34 * lump * _hills(c, 1, (0.14, 0.34), 0.35)
    fluid = 0.2 * below * _hills(c, 1, (0.2, 0.4), 0.35)
    pit = c.draw(0.35, 0.6) * near
    thick = c.draw(0.46, 0.66) * (1 + 0.35 * swollen) * (1 - pit * (1 - 0.7 * np.clip(swollen, 0, 1)))
    thick = thick + 0.10 * c.draw(-1, 1) * x

    height = floor - y  # above the resting epithelium
    u = (height - lift - fluid) / thick
    signal = 0.10 * ladder(u, -0.02, 0.02) * ladder(1.02 - u, -0.02, 0.02) + 0.012
    for at, width, bright in LAYERS[1:]:
        fade = 1 - 1.4 * pit * (at > 0.5)
        signal = signal + bright * fade * np.exp(-(((u - at) / width) ** 2))
    epithelium = np.exp(-(((height - lift) / 0.028) ** 2))
    rough = 1 - 0.6 * np.clip(lump, 0, 1) * ladder(lift, 0.03, 0.12) * ladder(c.smooth(9), -0.5, 0.6)
    signal = signal + epithelium * rough

    # Below: what fills the bumps, the choroid with its dark vessels, light that fades.
    filled = ladder(height, -0.01, 0.03) * ladder(lift - height, -0.01, 0.03)
    signal = signal + filled * (0.16 + 0.3 * np.clip(lump, 0, 1) * (1 + 0.6 * c.smooth(10)))
    depth = np.clip(-height, 0, None)
    choroid = np.exp(-depth / c.draw(0.18, 0.35)) * ladder(-height, -0.01, 0.05)
    first, _, which = c.cells(9, y=y * 1.2, x=x)
    signal = signal + choroid * c.draw(0.2, 0.45) * (1 - 0.6 * ladder(0.5 - first, 0, 0.2) * (which > 0.4))

    # Cysts: dark ovals in the inner and outer nuclear layers, most near the fovea.
    first, _, which = c.cells(8, y=y * 0.8, x=x)
    hollow = ladder(0.42 * np.clip(cysts, 0, 1.2) + 0.08 - first, -0.06, 0.06) * (which < 0.75)
    where = ladder(u, 0.16, 0.24) * ladder(0.82 - u, 0, 0.1) * ladder(near, 0.15, 0.5)
    signal = signal * (1 - 0.9 * hollow * where * np.clip(4 * cysts, 0, 1))

    # Vessels of the inner retina cast shadows down their columns.
    shade = 1 - 0.6 * np.clip(_hills(c, 3, (0.02, 0.04)), 0, 1) * ladder(0.75 - u, 0, 0.1)
    speckle = np.clip(c.speckle(0.014, 0.018), 0.15, None)
    light = np.clip(signal, 0.01, None) * shade * speckle**0.8 * c.draw(0.5, 1.3, True) + 0.008 * c.draw(0.3, 2.0)
    low = c.draw(-4.2, -3.4, True)
    return (255 * np.clip((np.log(light) - low) / (c.draw(0.1, 0.6, True) - low), 0, 1))[:, None]


def _hills(c: Canvas, count: int, widths: tuple[float, float], centre: float = 0.9) -> Field:
    """(n, 1, W): the sum of `count` hills of height 0.4 to 1 along the scan."""
    at, width = c.scatter(count, -centre, centre), c.scatter(count, *widths)
    tall = c.scatter(count, 0.4, 1.0)
    hills = tall[..., None] * np.exp(-(((c.axis - at[..., None]) / width[..., None]) ** 2))
    return hills.sum(1, keepdims=True)
