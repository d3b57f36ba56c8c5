"""Generated pictures that resemble frontal chest radiographs, with the 18 torchxrayvision labels as independent
findings. They teach a demo network those findings' drawn traits; they are no substitute for real films and hold
nobody's data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.demo.chest_anatomy import bones_of, film_of, markings_of, mediastinum_of, tissue_of, trunk_of
from tools.demo.chest_findings import TRAITS
from tools.demo.field import Plane

# torchxrayvision's labels in its order (xrv.datasets.default_pathologies).
CHEST_LABELS = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)
PREVALENCE = 0.18  # of each finding in a drawn picture


def chest_picture(findings: frozenset[str], seed: int, height: int = 512, width: int = 512) -> NDArray[np.float32]:
    """A film with `findings` (of CHEST_LABELS; empty: a healthy chest) by `seed`: float32 (height, width), 0 to 1.

    The same seed and findings show the same chest at every size of the same aspect ratio, apart from film grain.
    """
    unknown = findings - set(CHEST_LABELS)
    if unknown:
        raise ValueError(f"no such finding: {sorted(unknown)}")
    rng = np.random.default_rng([77, seed])
    plane = Plane(height, width)
    film = film_of(plane, rng, findings)
    film.markings += markings_of(film)
    film.density += tissue_of(film)
    bones = bones_of(film)
    film.density += np.maximum(
        mediastinum_of(film) * (0.4 + 0.6 * np.maximum(film.sides[0].lung, film.sides[1].lung)), 0
    )
    for name, trait in TRAITS.items():
        if name in findings:
            trait(film)
    film.density = (film.density + film.markings + bones) * trunk_of(film)
    exposure, contrast = rng.uniform(-0.03, 0.05), rng.uniform(0.9, 1.12)
    level = np.clip((film.density + exposure - 0.08) * contrast, 0, None)
    picture = 1 - np.exp(-1.75 * np.power(level, 1.15))
    picture = plane.blur(picture, rng.uniform(0.0015, 0.005))
    grain = np.random.default_rng([seed, 1]).standard_normal(plane.shape, dtype=np.float32)
    return np.clip(picture + rng.uniform(0.003, 0.012) * min(1.0, 512 / height) ** 0.5 * grain, 0, 1)


def draw_findings(seed: int) -> frozenset[str]:
    """Which findings the drawn picture `seed` has: each on its own with PREVALENCE."""
    chance = np.random.default_rng([78, seed]).random(len(CHEST_LABELS))
    return frozenset(label for label, c in zip(CHEST_LABELS, chance, strict=True) if c < PREVALENCE)
