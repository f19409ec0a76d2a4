"""Small things in 3D: lung nodules, broken ribs, adrenal glands, brain vessels with and without an aneurysm.

Signs: a malignant nodule is larger and spiculated (Swensen et al. 1997, doi 10.1001/archinte.1997.00440290031002);
a buckled rib bends its cortex without a gap, a broken one has a gap, a displaced one a step; a hyperplastic adrenal
gland has thick limbs. Glands and vessels come as shapes without grey values, like the sets they stand for (Yang et al.
2023, doi 10.1038/s41597-022-01721-8).
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, soft
from medtutor.data.phantoms.names import looks, single


def about(classes: tuple[str, ...], text: str) -> str:
    """Which of `PAINT` these classes and this text speak of; "" for none."""
    words = " ".join((text, *classes)).lower()
    return next((key for key in PAINT if key in words), "")


def _pick(labels: np.ndarray, classes: tuple[str, ...], order: list[str]) -> list[np.ndarray]:
    """For each look whether an image has it, as (n,) booleans."""
    names = np.array(looks(classes, {key: key for key in order}, order))[single(labels)]
    return [(names == key).astype(np.float32) for key in order]


def nodule(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    """A nodule in the lung, with vessels, often at the chest wall. (n, 1, D, H, W) in [0, 255]."""
    bad = c.each(_pick(labels, classes, ["benign", "malignant"])[1])
    u, v, w = c.turned()
    size = np.exp(c.draw(np.log(0.14), np.log(0.34), True)) * (1 + 0.35 * bad)
    rough = c.draw(0.0, 0.10, True) + bad * c.draw(0.0, 0.22, True)
    coarse, fine = c.smooth(4), c.smooth(9)
    spikes = np.exp(-((np.abs(fine) / 0.35) ** 2))
    stretch = c.draw(1.0, 1.35, True)
    r = (
        np.sqrt(u * u + (v * stretch) ** 2 + w * w)
        / size
        / np.clip(1 + rough * (coarse + 2.2 * (spikes - 0.4)), 0.4, 2)
    )
    body = soft(r, 0.25 + 0.5 * rough)
    ground = c.draw(0.55, 1.0, True)  # part-solid nodules exist in both classes
    hard = (c.draw(0, 1, True) > 0.8) * (1 - bad)

    lung = -860 + 40 * coarse + c.draw(-30, 40)
    tubes = ladder(0.16 - np.hypot(c.smooth(4), c.smooth(4)), -0.03, 0.06) * c.draw(0.3, 1.0, True)
    hu = lung + tubes * (40 - lung)
    hu = hu + body * ground * (35 + 20 * coarse - hu) + body * hard * soft(r / 0.5, 0.5) * 400
    wall = ladder(u + 0.15 * v * v + 0.06 * coarse - c.draw(0.25, 1.6, True), -0.03, 0.03)
    rib = ladder(np.cos(6 * v + c.draw(0, 6, True)), 0.4, 0.7) * ladder(u - c.draw(0.6, 1.6), -0.05, 0.05)
    hu = hu + wall * (40 + 450 * rib - hu)
    hu = hu + c.draw(15, 60, True) * c.noise()
    low, high = c.draw(-1080, -960, True), c.draw(250, 500, True)
    return (255 * np.clip((hu - low) / (high - low), 0, 1))[:, None]


def rib(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    """A rib between muscle and lung, with a fracture near the middle. (n, 1, D, H, W) in [0, 255]."""
    order = ["buckle", "nondisplaced", "displaced"]
    buckle, crack, step = map(c.each, _pick(labels, classes, order))
    u, v, w = c.turned()
    w0 = c.draw(-0.2, 0.2, True)
    along = w - w0
    after = ladder(along, -0.02, 0.02)
    bend = c.draw(0.05, 0.25, True)
    kink = buckle * c.draw(0.05, 0.13, True) * np.exp(-((along / 0.22) ** 2)) + 0.02 * c.smooth(4)
    shift = step * c.draw(0.10, 0.24, True) * after + 0.12 * step * c.draw(-1, 1, True) * after * along
    du = u - bend * w * w - kink - shift
    dv = v - step * c.draw(-0.12, 0.12, True) * after
    r = np.hypot(du / c.draw(0.20, 0.27, True), dv / c.draw(0.32, 0.44, True)) / (1 + 0.25 * kink / 0.1 * buckle)
    slant = along - c.draw(-0.8, 0.8, True) * du
    gap = (crack * c.draw(0.5, 1.0, True) + step) * np.exp(-((slant / (0.05 + 0.05 * step)) ** 2))
    shell = np.exp(-(((r - 0.88) / 0.16) ** 2))
    callus = 0.5 * np.exp(-((along / 0.2) ** 2)) * np.exp(-(((r - 1.1) / 0.25) ** 2)) * c.draw(-1, 1, True)
    bone = soft(r, 0.2) * (180 + 90 * c.smooth(8)) + 750 * shell * c.draw(0.7, 1.1) + 350 * np.clip(callus, 0, 1)
    bone = bone * (1 - 0.85 * gap)

    lung = ladder(u - 0.25 * w * w - 0.45 - c.draw(0, 0.3, True), -0.03, 0.03)
    flesh = 30 + 90 * np.clip(c.smooth(5), -1.2, 0.6)
    hu = flesh * (1 - lung) - 830 * lung + bone * (1 - lung) + c.draw(20, 60, True) * c.noise()
    low, high = c.draw(-250, -150, True), c.draw(800, 1100, True)
    return (255 * np.clip((hu - low) / (high - low), 0, 1))[:, None]


def adrenal(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    """The shape of an adrenal gland: two limbs that meet at an angle. (n, 1, D, H, W), 0 or 255 but at the edge."""
    thick = c.each(_pick(labels, classes, ["normal", "hyperplasia"])[1])
    u, v, w = c.turned()
    scale = np.exp(c.draw(-0.38, 0.30, True))
    u, v, w = u / scale + 0.25, v / scale + 0.06 * c.smooth(3), w / scale
    lumps = c.smooth(5)
    far = np.full((c.n,) + (c.size,) * 3, 9, np.float32)
    half = c.draw(0.2, 0.6, True)
    for side in (-1, 1):
        angle = side * half * (1 + 0.4 * w) + c.draw(-0.15, 0.15, True)
        long = c.draw(0.6, 1.0, True) * np.sqrt(np.clip(1 - (w / c.draw(0.6, 0.9, True)) ** 2, 0, 1))
        on = np.clip(u * np.cos(angle) + v * np.sin(angle), 0, long)
        width = c.draw(0.075, 0.125, True) * (1 + 0.4 * thick * (1 + 0.5 * lumps) + 0.12 * lumps)
        taper = np.clip(width * (1.1 - 0.4 * on / np.maximum(long, 0.05)), 0.02, None)
        edge = np.sqrt((u - on * np.cos(angle)) ** 2 + (v - on * np.sin(angle)) ** 2)
        far = np.minimum(far, np.where(long > 0.02, edge / taper, 9))
    return (255 * ladder(1.0 - far, -0.25, 0.25))[:, None]


def vessel(c: Canvas, labels: np.ndarray, classes: tuple[str, ...]) -> Field:
    """The shape of a brain vessel that branches, with or without a sac. (n, 1, D, H, W), 0 or 255 but at the edge."""
    sac = c.each(_pick(labels, classes, ["vessel", "aneurysm"])[1])
    u, v, w = c.turned()
    width = np.exp(c.draw(np.log(0.09), np.log(0.20), True))
    width = width * (1 + 0.2 * c.smooth(3))
    wave, wave2 = c.draw(0, 6.3, True), c.draw(0, 6.3, True)
    bow = c.draw(0.1, 0.35, True)
    pu, pv = bow * np.sin(2.2 * w + wave), bow * np.sin(1.8 * w + wave2)
    r = np.hypot(u - pu, v - pv) / width
    spread = c.draw(0.5, 1.1, True)
    turn = c.draw(0, 6.3, True)
    fork = np.clip(w - c.draw(-0.3, 0.3, True), 0, None)
    second = np.hypot(u - pu - spread * fork * np.cos(turn), v - pv - spread * fork * np.sin(turn)) / (0.75 * width)
    r = np.minimum(r, np.where(fork > 0, second, 9))
    # The sac sits beside the trunk, off its axis; a bend seen end-on can look like one.
    at, side = c.draw(-0.35, 0.35, True), c.draw(0, 6.3, True)
    big = c.draw(0.15, 0.34, True)
    away = 0.9 * big + 0.5 * width
    du = u - bow * np.sin(2.2 * at + wave) - away * np.cos(side)
    dv = v - bow * np.sin(1.8 * at + wave2) - away * np.sin(side)
    ball = np.sqrt(du * du + dv * dv + (w - at) ** 2) / (big * (1 + 0.1 * c.smooth(4)))
    r = np.where(sac > 0, np.minimum(r, ball), r)
    return (255 * ladder(1.0 - r, -0.2, 0.2))[:, None]


PAINT = {"nodule": nodule, "fracture": rib, "adrenal": adrenal, "hyperplasia": adrenal, "aneurysm": vessel}
