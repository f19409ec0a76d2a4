"""The drawing board of all phantoms: a batch of empty pictures with coordinates from -1 to 1, and a few brushes.

Two random streams: `rng` draws anatomy, with the same numbers at every size; `grain` draws the noise of pixels.
Fields are float32 of shape (n, H, W) or (n, D, H, W); x grows to the right, y downwards, z with the first axis.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

Field = np.ndarray


class Canvas:
    """`n` pictures of `size` pixels a side. `owner` (n,) says which pictures share one patient, hence one anatomy."""

    def __init__(self, n: int, size: int, ndim: int = 2, seed: tuple[int, ...] = (0,), owner: np.ndarray | None = None):
        self.n, self.size, self.ndim = n, size, ndim
        self.rng = np.random.default_rng([*seed, 0])
        self.grain = np.random.default_rng([*seed, 1])
        self.owner = np.arange(n) if owner is None else owner
        self.axis = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
        self.x = self.axis.reshape((1,) * ndim + (size,))
        self.y = self.axis.reshape((1,) * (ndim - 1) + (size, 1))
        self.z = self.axis.reshape(1, size, 1, 1) if ndim == 3 else np.float32(0)
        self._pose = (np.float32(1), np.float32(0), np.float32(0), np.float32(0))

    def each(self, values) -> Field:
        """(n,) values as a field that broadcasts over the pixels."""
        return np.asarray(values, np.float32).reshape((-1,) + (1,) * self.ndim)

    def draw(self, low: float, high: float, by_image: bool = False) -> Field:
        """One uniform number a patient (or an image), as a field that broadcasts."""
        n = self.n if by_image else int(self.owner.max()) + 1
        values = low + (high - low) * self.rng.random(n)
        return self.each(values if by_image else values[self.owner])

    def pose(self, turn: float = 0, shift: float = 0, scale: float = 0) -> None:
        """Turn (degrees, in the x-y plane), shift and scale every picture by random amounts up to these."""
        angle = np.deg2rad(self.draw(-turn, turn, True))
        size = np.exp(self.draw(-scale, scale, True))
        right, down = self.draw(-shift, shift, True), self.draw(-shift, shift, True)
        cos, sin = np.cos(angle) / size, np.sin(angle) / size
        x, y = self.x - right, self.y - down
        self.x, self.y = x * cos + y * sin, y * cos - x * sin
        self._pose = (size * size * cos, size * size * sin, right, down)

    def turned(self) -> tuple[Field, Field, Field]:
        """3D: the coordinates along three axes at right angles, turned at random in each picture."""
        axes, upper = np.linalg.qr(self.rng.standard_normal((self.n, 3, 3)))
        axes = axes * np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, None]  # uniform over all turns
        return tuple(
            self.each(axes[:, 0, k]) * self.x + self.each(axes[:, 1, k]) * self.y + self.each(axes[:, 2, k]) * self.z
            for k in range(3)
        )

    def smooth(self, cells: int, octaves: int = 1) -> Field:
        """Random fields of unit variance with about `cells` bumps across, the same at every size (cubic B-splines)."""
        total, power = 0, 0.0
        for octave in range(octaves):
            count, weight = cells * 2**octave, 0.6**octave
            field = self.rng.standard_normal((self.n,) + (count + 3,) * self.ndim, dtype=np.float32)
            total = total + weight * _along_axes(field, _spline(count, self.size))
            power += weight**2
        return total / np.float32(np.sqrt(power))

    def noise(self) -> Field:
        """White noise of unit variance, a number a pixel."""
        return self.grain.standard_normal((self.n,) + (self.size,) * self.ndim, dtype=np.float32)

    def dots(self, y: Field, x: Field, sigma: Field, amount: Field, sigma_x: Field | None = None) -> Field:
        """The sum of k Gaussian dots a picture; all arguments broadcast to (n, k). 2D, positions before the pose."""
        c, s, right, down = (np.asarray(v).reshape(-1, 1) for v in self._pose)
        y, x = np.atleast_2d(y), np.atleast_2d(x)
        y, x = x * s + y * c + down, x * c - y * s + right
        sigma = np.atleast_2d(np.asarray(sigma, np.float32))
        sigma_x = sigma if sigma_x is None else np.atleast_2d(sigma_x)
        rows = np.exp(-(((self.axis - y[..., None]) / sigma[..., None]) ** 2)) * np.atleast_2d(amount)[..., None]
        columns = np.exp(-(((self.axis - x[..., None]) / sigma_x[..., None]) ** 2))
        return np.swapaxes(rows, 1, 2).astype(np.float32) @ columns.astype(np.float32)

    def scatter(self, k: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
        """(n, k) uniform numbers by patient, for `dots`."""
        values = self.rng.random((int(self.owner.max()) + 1, k))[self.owner]
        return (low + (high - low) * values).astype(np.float32)

    def speckle(self, fine: float, wide: float) -> Field:
        """2D: fully developed speckle, the amplitude of a blurred complex Gaussian field, mean 1 (Rayleigh).

        `fine` and `wide` are the spreads of the blur along y and x, in units of the canvas. Speckle is drawn with the
        anatomy: a second scan of the same tissue shows the same grains. Goodman 1976, doi 10.1364/JOSA.66.001145.
        """
        # A cubic B-spline is nearly a Gaussian with a spread of 0.58 cells.
        down, right = (_spline(round(2 * 0.58 / spread), self.size) for spread in (fine, wide))
        grains = self.rng.standard_normal((2, self.n, down.shape[1], right.shape[1]), dtype=np.float32)
        parts = down @ grains @ right.T
        return np.hypot(parts[0], parts[1]) / np.float32(np.sqrt(np.pi / 2))

    def cells(self, count: int, jitter: float = 0.9, y: Field | None = None, x: Field | None = None):
        """Worley's cellular noise, `count` cells across: distance to the nearest centre, to the second, and a number.

        Distances are in cells; the number (0 to 1) belongs to the cell. Worley 1996, doi 10.1145/237170.237267.
        """
        y = (self.y if y is None else y) * np.float32(count / 2) + np.float32(count / 2)
        x = (self.x if x is None else x) * np.float32(count / 2) + np.float32(count / 2)
        y, x = np.broadcast_arrays(y, x)
        y, x = (np.broadcast_to(v, (self.n,) + v.shape[1:]) for v in (y, x))
        side = 2 * count + 8  # a margin: a pose may look beyond the picture, where the pattern repeats
        centres = self.rng.random((3, self.n, side, side), dtype=np.float32)
        down, right, number = np.pad(centres, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap").reshape(3, -1)
        down, right = (np.float32(0.5) + np.float32(jitter) * (v - np.float32(0.5)) for v in (down, right))
        row, column = np.floor(y), np.floor(x)
        part_y, part_x = y - row, x - column
        width = side + 2
        home = (row.astype(np.int32) % side + 1) * width + column.astype(np.int32) % side + 1
        home += (np.arange(self.n, dtype=np.int32) * width * width).reshape(-1, 1, 1)
        best, second, nearest = np.full(y.shape, 9, np.float32), np.full(y.shape, 9, np.float32), home
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                at = home + (i * width + j)
                away_y, away_x = down.take(at) + (np.float32(i) - part_y), right.take(at) + (np.float32(j) - part_x)
                away = away_y * away_y + away_x * away_x
                nearest = np.where(away < best, at, nearest)
                second = np.minimum(second, np.maximum(best, away))
                best = np.minimum(best, away)
        return np.sqrt(best), np.sqrt(second), number.take(nearest)


def radius(dy: Field, dx: Field, ry: Field, rx: Field, angle: Field = 0.0) -> Field:
    """The distance from the centre of an ellipse, 1 on its edge. `angle` in radians turns it."""
    if np.any(angle):
        cos, sin = np.cos(angle), np.sin(angle)
        dy, dx = dy * cos - dx * sin, dx * cos + dy * sin
    return np.hypot(dy / ry, dx / rx)


def soft(distance: Field, edge: Field) -> Field:
    """1 where `distance` < 1, 0 beyond, with a smooth edge of this width."""
    t = np.clip((1 - distance) / edge + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def wavy(c: Canvas, angle: Field, orders: Iterable[int]) -> Field:
    """A random closed wave around a centre: cosines of these orders, unit variance."""
    orders = list(orders)
    phases = [c.draw(0, 2 * np.pi, True) for _ in orders]
    return sum(np.cos(k * angle + phase) for k, phase in zip(orders, phases, strict=True)) * float(
        np.sqrt(2 / len(orders))
    )


def chord(r: Field) -> Field:
    """The length of a ray through a ball of diameter 1 at distance `r` (in radii) from its centre."""
    return np.sqrt(np.clip(1 - r * r, 0, None))


def ladder(part: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((part - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def stain(optical_density: list[tuple[Field, tuple[float, float, float]]], light: Field = 1.0) -> Field:
    """RGB (n, 3, H, W) in [0, 255] of light through dyes (Beer-Lambert): densities, and what each absorbs."""
    planes = [light * np.exp(-sum(dye * colour[i] for dye, colour in optical_density)) for i in range(3)]
    return 255 * np.stack(np.broadcast_arrays(*planes), 1)


def resize(fields: Field, size: int, ndim: int) -> Field:
    """The last `ndim` axes at `size` pixels: averaged over areas when smaller, cubic when larger."""
    return fields if fields.shape[-1] == size else _along_axes(fields, _resizer(fields.shape[-1], size), ndim)


def _along_axes(fields: Field, matrix: np.ndarray, ndim: int | None = None) -> Field:
    """`matrix` (new, old) applied to each of the last `ndim` axes."""
    for axis in range(-(ndim or fields.ndim - 1), 0):
        fields = np.moveaxis(np.moveaxis(fields, axis, -1) @ matrix.T, -1, axis)
    return fields


def _spline(cells: int, size: int) -> np.ndarray:
    """(size, cells + 3) cubic B-spline weights, scaled so that white noise keeps unit variance at every pixel."""
    at = (np.arange(size) + 0.5) * cells / size
    t = np.abs(at[:, None] - (np.arange(cells + 3) - 1))
    weights = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)
    return (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32)


def _resizer(old: int, new: int) -> np.ndarray:
    if new < old:  # the share of each old pixel in each new one
        edges = np.arange(new + 1) * old / new
        left = np.maximum(edges[:-1, None], np.arange(old))
        weights = np.clip(np.minimum(edges[1:, None], np.arange(old) + 1) - left, 0, None)
    else:  # Catmull-Rom
        t = np.abs(((np.arange(new) + 0.5) * old / new - 0.5)[:, None] - np.arange(old))
        weights = np.where(t < 1, 1 - 2.5 * t**2 + 1.5 * t**3, np.where(t < 2, 2 - 4 * t + 2.5 * t**2 - t**3 / 2, 0))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)
