"""Generated pictures that resemble dermoscopy of the seven HAM10000 classes. They teach a demo network its class
traits and look like lesions to a person; they are no substitute for real pictures and hold nobody's data.

Colour follows light through skin: pigment (melanin) and blood absorb, so layers multiply; scale, keratin and shine
are mixed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tools.demo.field import Field, Plane, Random, Stroke, outline, ramp, spot, tree

SKIN_CODES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")

# Absorption per unit of density for red, green and blue, chosen by eye so that density 1 is a mid brown or a blood red.
MELANIN = np.array([0.60, 0.92, 1.12], np.float32)
BLOOD = np.array([0.14, 0.86, 0.70], np.float32)
# From fair to brown skin under a dermoscope's light.
TONES = np.array([[236, 201, 190], [226, 183, 168], [216, 168, 148], [196, 145, 122], [168, 119, 97]], np.float64)


@dataclass
class Layers:
    """What lies in and on the skin, as fields over the picture."""

    melanin: Field
    blood: Field
    over: list[tuple[tuple[float, float, float], Field]] = field(default_factory=list)  # colour 0..1, coverage 0..1


@dataclass(frozen=True)
class Site:
    """Where the lesion lies and how large it is, in units of half the picture's shorter side."""

    plane: Plane
    x: Field
    y: Field
    centre: tuple[float, float]

    def within(self, rng: Random, radius: float) -> tuple[float, float]:
        """A random point of the disc of `radius` around the centre."""
        reach, turn = radius * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        return self.centre[0] + reach * np.cos(turn), self.centre[1] + reach * np.sin(turn)


def _network(site: Site, rng: Random, cells: float) -> Field:
    """Thin dark meshes as of a pigment network: the zero lines of a smooth field."""
    return np.exp(-np.square(site.plane.noise(rng, cells) * 2.2))


def _nevus(site: Site, rng: Random, layers: Layers) -> None:
    """Round, symmetric, one even brown, fading a little at the edge."""
    radius = rng.uniform(0.3, 0.62)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.05, (2, 3, 4), rng.uniform(0.8, 1.0))
    body = ramp((1 - d) * radius / rng.uniform(0.08, 0.26))
    density = rng.uniform(0.6, 1.35)
    texture = rng.uniform(0.1, 0.35) * (_network(site, rng, rng.uniform(34, 46)) - 0.35)
    centre = rng.uniform(-0.15, 0.25) * np.exp(-np.square(d * 1.6))
    layers.melanin += density * body * (1 + texture + centre + 0.05 * site.plane.noise(rng, 8, 3, 0.7))
    layers.blood += 0.08 * body


def _melanoma(site: Site, rng: Random, layers: Layers) -> None:
    """Large, asymmetric, notched border, several colours: brown, black, blue-grey veil, red and white areas."""
    plane, radius = site.plane, rng.uniform(0.5, 0.85)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.15, (1, 2, 3, 4, 5, 7), rng.uniform(0.65, 0.9))
    d = d + 0.09 * plane.noise(rng, 8, 4, 0.65)
    body = ramp((1 - d) * radius / rng.uniform(0.03, 0.1))
    patch = plane.noise(rng, rng.uniform(2.5, 4), 3, 0.55)
    layers.melanin += body * np.clip(
        rng.uniform(0.8, 1.15) + 0.38 * patch + 0.4 * (_network(site, rng, 26) - 0.3), 0.15, 3
    )
    for _ in range(rng.integers(2, 4)):  # black, off-centre
        dark = spot(
            site.x, site.y, site.within(rng, radius * 0.6), radius * rng.uniform(0.2, 0.45), 0.3, 0.7, rng.uniform(0, 3)
        )
        layers.melanin += 1.5 * body * np.clip(dark + 0.25 * patch * dark, 0, 2)
    veil = body * ramp((plane.noise(rng, 3, 3, 0.6) - rng.uniform(0.5, 1.0)) * 0.9)
    layers.over.append(((0.37, 0.41, 0.51), 0.6 * veil))
    scar = body * ramp((plane.noise(rng, 3.5, 3, 0.6) - rng.uniform(1.0, 1.5)) * 1.2)
    layers.over.append(((0.86, 0.76, 0.76), 0.6 * scar))
    layers.blood += body * 0.7 * ramp(plane.noise(rng, 3, 3, 0.6) - 0.7)
    for _ in range(rng.integers(6, 25)):  # dots at the border
        at = site.within(rng, radius * 1.05)
        layers.melanin += 1.3 * spot(site.x, site.y, at, rng.uniform(0.012, 0.03), 0.02) * ramp((1.15 - d) * 5)


def _basal_cell(site: Site, rng: Random, layers: Layers) -> None:
    """Pearly pink with a paler rolled border, arborising vessels, now and then blue-grey nests or an erosion."""
    plane, radius = site.plane, rng.uniform(0.4, 0.7)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.10, (2, 3, 4, 5), rng.uniform(0.75, 1.0))
    body = ramp((1 - d) * radius / 0.12)
    rim = np.exp(-np.square((d - 0.88) / 0.13))
    layers.blood += body * (rng.uniform(0.3, 0.5) + 0.08 * plane.noise(rng, 5, 2))
    layers.over.append(((0.97, 0.87, 0.85), body * np.clip(0.24 + 0.22 * rim + 0.10 * plane.noise(rng, 6, 2), 0, 0.7)))
    vessels: list[Stroke] = []
    for _ in range(rng.integers(3, 6)):
        turn = rng.uniform(0, 2 * np.pi)
        start = (site.centre[0] + 0.95 * radius * np.cos(turn), site.centre[1] + 0.95 * radius * np.sin(turn))
        vessels += tree(
            rng,
            start,
            turn + np.pi + rng.normal(0, 0.35),
            radius * rng.uniform(0.4, 0.6),
            rng.uniform(0.022, 0.034),
            3,
            0.8,
            0.6,
        )
    layers.blood += 1.7 * plane.blur(plane.strokes(vessels), 0.006) * ramp((1.1 - d) * 4)
    if rng.random() < 0.55:
        for _ in range(rng.integers(2, 6)):
            nest = spot(
                site.x, site.y, site.within(rng, radius * 0.75), rng.uniform(0.03, 0.09), 0.04, 0.7, rng.uniform(0, 3)
            )
            layers.over.append(((0.38, 0.40, 0.50), 0.75 * nest))
    if rng.random() < 0.3:
        sore = spot(site.x, site.y, site.within(rng, radius * 0.3), radius * rng.uniform(0.15, 0.3), 0.06, 0.8)
        layers.blood += 1.5 * sore
        layers.melanin += 0.5 * sore
    shine = spot(site.x, site.y, site.within(rng, radius * 0.5), radius * 0.3, 0.25, 0.5, rng.uniform(0, 3))
    layers.over.append(((1.0, 0.97, 0.95), 0.3 * shine))


def _keratosis(site: Site, rng: Random, layers: Layers) -> None:
    """Sharply bordered, waxy, stuck-on: tan to brown with fissures, milia-like cysts, dark openings, a faint shadow."""
    plane, radius = site.plane, rng.uniform(0.4, 0.75)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.08, (2, 3, 5, 8), rng.uniform(0.65, 0.95))
    d = d + 0.03 * plane.noise(rng, 12, 2)
    body = ramp((1 - d) * radius / 0.02)
    shadow = ramp((1.06 - d) * radius / 0.08) - body
    folds = np.exp(-np.square(plane.noise(rng, rng.uniform(9, 15), 3, 0.5) * 2.4)) * np.clip(
        0.7 + 0.4 * plane.noise(rng, 4), 0, 1
    )
    layers.melanin += body * (
        rng.uniform(0.5, 0.95) + 0.45 * folds + 0.16 * plane.noise(rng, 5, 4, 0.7)
    ) + 0.25 * np.clip(shadow, 0, 1)
    layers.over.append(((0.80, 0.66, 0.47), body * np.clip(0.32 - 0.25 * folds, 0, 1)))
    cysts, holes = np.zeros(plane.shape, np.float32), np.zeros(plane.shape, np.float32)
    for _ in range(rng.integers(8, 22)):
        cysts = np.maximum(cysts, spot(site.x, site.y, site.within(rng, radius * 0.8), rng.uniform(0.018, 0.04), 0.018))
    for _ in range(rng.integers(4, 14)):
        holes = np.maximum(
            holes,
            spot(
                site.x,
                site.y,
                site.within(rng, radius * 0.8),
                rng.uniform(0.02, 0.045),
                0.02,
                rng.uniform(0.6, 1),
                rng.uniform(0, 3),
            ),
        )
    layers.melanin += 1.3 * holes * body
    layers.over.append(((0.97, 0.93, 0.80), 0.85 * cysts * body * (1 - holes)))


def _dermatofibroma(site: Site, rng: Random, layers: Layers) -> None:
    """A pale, scar-like centre in a soft brown ring that fades into the skin."""
    plane, radius = site.plane, rng.uniform(0.32, 0.58)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.05, (2, 3, 4), rng.uniform(0.8, 1.0))
    ring = np.exp(-np.square((d - 0.70) / np.where(d < 0.7, 0.24, rng.uniform(0.3, 0.5)).astype(np.float32)))
    pale = ramp((0.42 - d) * 2.2 + 0.16 * plane.noise(rng, 8, 3, 0.7))
    layers.melanin += ring * (1 - pale) * rng.uniform(0.5, 0.85) * (1 + 0.4 * (_network(site, rng, 40) - 0.35))
    layers.blood += 0.15 * ramp((1 - d) * 1.5)
    layers.over.append(((0.95, 0.87, 0.83), pale * np.clip(0.68 + 0.08 * plane.noise(rng, 10, 2), 0, 0.9)))


def _vascular(site: Site, rng: Random, layers: Layers) -> None:
    """Red to purple lacunae, sharply bounded and crowded, on a red ground."""
    plane, radius = site.plane, rng.uniform(0.28, 0.58)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.07, (2, 3, 4), rng.uniform(0.75, 1.0))
    body = ramp((1 - d + 0.04 * plane.noise(rng, 8, 2)) * radius / 0.16)
    layers.blood += body * (rng.uniform(0.5, 0.9) + 0.1 * plane.noise(rng, 8, 3, 0.7))
    purple = rng.uniform(0.0, 1.0)
    lakes = np.zeros(plane.shape, np.float32)
    for _ in range(rng.integers(12, 30)):
        lake = spot(
            site.x,
            site.y,
            site.within(rng, radius * 0.85),
            radius * rng.uniform(0.12, 0.3),
            0.05,
            rng.uniform(0.65, 1),
            rng.uniform(0, 3),
        )
        lakes = np.maximum(lakes, lake * rng.uniform(0.55, 1.0))
    layers.blood += lakes * rng.uniform(1.3, 2.0)
    layers.melanin += lakes * 0.35
    layers.over.append(((0.33, 0.10, 0.30), lakes * 0.55 * purple))
    layers.over.append(((0.92, 0.80, 0.82), 0.25 * body * (1 - np.clip(lakes * 2, 0, 1))))


def _actinic(site: Site, rng: Random, layers: Layers) -> None:
    """A rough reddish patch with no clear border: pale follicles in red meshes, white to yellow scale."""
    plane, radius = site.plane, rng.uniform(0.5, 0.85)
    d = outline(rng, site.x, site.y, site.centre, radius, 0.16, (1, 2, 3, 4, 5), rng.uniform(0.65, 0.95))
    d = d + 0.10 * plane.noise(rng, 5, 3, 0.6)
    body = ramp((1 - d) * radius / rng.uniform(0.3, 0.6))
    layers.blood += body * np.clip(rng.uniform(0.42, 0.72) + 0.2 * plane.noise(rng, 14, 3, 0.8), 0.08, 2)
    layers.melanin += body * 0.12
    follicles = ramp((plane.noise(rng, 22) - 1.15) * 2.5)
    layers.over.append(((0.96, 0.84, 0.76), 0.6 * follicles * body))
    flakes = ramp((plane.noise(rng, rng.uniform(10, 16), 3, 0.75) - rng.uniform(0.8, 1.3)) * 2)
    yellow = rng.uniform(0.70, 0.88)
    layers.over.append(
        (
            (0.95, 0.91, yellow),
            0.7 * flakes * ramp((0.95 - d) * 3) * np.clip(0.75 + 0.25 * plane.noise(rng, 40, 2), 0, 1),
        )
    )


_CLASSES: dict[str, Callable[[Site, Random, Layers], None]] = {
    "akiec": _actinic,
    "bcc": _basal_cell,
    "bkl": _keratosis,
    "df": _dermatofibroma,
    "mel": _melanoma,
    "nv": _nevus,
    "vasc": _vascular,
}


def _hairs(plane: Plane, rng: Random) -> Field:
    """A few curved hairs across the picture, as coverage."""
    count = 0 if rng.random() < 0.45 else int(rng.integers(2, 18))
    heading, strokes = rng.uniform(0, np.pi), []
    for _ in range(count):
        turn, bend = heading + rng.normal(0, 0.35), rng.normal(0, 0.7)
        t = np.linspace(-1, 1, 24) * rng.uniform(0.3, 1.0)
        along, aside = t, bend * t * t * 0.4
        origin = rng.uniform(-1, 1, 2) * [1.3, 1.0]
        points = np.stack([along * np.cos(turn) - aside * np.sin(turn), along * np.sin(turn) + aside * np.cos(turn)], 1)
        strokes.append(Stroke(points + origin, rng.uniform(0.006, 0.013), rng.uniform(0.5, 0.95)))
    return plane.blur(plane.strokes(strokes), 0.003)


def _skin(plane: Plane, rng: Random) -> NDArray[np.float32]:
    """Bare skin: a tone, blotches, fine lines; shape (h, w, 3), linear 0..1."""
    tone = float(np.clip(rng.beta(1.3, 1.8), 0, 1)) * (len(TONES) - 1)
    base = np.array([np.interp(tone, range(len(TONES)), TONES[:, c]) for c in range(3)], np.float32) / 255
    lines = np.exp(-np.square(plane.noise(rng, 30, 2, 0.7) * 2.5))
    shade = 1 + 0.018 * plane.noise(rng, 3, 2) - rng.uniform(0.005, 0.03) * lines
    return base[None, None, :] * shade[..., None]


def skin_picture(code: str, seed: int, height: int = 450, width: int = 600) -> NDArray[np.uint8]:
    """A picture of class `code` (one of SKIN_CODES) by `seed`: uint8 (height, width, 3).

    The same seed shows the same lesion at every size of the same aspect ratio, apart from sensor noise.
    """
    rng = np.random.default_rng([SKIN_CODES.index(code), seed])
    plane = Plane(height, width)
    x, y = plane.axes()
    site = Site(plane, x, y, (rng.uniform(-0.2, 0.2), rng.uniform(-0.14, 0.14)))
    picture = _skin(plane, rng)
    layers = Layers(0.04 * np.clip(plane.noise(rng, 6, 2), 0, 3), 0.05 + 0.03 * plane.noise(rng, 4, 3, 0.7))
    _CLASSES[code](site, rng, layers)
    for c in range(3):
        picture[..., c] *= np.exp(-layers.melanin * MELANIN[c] - layers.blood * BLOOD[c])
        for colour, coverage in layers.over:
            picture[..., c] += coverage * (colour[c] * 0.95 - picture[..., c])
    hair, hair_colour = _hairs(plane, rng), np.array([0.16, 0.11, 0.09]) * rng.uniform(0.5, 3.0)
    light = 1 + rng.uniform(-0.1, 0.1) * x + rng.uniform(-0.1, 0.1) * y
    if rng.random() < 0.5:
        light = light * (1 - rng.uniform(0.1, 0.35) * np.square(np.clip((x * x + y * y) / 2.6, 0, 2)))
    if rng.random() < 0.15:
        light = light * (0.03 + 0.97 * ramp((rng.uniform(1.25, 1.45) - np.sqrt(x * x + y * y)) / 0.12))
    gain = rng.uniform(0.88, 1.06) * (1 + rng.uniform(-0.04, 0.04, 3))
    radius = rng.uniform(0, 0.012)
    noise = rng.uniform(0.002, 0.012) * min(1.0, 450 / height) ** 0.5  # finer sensors average less light a pixel
    grain = np.random.default_rng([seed, 1]).standard_normal(plane.shape, dtype=np.float32) * noise
    for c in range(3):
        channel = picture[..., c] + hair * (np.float32(hair_colour[c]) - picture[..., c])
        picture[..., c] = plane.blur(channel * light * np.float32(gain[c]), radius) + grain
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
