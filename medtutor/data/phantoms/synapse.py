"""Electron microscopy of a synapse in 3D: two membranes, a cleft, vesicles on one side, density on the other.

Excitatory synapses are asymmetric (a thick density behind the cleft) with round vesicles, inhibitory ones symmetric
with thin densities and flatter vesicles (Gray 1959, PMID 13829103; Colonnier 1968, doi 10.1016/0006-8993(68)90031-X).
Osmium absorbs electrons: what is dense is dark.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder
from medtutor.data.phantoms.names import looks, single

# Thickness of the density behind the cleft, and in front; how long vesicles are to how wide; how wide the contact is.
LOOKS = {
    "inhibitory": (0.035, 0.030, 1.45, 0.38),
    "excitatory": (0.100, 0.030, 1.00, 0.45),
    "thick": (0.14, 0.05, 1.0, 0.6),
    "small": (0.06, 0.02, 1.2, 0.25),
}
WORDS = {"inhib": "inhibitory", "excit": "excitatory"}


def paint(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    """(n, 1, D, H, W) in [0, 255]."""
    look = np.array([LOOKS[key] for key in looks(classes, WORDS, list(LOOKS))], np.float32)[single(labels)]
    behind, front, long, wide = map(c.each, look.T)
    vary = [np.exp(c.draw(-0.3, 0.3, True)) for _ in range(4)]
    u, v, away = c.turned()
    away = away + 0.12 * c.smooth(2) + c.draw(-0.15, 0.15, True)
    off = np.hypot(u, v)
    contact = ladder(wide * vary[0] * 1.3 - off, -0.05, 0.10)

    cleft = 0.05
    membranes = np.exp(-(((away - cleft) / 0.03) ** 2)) + np.exp(-(((away + cleft) / 0.03) ** 2))
    thick = behind * vary[1]
    density = ladder(away, cleft - 0.02, cleft + 0.02) * ladder(cleft + 2.2 * thick - away, -0.03, 0.05)
    thin = ladder(-away, cleft - 0.02, cleft + 0.02) * ladder(cleft + 2.2 * front * vary[2] - (-away), -0.03, 0.03)
    dark = 0.75 * np.clip(membranes, 0, 1) + contact * (0.75 * density + 0.6 * thin) * (1 + 0.2 * c.smooth(9))

    # Vesicles: dark shells in front of the cleft. Their centres are drawn at random, their shape is the class's.
    shells = 0
    count = 14
    at = [c.scatter(count, -0.6, 0.6) for _ in range(2)]
    depth = c.scatter(count, 0.16, 0.65)
    flat = np.clip(long * np.exp(c.draw(-0.2, 0.2, True)), 0.8, 2)
    for k in range(count):
        du, dv, dw = u - c.each(at[0][:, k]), v - c.each(at[1][:, k]), away + cleft + c.each(depth[:, k])
        r = np.sqrt((du / flat) ** 2 + dv * dv + (dw * flat) ** 2) / 0.085
        shells = np.maximum(shells, np.exp(-(((r - 0.9) / 0.4) ** 2)))
    dark = dark + 0.5 * shells + 0.10 * c.smooth(8) + 0.08 * c.smooth(3)
    # A second membrane or two of neighbours, anywhere.
    wall = np.abs(c.smooth(2) - c.draw(0.6, 1.2, True)) / 0.12
    dark = dark + 0.6 * np.exp(-(wall**2)) * ladder(np.abs(away), 0.3, 0.5)
    grey = c.draw(0.62, 0.85, True) - c.draw(0.4, 0.62, True) * dark
    return (255 * (grey + 0.06 * c.noise()))[:, None]
