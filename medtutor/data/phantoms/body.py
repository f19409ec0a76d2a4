"""A trunk of ellipsoids in Hounsfield units, from the bases of the neck to the thighs, with contrast in the vessels.

Coordinates in cm: x to the patient's left, y to the back, z to the head; 0 lies between the kidneys. Positions
are rough and ours. Without contrast, soft tissue lies near 50 HU and fat near -100 (Lamba et al. 2014, PMC5015439,
measured how much that varies between scanners); how far contrast lifts an organ is an assumption.
"""

from __future__ import annotations

import numpy as np

from medtutor.data.phantoms.canvas import Canvas, Field, ladder, soft

AIR, FAT, MUSCLE, BONE = -1000.0, -100.0, 55.0, 550.0

# Centre (x, y, z), radii (x, y, z), HU.
ORGANS = {
    "lung-right": ((-6.8, -0.5, 13.0), (5.6, 7.2, 10.5), -850.0),
    "lung-left": ((6.8, -0.5, 13.0), (5.2, 7.2, 10.5), -850.0),
    "heart": ((2.2, -3.2, 10.0), (5.2, 4.4, 4.8), 140.0),
    "liver": ((-6.2, -0.8, 2.6), (7.6, 7.4, 6.6), 105.0),
    "lobe": ((0.8, -5.0, 3.6), (6.0, 3.4, 3.2), 105.0),
    "stomach": ((6.2, -3.6, 2.4), (4.3, 3.6, 4.2), 25.0),
    "spleen": ((9.8, 3.6, 2.2), (2.7, 3.9, 4.8), 120.0),
    "pancreas": ((1.2, -0.6, -1.8), (6.2, 1.5, 1.7), 90.0),
    "kidney-left": ((6.2, 4.6, -3.6), (2.7, 2.6, 5.2), 175.0),
    "kidney-right": ((-6.2, 4.6, -4.8), (2.7, 2.6, 5.2), 175.0),
    "bladder": ((0.0, -3.6, -30.0), (4.2, 3.4, 3.4), 8.0),
    "femur-left": ((9.6, 0.2, -32.0), (2.6, 2.6, 2.8), BONE),
    "femur-right": ((-9.6, 0.2, -32.0), (2.6, 2.6, 2.8), BONE),
}


class Body:
    """One trunk for each patient of a canvas: organs moved and scaled at random."""

    def __init__(self, c: Canvas):
        self.c = c
        self.wide, self.deep = c.draw(15.0, 18.5), c.draw(9.8, 12.5)
        self.lean = c.draw(0.80, 0.93)  # where the fat of the skin begins, as a share of the radius
        self.contrast = c.draw(0.35, 1.1)
        self.at, self.radii = {}, {}
        stretch = [self.wide / 16.7, self.deep / 11.0, c.draw(0.92, 1.08)]
        for name, (centre, radii, _) in ORGANS.items():
            self.at[name] = [centre[i] * stretch[i] + c.draw(-0.6, 0.6) for i in range(3)]
            self.radii[name] = [radii[i] * stretch[i] * c.draw(0.88, 1.14) for i in range(3)]

    def distance(self, name: str, x: Field, y: Field, z: Field) -> Field:
        """1 on the surface of an organ."""
        parts = [(v - a) / r for v, a, r in zip((x, y, z), self.at[name], self.radii[name], strict=True)]
        return np.sqrt(sum(part * part for part in parts))

    def hounsfield(self, x: Field, y: Field, z: Field) -> Field:
        """HU at these points; x, y and z broadcast to the canvas."""
        c = self.c
        lumps, fine = c.smooth(4, 2), c.smooth(12)
        r = np.sqrt((x / self.wide) ** 2 + (y / self.deep) ** 2)
        hu = np.full(np.broadcast_shapes(r.shape, lumps.shape), FAT, np.float32)

        def put(mask: Field, value: Field) -> None:
            hu[...] = hu + mask * (value - hu)

        # The wall: muscle within the fat of the skin; fat, bowel and vessels within.
        wall = self.lean + 0.01 * lumps
        inner = wall - 0.09
        put(ladder(wall - r, -0.01, 0.01), MUSCLE)
        put(ladder(inner - r, -0.01, 0.01) * ladder(z, -34, -30), FAT + 8 * fine)
        loops = soft(np.abs(fine + 0.5 * lumps) / 0.9, 0.5) * ladder(-z, 2, 5) * ladder(z, -27, -23)
        cavity = ladder(inner - r, 0.04, 0.08) * ladder(4.0 - y, -0.5, 0.5)
        put(loops * cavity, 35 + 20 * lumps)
        put(ladder(fine - 1.1, -0.1, 0.1) * loops * cavity * ladder(-y, -1, 1), -700.0)
        put(soft(np.hypot((np.abs(x) - 3.6) / 1.7, (y - 4.6) / 2.0), 0.2) * ladder(-z, 1, 4), MUSCLE)  # psoas

        # Ribs slant downwards to the front; pelvis and spine.
        rib = np.cos(2 * np.pi * (z + 0.35 * y) / 2.4)
        cage = np.exp(-(((r - inner - 0.03) / 0.028) ** 2)) * ladder(z, -2, 1) * ladder(y, -9, -6)
        put(cage * ladder(rib, 0.1, 0.5), BONE)
        wing = np.sqrt(((np.abs(x) - 6.2) / 5.6) ** 2 + ((y - 2.2) / 6.0) ** 2 + ((z + 23) / 9.0) ** 2)
        put(np.exp(-(((wing - 0.93) / 0.08) ** 2)) * ladder(y, -3, 0), BONE)

        # Thoracic and abdominal organs, in order: the later lies over the earlier.
        for name, (_, _, value) in ORGANS.items():
            edge = 0.30 / float(np.mean(self.radii[name]))
            d = self.distance(name, x, y, z) / (1 + (0.05 + 0.06 * (name in ("pancreas", "stomach"))) * lumps)
            if name.startswith("lung"):
                dome = self.at["liver"][2] + 3.6 - 0.035 * ((np.abs(x) - 6) ** 2 + y * y)
                mask = soft(d, edge) * ladder(z - dome, -0.2, 0.2)
                put(mask, value + 45 * np.clip(lumps, 0, None) + 160 * np.clip(fine - 0.7, 0, None))
            elif name.startswith("femur"):
                self._femur(put, name, d, x, y, z)
            else:
                base = 45.0 if value > 60 else value
                put(soft(d, edge), base + (value - base) * self.contrast + 6 * fine)
                if name.startswith("kidney"):
                    put(soft(d / 0.52, 0.5), -20 + 90 * self.contrast)  # the pelvis, with its fat
                if name == "stomach":
                    put(soft(d / 0.93, edge) * ladder(self.at[name][1] - 0.9 - y, 0, 0.25), -900.0)
        vertebra = 0.5 + 0.5 * np.tanh(4 * np.cos(2 * np.pi * z / 3.1) + 3)
        put(soft(np.hypot(x / 2.3, (y - 6.3) / 1.9), 0.12), 80 + 170 * vertebra + 25 * fine)
        put(soft(np.hypot(x / 1.0, (y - 9.0) / 0.8), 0.3), 30.0)  # the canal
        put(np.exp(-((x / 0.5) ** 2)) * ladder(y, 9.6, 10) * ladder(wall - r, 0, 0.03), 350.0)
        put(soft(np.hypot((x - 0.9) / 1.15, (y - 3.4) / 1.15), 0.15) * ladder(z, -17, -15), 45 + 130 * self.contrast)
        put(soft(np.hypot((x + 1.9) / 1.25, (y - 3.2) / 1.0), 0.15) * ladder(8 - z, 0, 2), 45 + 95 * self.contrast)
        put(1 - ladder(1.0 - r, -0.005, 0.015), AIR)
        return hu

    def _femur(self, put, name: str, head: Field, x: Field, y: Field, z: Field) -> None:
        """Head, neck and shaft: a shell of hard bone around marrow."""
        side = -1 if name.endswith("right") else 1
        ax, ay, az = self.at[name]
        down = np.clip(az - z, 0, None)
        out = np.clip(down * 0.9, 0, 3.6)
        shaft = np.hypot(x - ax - side * out, y - ay) / 1.75
        shaft = np.where(z < az, shaft, 9)
        d = np.minimum(head, shaft)
        put(soft(d, 0.15), BONE + 250.0)
        put(soft(d / 0.78, 0.25), 130.0)
