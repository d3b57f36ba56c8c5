"""Writes examples/images: generated pictures of every file kind worth showing. `python -m tools.demo.images`

The pictures come from the generators that the demo networks learnt from, with seeds of their own.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tools.demo.chest_pictures import chest_picture
from tools.demo.pictures import EXAMPLE_SEED, to_grey8
from tools.demo.skin_pictures import skin_picture

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "images"


@dataclass(frozen=True)
class Example:
    """One example file: what it shows, how it is stored."""

    file: str
    code: str | None  # the label's code in the demo bundle; None: a healthy chest
    finding: str | None  # the generator's name of it, where that differs from the code
    seed: int  # counted from EXAMPLE_SEED
    height: int  # as stored
    width: int
    note: str

    @property
    def kind(self) -> str:
        """Which demo bundle it is for: "skin" or "chest"."""
        return self.file.split("-", 1)[0]


EXAMPLES = (
    Example("skin-nevus.jpg", "nv", None, 1, 450, 600, "melanocytic nevus; baseline JPEG 4:2:0"),
    Example("skin-melanoma.jpg", "mel", None, 2, 450, 600, "melanoma; progressive JPEG"),
    Example(
        "skin-basal-cell-carcinoma.jpg",
        "bcc",
        None,
        3,
        450,
        600,
        "basal cell carcinoma; EXIF orientation 6: stored lying, upright it is 450 wide and 600 high",
    ),
    Example("skin-vascular-lesion.jpg", "vasc", None, 4, 450, 600, "vascular lesion; JPEG 4:4:4"),
    Example("skin-dermatofibroma.jpg", "df", None, 5, 450, 600, "dermatofibroma; baseline JPEG 4:2:0"),
    Example("skin-keratosis-12mp.jpg", "bkl", None, 6, 3000, 4000, "benign keratosis; 12 megapixels"),
    Example("chest-normal.png", None, None, 1, 1024, 1024, "healthy chest; 8-bit grey PNG"),
    Example(
        "chest-cardiomegaly-16bit.png",
        "cardiomegaly",
        "Cardiomegaly",
        2,
        1024,
        1024,
        "wide heart; 16-bit grey PNG of 12 significant bits",
    ),
    Example("chest-effusion.jpg", "effusion", "Effusion", 3, 1024, 1024, "pleural effusion; grey JPEG"),
)


def draw_skin(example: Example) -> tuple[Image.Image, dict[str, Any]]:
    """The picture and how to save it."""
    picture = Image.fromarray(
        skin_picture(str(example.code), EXAMPLE_SEED + example.seed, example.height, example.width)
    )
    options: dict[str, Any] = {"quality": 90}
    if "progressive" in example.note:
        options["progressive"] = True
    if "4:4:4" in example.note:
        options["subsampling"] = 0
    if "orientation 6" in example.note:
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    if example.width > 1000:
        options["quality"] = 85
    return picture, options


def draw_chest(example: Example) -> tuple[Image.Image, dict[str, Any]]:
    """The film and how to save it."""
    findings = frozenset([example.finding]) if example.finding else frozenset()
    values = chest_picture(findings, EXAMPLE_SEED + example.seed, example.height, example.width)
    if "16-bit" in example.note:
        return Image.fromarray(((values * 4095 + 0.5).astype(np.uint16) * 16).astype(np.uint16)), {"optimize": True}
    if example.file.endswith(".jpg"):
        return to_grey8(values), {"quality": 90}
    return to_grey8(values), {"optimize": True}


def as_8bit(picture: Image.Image) -> Image.Image:
    """A 16-bit grey picture by its upper 8 bits' worth of grey (rounded); others as they are."""
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture, np.float64) / 257 + 0.5).astype(np.uint8))


def readme() -> str:
    """The text of the folder's README.md."""
    rows = "\n".join(f"| `{e.file}` | {e.width}x{e.height} | {e.note} |" for e in EXAMPLES)
    return f"""# Example pictures

All of them are **generated** by `python -m tools.demo.images` (tools/demo/, seeded): nobody's skin, nobody's chest.
They come from the same generators as the pictures that the demo bundles in `models/` learnt from, with seeds that were
used for nothing else. Licence: Apache-2.0.

| file | pixels as stored | what it shows |
|---|---|---|
{rows}

`skin-*` are for `models/skin-demo`, `chest-*` for `models/chest-demo`. The demo networks know only such
drawings; see their model cards.
"""


def main() -> None:
    """Writes every example and the README."""
    parser = argparse.ArgumentParser(description="Write the example pictures.")
    parser.add_argument("--output", type=Path, default=FOLDER)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        picture, options = draw_skin(example) if example.kind == "skin" else draw_chest(example)
        picture.save(folder / example.file, **options)
        print(f"{folder / example.file}: {(folder / example.file).stat().st_size / 1e3:.0f} kB")
    (folder / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
