"""Smooth random fields, outlines and strokes on a picture plane, for the picture generators.

Everything is drawn in units of the picture (half the shorter side is 1), so one seed shows the same scene at every
size. Nothing here knows what a lesion or a chest is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Field = NDArray[np.floating[Any]]
Random = np.random.Generator


@dataclass(frozen=True)
class Plane:
    """The coordinates of a picture: x to the right, y down, (0, 0) in the centre, half the shorter side is 1."""

    height: int
    width: int

    @property
    def scale(self) -> float:
        """Pixels per unit."""
        return min(self.height, self.width) / 2

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width

    def axes(self) -> tuple[Field, Field]:
        """x as a row and y as a column, at the centres of the pixels."""
        x = (np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.scale
        y = (np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2) / self.scale
        return x[None, :].astype(np.float32), y[:, None].astype(np.float32)

    def noise(self, rng: Random, cells: float, octaves: int = 1, persistence: float = 0.5) -> Field:
        """A smooth random field of about unit variance; `cells` is the number of bumps along the shorter side."""
        total = np.zeros(self.shape, np.float32)
        power = 0.0
        for octave in range(octaves):
            weight = persistence**octave
            total += weight * self._octave(rng, cells * 2**octave)
            power += weight**2
        return total / np.float32(np.sqrt(power) * 0.7)

    def _octave(self, rng: Random, cells: float) -> Field:
        across = cells * self.width / min(self.shape)
        down = cells * self.height / min(self.shape)
        grid = rng.standard_normal((int(np.ceil(down)) + 3, int(np.ceil(across)) + 3), dtype=np.float32)
        image = Image.fromarray(grid).resize(
            (self.width, self.height), Image.Resampling.BICUBIC, box=(1, 1, 1 + across, 1 + down)
        )
        return np.asarray(image)

    def blur(self, field: Field, radius: float) -> Field:
        """A Gaussian blur of values in 0..1 (kept to 8 bits); `radius` in units."""
        if radius * self.scale < 0.2:
            return field
        image = Image.fromarray((np.clip(field, 0, 1) * 255 + 0.5).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius * self.scale)), np.float32) / 255

    def strokes(self, strokes: Sequence[Stroke], samples: int = 2) -> Field:
        """Lines as coverage in 0..1, smoothed by `samples` x `samples` points a pixel."""
        image = Image.new("L", (self.width * samples, self.height * samples))
        draw = ImageDraw.Draw(image)
        for stroke in strokes:
            points = (stroke.points * self.scale + np.array([self.width, self.height]) / 2) * samples
            width = max(1, round(stroke.width * self.scale * samples))
            draw.line([(float(a), float(b)) for a, b in points], fill=round(255 * stroke.opacity), width=width)
        return np.asarray(image.reduce(samples), np.float32) / 255


@dataclass(frozen=True)
class Stroke:
    """A polyline of one width: points (n, 2) as x, y and the width in units, opacity in 0..1."""

    points: NDArray[np.floating[Any]]
    width: float
    opacity: float = 1.0


def ramp(value: Field) -> Field:
    """0 below -0.5, 1 above 0.5, smooth between (3t^2 - 2t^3)."""
    t = np.clip(value + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


def spot(
    x: Field, y: Field, centre: tuple[float, float], radius: float, edge: float, aspect: float = 1.0, angle: float = 0.0
) -> Field:
    """An ellipse with a soft edge: 1 inside, 0 outside. `radius` is one half axis, the other is `radius` x `aspect`."""
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    a, b = (c * dx + s * dy) / radius, (c * dy - s * dx) / (radius * aspect)
    return ramp((1 - np.sqrt(a * a + b * b)) * (radius / edge))


def outline(
    rng: Random,
    x: Field,
    y: Field,
    centre: tuple[float, float],
    radius: float,
    wobble: float,
    waves: Sequence[int],
    aspect: float = 1.0,
) -> Field:
    """How far out a point lies of a wavy closed curve: 0 in the centre, 1 on the curve, in a random orientation.

    The curve's radius is radius x (1 + wobble x a sum of sines of the `waves`).
    """
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    a, b = c * dx + s * dy, (c * dy - s * dx) / np.float32(aspect)
    turn = np.linspace(-np.pi, np.pi, 721)
    reach = np.ones_like(turn)
    for wave in waves:
        reach += wobble * rng.normal() / np.sqrt(len(waves)) * np.cos(wave * turn + rng.uniform(0, 2 * np.pi))
    reach = np.clip(reach, 0.45, 1.7)
    theta = np.arctan2(b, a)
    return np.sqrt(a * a + b * b) / (radius * np.interp(theta, turn, reach)).astype(np.float32)


def tree(
    rng: Random,
    start: tuple[float, float],
    heading: float,
    length: float,
    width: float,
    depth: int,
    spread: float = 0.6,
    bend: float = 0.35,
    opacity: float = 1.0,
) -> list[Stroke]:
    """A branching vessel: tapering, bending strokes from `start` outward."""
    points = [np.array(start)]
    for _ in range(6):
        heading += rng.normal(0, bend * 0.4)
        points.append(points[-1] + length / 6 * np.array([np.cos(heading), np.sin(heading)]))
    strokes = [Stroke(np.array(points), width, opacity)]
    if depth > 0:
        for side in (-1, 1):
            strokes += tree(
                rng,
                tuple(points[-1]),
                heading + side * rng.uniform(0.4, 1.2) * spread,
                length * rng.uniform(0.6, 0.85),
                width * rng.uniform(0.55, 0.8),
                depth - 1,
                spread,
                bend,
                opacity,
            )
        if rng.random() < 0.6:
            strokes += tree(
                rng,
                tuple(points[3]),
                heading + rng.choice([-1, 1]) * rng.uniform(0.6, 1.3) * spread,
                length * rng.uniform(0.4, 0.7),
                width * 0.6,
                depth - 1,
                spread,
                bend,
                opacity,
            )
    return strokes
