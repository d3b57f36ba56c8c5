"""The healthy chest on a film: lungs, bones, heart and vessels, but for the findings that are a matter of size.

A film is a sum of densities: bright where much lies in the beam. The picture's left side is the patient's right, as
films are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.demo.field import Field, Plane, Random, Stroke, ramp, spot, tree

RIBS = 9


@dataclass(frozen=True)
class Pose:
    """How the patient stands before the plate: film coordinates (spine at x = 0) = turn @ plane coordinates + shift."""

    turn: NDArray[np.floating[Any]]
    shift: NDArray[np.floating[Any]]

    def film_axes(self, plane: Plane) -> tuple[Field, Field]:
        """The film's x and y of every pixel."""
        across, down = plane.axes()
        x, y = (row[0] * across + row[1] * down + shift for row, shift in zip(self.turn, self.shift, strict=True))
        return x.astype(np.float32), y.astype(np.float32)

    def on_plane(self, stroke: Stroke) -> Stroke:
        """A stroke of film coordinates in plane coordinates."""
        return replace(stroke, points=np.linalg.solve(self.turn, (stroke.points - self.shift).T).T)


@dataclass
class Side:
    """One lung, in coordinates that run outward from the spine: u = sign x x."""

    sign: int
    u: Field
    lateral: Field  # u of the chest wall, by row
    floor: Field  # y of the diaphragm, by column
    lung: Field  # coverage 0..1

    def x_of(self, u: float) -> float:
        """The film's x of an outward distance."""
        return self.sign * u


@dataclass
class Film:
    """The picture while it is built: coordinates, body, and the density that findings add to."""

    plane: Plane
    rng: Random
    x: Field
    y: Field
    pose: Pose
    sides: tuple[Side, Side]  # the patient's right (picture's left), then left
    density: Field
    markings: Field  # vessels, as density
    heart: float  # half width
    vault: float  # half width of the upper mediastinum
    broken: list[tuple[int, int, float]] = field(default_factory=list)  # side, rib, u

    def side(self) -> Side:
        """One of the two lungs."""
        return self.sides[int(self.rng.integers(0, 2))]

    def strokes(self, strokes: Sequence[Stroke]) -> Field:
        """Lines in film coordinates, as coverage in 0..1."""
        return self.plane.strokes([self.pose.on_plane(stroke) for stroke in strokes])

    def point(self, side: Side, u: tuple[float, float], y: tuple[float, float]) -> tuple[float, float]:
        """A random point of a lung, by ranges of u and y."""
        return side.x_of(self.rng.uniform(*u)), self.rng.uniform(*y)


def _side(sign: int, x: Field, y: Field, width: float, floor: float, dome: float, apex: float) -> Side:
    u = np.float32(sign) * x
    rise = np.clip((0.35 - y) / (0.35 - apex), 0, 1)
    lateral = width * np.sqrt(np.clip(1 - rise**2.6, 0, 1)) * (1 + 0.03 * np.clip(y, -1, 1))
    medial = 0.08 + 0.16 * np.square(np.clip((-0.25 - y) / (-0.25 - apex), 0, 1.2))
    low = (
        floor
        - dome * (1 - np.square((u - 0.55 * width) / (0.55 * width)))
        + 0.10 * np.square(np.clip(u / width - 0.82, 0, 1) * 5)
    )
    lung = ramp((u - medial) / 0.05) * ramp((lateral - u) / 0.035) * ramp((low - y) / 0.025)
    return Side(sign, u, lateral.astype(np.float32), low.astype(np.float32), lung.astype(np.float32))


def _rib_phase(side: Side, y: Field, slope: float, spacing: float) -> Field:
    """The rib's number along a posterior rib is constant: integer on its middle line."""
    s = np.clip(side.u / np.maximum(side.lateral, 0.15), 0, 1.2)
    line = slope * (1.0 * s * s - 0.42 * s)
    return ((y - line + 0.78) / spacing).astype(np.float32)


def bones_of(film: Film) -> Field:
    """Posterior and anterior ribs, clavicles, shoulder blades, spine, as density."""
    rng, plane, y = film.rng, film.plane, film.y
    bones = np.zeros(plane.shape, np.float32)
    spacing, slope = rng.uniform(0.155, 0.175), rng.uniform(0.22, 0.34)
    strength = rng.uniform(0.10, 0.15)
    for index, side in enumerate(film.sides):
        phase = _rib_phase(side, y, slope, spacing)
        gap, ends = np.zeros(plane.shape, np.float32), np.zeros(plane.shape, np.float32)
        for _, rib, at in (b for b in film.broken if b[0] == index):
            own = ramp((0.5 - np.abs(phase - rib)) * 12)
            phase = phase + own * ramp((side.u - at) / 0.01) * rng.choice([-0.36, 0.36])
            gap = np.maximum(gap, own * np.exp(-np.square((side.u - at) / 0.032)))
            ends = np.maximum(ends, own * np.exp(-np.square((np.abs(side.u - at) - 0.065) / 0.028)))
        nearest = np.round(phase)
        seen = 1 - 0.65 * ramp((film.y - side.floor) / 0.15)
        away = np.abs(phase - nearest)
        band = ramp((0.21 - away) / 0.08) * (0.55 + 0.75 * np.exp(-np.square((away - 0.17) / 0.05)))
        inside = ramp((side.lateral + 0.05 - side.u) / 0.04) * ramp((side.u - 0.06) / 0.05)
        bones += strength * band * inside * ((nearest >= 0) & (nearest <= RIBS)) * (1 - gap) * (1 + 1.6 * ends) * seen
        front = (y + 0.42 * np.clip(1 - side.u / np.maximum(side.lateral, 0.15), 0, 1) * -1 + 0.55) / (spacing * 1.1)
        near = np.round(front)
        strip = ramp((0.22 - np.abs(front - near)) / 0.12) * ((near >= 1) & (near <= 6))
        bones += 0.4 * strength * strip * inside * seen * ramp((side.u - 0.3) / 0.1)
        rim = np.exp(-np.square((side.lateral + 0.02 - side.u) / 0.03)) * ramp((side.floor + 0.2 - y) / 0.2)
        bones += 0.5 * strength * rim * ramp((y + 0.75) / 0.1)
        tilt = rng.uniform(-0.03, 0.03)
        t = np.clip((side.u - 0.07) / 0.75, 0, 1.3)
        collar = -0.66 + tilt - 0.18 * t + 0.06 * np.sin(t * 6.0)
        off = np.abs(y - collar) / (0.034 + 0.012 * np.cos(t * 6))
        bones += (
            0.16
            * ramp((1 - off) * 2.5)
            * (0.7 + 0.5 * off)
            * ramp((side.u - 0.06) / 0.03)
            * ramp((0.84 - side.u) / 0.05)
        )
        blade = (side.u - (0.74 - 0.05 * y)) / 0.1
        bones += 0.07 * ramp(blade) * ramp((0.05 - y) / 0.2) * ramp((y + 0.72) / 0.1)
    column = np.abs(film.x)
    vertebra = 0.5 + 0.5 * np.cos(2 * np.pi * y / 0.15)
    bones += ramp((0.085 - column) / 0.03) * (0.07 + 0.035 * vertebra * ramp((0.07 - column) / 0.02))
    return bones


def mediastinum_of(film: Film) -> Field:
    """Heart, great vessels and windpipe, as density (the heart lies to the picture's right)."""
    x, y, rng = film.x, film.y, film.rng
    shaft = ramp((film.vault * (1 + 0.25 * np.clip(y + 0.4, -0.5, 1)) - np.abs(x - 0.01)) / 0.05)
    base = film.sides[1].floor.min() + 0.06
    heart = spot(x, y, (film.heart * 0.30, base - 0.22), film.heart * 1.02, 0.06, 0.74, 0.5)
    atrium = spot(x, y, (-0.09 - 0.25 * (film.heart - 0.36), base - 0.22), 0.22, 0.06, 0.6, 1.5)
    knob = spot(x, y, (film.vault * 0.85, -0.28), 0.10, 0.04)
    windpipe = ramp((0.038 - np.abs(x)) / 0.02) * ramp((-0.25 - y) / 0.1)
    return (
        0.30 * np.maximum(np.maximum(shaft, 1.1 * heart), np.maximum(atrium, knob))
        + 0.10 * heart
        - 0.13 * windpipe
        + 0.015 * film.plane.noise(rng, 5, 2)
    )


def markings_of(film: Film) -> Field:
    """Hila and the vessels that branch from them into the lungs, as density."""
    rng, plane = film.rng, film.plane
    total = np.zeros(plane.shape, np.float32)
    for side in film.sides:
        strokes: list[Stroke] = []
        hilum = (side.x_of(0.17), rng.uniform(-0.12, -0.04))
        for turn in np.linspace(-1.35, 1.25, 7) + rng.normal(0, 0.12, 7):
            heading = turn if side.sign > 0 else np.pi - turn
            strokes += tree(rng, hilum, heading, rng.uniform(0.18, 0.28), rng.uniform(0.018, 0.028), 3, 0.55, 0.4, 0.6)
        knot = spot(film.x, film.y, hilum, 0.11, 0.12, 0.6, np.pi / 2)
        total += side.lung * (0.20 * plane.blur(film.strokes(strokes), 0.007) + 0.13 * knot)
    return total


def film_of(plane: Plane, rng: Random, findings: frozenset[str]) -> Film:
    """The healthy chest, but for the findings that are a matter of size."""
    zoom, lean = rng.uniform(0.94, 1.06), rng.normal(0, 0.02)
    pose = Pose(np.array([[1, lean], [-lean, 1]]) / zoom, rng.uniform(-0.04, 0.04, 2))
    x, y = pose.film_axes(plane)
    flat = "Emphysema" in findings
    width, floor = rng.uniform(0.70, 0.78), rng.uniform(0.50, 0.60) + (0.12 if flat else 0)
    domes = rng.uniform(0.13, 0.2, 2) * (0.25 if flat else 1)
    apex = rng.uniform(-0.84, -0.78)
    sides = (
        _side(-1, x, y, width, floor - 0.04, domes[0], apex),
        _side(1, x, y, width, floor, domes[1], apex),
    )
    heart = rng.uniform(0.52, 0.60) if "Cardiomegaly" in findings else rng.uniform(0.31, 0.40)
    vault = rng.uniform(0.25, 0.31) if "Enlarged Cardiomediastinum" in findings else rng.uniform(0.12, 0.16)
    zero = np.zeros(plane.shape, np.float32)
    film = Film(plane, rng, x, y, pose, sides, zero, zero.copy(), heart, vault)
    if "Fracture" in findings:
        for rib in rng.choice(np.arange(1, 8), int(rng.integers(4, 7)), replace=False):
            film.broken.append((int(rng.integers(0, 2)), int(rib), float(rng.uniform(0.3, 0.58))))
    return film


def trunk_of(film: Film) -> Field:
    """Where the body is: trunk, shoulders and neck."""
    shoulder = 0.24 + 0.95 * np.sqrt(np.clip((film.y + 0.98) / 0.55, 0, 1))
    return ramp((np.minimum(shoulder, 1.02 - 0.05 * np.clip(film.y, 0, 1)) - np.abs(film.x)) / 0.06)


def tissue_of(film: Film) -> Field:
    """Soft tissue without the air in lungs and stomach, as density."""
    y = film.y
    thick = 0.60 + 0.05 * np.clip(y, -1, 1) + 0.02 * film.plane.noise(film.rng, 3, 2)
    lungs = np.maximum(film.sides[0].lung, film.sides[1].lung)
    gas = spot(
        film.x, film.y, (0.34, float(film.sides[1].floor.min()) + 0.16), 0.12, 0.05, 0.55, film.rng.uniform(-0.3, 0.3)
    )
    air = 0.44 * lungs + (0.22 * gas if film.rng.random() < 0.6 else 0)
    return (thick - air).astype(np.float32)
