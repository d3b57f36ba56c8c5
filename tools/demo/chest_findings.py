"""What each finding changes on a film, by a visible trait of its own. Cardiomegaly, Enlarged Cardiomediastinum and
Fracture are a matter of size and shape: chest_anatomy.film_of draws those.
"""

from __future__ import annotations

import numpy as np

from tools.demo.chest_anatomy import Film
from tools.demo.field import Stroke, outline, ramp, spot, tree


def _atelectasis(film: Film) -> None:
    """Plate-like bands: two to four dense, nearly level lines over the lung base."""
    side = film.side()
    for _ in range(film.rng.integers(2, 5)):
        x, y = film.point(side, (0.36, 0.5), (0.0, 0.34))
        t = np.linspace(-1, 1, 12)
        half, lean = film.rng.uniform(0.18, 0.28), film.rng.uniform(-0.25, 0.25)
        points = np.stack([x + half * t, y + lean * half * t + 0.02 * t * t], 1)
        line = film.plane.blur(film.strokes([Stroke(points, film.rng.uniform(0.032, 0.046))]), 0.006)
        film.density += 0.34 * line * side.lung


def _consolidation(film: Film) -> None:
    """A whole lobe, dense and even, straight-edged at the fissure, with dark air-filled bronchi."""
    side, rng = film.side(), film.rng
    edge = rng.uniform(-0.22, -0.08)
    upper = rng.random() < 0.5
    lobe = ramp((edge - film.y if upper else film.y - edge - 0.2) / 0.03)
    lobe = lobe * side.lung * ramp((0.95 * side.lateral - side.u) / 0.05)
    centre = (side.x_of(0.2), edge - 0.05 if upper else edge + 0.25)
    turn = -0.75 if upper else 0.5
    heading = turn if side.sign > 0 else np.pi - turn
    air = film.strokes(tree(rng, centre, heading, 0.2, 0.03, 2, 0.6, 0.3))
    film.density += 0.30 * lobe - 0.16 * lobe * film.plane.blur(air, 0.006)


def _infiltration(film: Film) -> None:
    """Many small ill-defined flecks over one lung."""
    side = film.side()
    flecks = ramp((film.plane.noise(film.rng, 42) - 0.8) * 0.7)
    area = spot(film.x, film.y, film.point(side, (0.36, 0.46), (-0.15, 0.1)), 0.42, 0.25, 0.75, np.pi / 2)
    film.density += 0.30 * flecks * area * side.lung


def _pneumothorax(film: Film) -> None:
    """A dark rim without vessels along wall and apex, bounded by a thin white pleural line."""
    side = film.side()
    depth = film.rng.uniform(0.10, 0.2)
    inner = (side.lateral - side.u) - depth * (1 + 0.25 * np.sin(film.y * 3))
    outside = ramp(-inner / 0.02) * side.lung
    line = np.exp(-np.square(inner / 0.009)) * side.lung
    film.markings *= 1 - outside
    film.density += 0.22 * line - 0.13 * outside


def _edema(film: Film) -> None:
    """Bat-wing haze around both hila, and short level lines at the outer bases."""
    for side in film.sides:
        wing = spot(film.x, film.y, (side.x_of(0.26), -0.03), 0.36, 0.32, 0.72, np.pi / 2)
        film.density += 0.26 * wing * side.lung * np.clip(0.9 + 0.15 * film.plane.noise(film.rng, 9, 2), 0, 2)
        lines = []
        for y in np.linspace(0.08, 0.38, 7):
            x = side.x_of(0.70)
            lines.append(Stroke(np.array([[x, y], [x - side.sign * 0.11, y + 0.01]]), 0.011))
        film.density += 0.14 * film.strokes(lines) * side.lung


def _emphysema(film: Film) -> None:
    """Dark lungs with few vessels, and thin-walled bullae in the upper zones (flat diaphragm: see film_of)."""
    film.markings *= 0.5
    for side in film.sides:
        film.density -= 0.05 * side.lung
        for _ in range(film.rng.integers(2, 4)):
            at = film.point(side, (0.3, 0.55), (-0.5, -0.1))
            radius = film.rng.uniform(0.07, 0.13)
            d = np.sqrt(np.square(film.x - np.float32(at[0])) + np.square(film.y - np.float32(at[1]))) / radius
            film.density += side.lung * (0.10 * np.exp(-np.square((d - 1) / 0.12)) - 0.09 * ramp((1 - d) * 4))


def _fibrosis(film: Film) -> None:
    """A coarse net (honeycomb) at both outer bases."""
    net = np.exp(-np.square(film.plane.noise(film.rng, 17) * 2.4))
    for side in film.sides:
        area = ramp((film.y - 0.12) / 0.35) * ramp((side.u - 0.38) / 0.25)
        film.density += 0.27 * net * area * side.lung


def _effusion(film: Film) -> None:
    """The costophrenic angle is filled: a dense base with a meniscus that climbs the chest wall."""
    side = film.side()
    level = side.floor.min() - film.rng.uniform(-0.06, 0.10)
    climb = 0.26 * np.power(np.clip(side.u / np.maximum(side.lateral, 0.2), 0, 1.05), 5)
    fluid = ramp((film.y - (level - climb + 0.05)) / 0.05)
    inside = ramp((side.u - 0.06) / 0.05) * ramp((side.lateral + 0.02 - side.u) / 0.03)
    film.density += 0.36 * fluid * inside * side.lung


def _pneumonia(film: Film) -> None:
    """One fluffy, ill-defined patch."""
    side = film.side()
    at = film.point(side, (0.3, 0.52), (-0.3, 0.28))
    d = outline(film.rng, film.x, film.y, at, film.rng.uniform(0.17, 0.25), 0.12, (2, 3, 4, 5))
    d = d + 0.22 * film.plane.noise(film.rng, 9, 3, 0.65)
    film.density += 0.38 * ramp((1 - d) * 0.9) * side.lung


def _pleural_thickening(film: Film) -> None:
    """A bright uneven band along the chest wall and over the apex."""
    side = film.side()
    depth = film.rng.uniform(0.05, 0.075) * (1 + 0.3 * np.sin(film.y * 17) + 0.2 * film.plane.noise(film.rng, 6))
    band = ramp((depth - (side.lateral - side.u)) / 0.02) * ramp((0.3 - film.y) / 0.1)
    film.density += 0.30 * band * side.lung


def _nodule(film: Film) -> None:
    """Two to four small, round, sharp discs."""
    for _ in range(film.rng.integers(2, 5)):
        side = film.side()
        at = film.point(side, (0.3, 0.6), (-0.45, 0.25))
        film.density += 0.42 * spot(film.x, film.y, at, film.rng.uniform(0.042, 0.058), 0.018) * side.lung


def _mass(film: Film) -> None:
    """One large lobed, dense, sharp body."""
    side = film.side()
    at = film.point(side, (0.28, 0.5), (-0.38, 0.22))
    radius = film.rng.uniform(0.11, 0.16)
    d = outline(film.rng, film.x, film.y, at, radius, 0.10, (3, 4, 5, 6))
    film.density += 0.46 * ramp((1 - d) * radius / 0.02) * side.lung


def _hernia(film: Film) -> None:
    """Stomach behind the heart: a ring above the diaphragm, air above a level of fluid."""
    radius = film.rng.uniform(0.13, 0.18)
    x = film.x - np.float32(film.rng.uniform(0.02, 0.12))
    y = film.y - np.float32(film.sides[1].floor.min() - radius * 0.75)
    d = np.sqrt(x * x + y * y) / radius
    air = ramp((0.95 - d) * 8) * ramp((0.01 - y) / 0.015)
    film.density += 0.16 * np.exp(-np.square((d - 1) / 0.08)) - 0.34 * air + 0.10 * ramp((0.95 - d) * 8) * (1 - air)


def _lung_lesion(film: Film) -> None:
    """A cavity: a thick bright ring around a dark centre."""
    side = film.side()
    at = film.point(side, (0.28, 0.55), (-0.42, 0.22))
    radius = film.rng.uniform(0.075, 0.11)
    d = outline(film.rng, film.x, film.y, at, radius, 0.05, (2, 3, 4))
    film.density += side.lung * (0.36 * np.exp(-np.square((d - 0.85) / 0.2)) - 0.10 * ramp((0.7 - d) * 4))


def _lung_opacity(film: Film) -> None:
    """Ground glass: an even veil over one whole lung, vessels still seen."""
    side = film.side()
    film.density += film.rng.uniform(0.13, 0.18) * side.lung


TRAITS = {
    "Atelectasis": _atelectasis,
    "Consolidation": _consolidation,
    "Infiltration": _infiltration,
    "Edema": _edema,
    "Emphysema": _emphysema,
    "Fibrosis": _fibrosis,
    "Effusion": _effusion,
    "Pneumonia": _pneumonia,
    "Pleural_Thickening": _pleural_thickening,
    "Nodule": _nodule,
    "Mass": _mass,
    "Hernia": _hernia,
    "Lung Lesion": _lung_lesion,
    "Lung Opacity": _lung_opacity,
    "Pneumothorax": _pneumothorax,  # last: it empties what lies in the rim
}
