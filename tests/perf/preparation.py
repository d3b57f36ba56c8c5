"""How the peers turn a picture's bytes into the tensor of torchvision's recipe: shorter side to 256, the middle 224 x 224, normalised.

The ways called reduced decode a JPEG smaller where the recipe shrinks it further anyway, to no less than twice what it is resized to: the peers' counterpart of
fast_decode.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import simplejpeg
import torch
from measure import THREADS
from networks import TORCHVISION_V1
from PIL import Image
from torchvision import transforms

SHORTER, SIDE = 256, 224
ENOUGH = 2 * SHORTER

Preparation = Callable[[bytes], np.ndarray]  # 1 x 3 x 224 x 224, float32

RECIPE = transforms.Compose([
    transforms.Resize(SHORTER),
    transforms.CenterCrop(SIDE),
    transforms.ToTensor(),
    transforms.Normalize(TORCHVISION_V1["mean"], TORCHVISION_V1["std"]),
])
cv2.setNumThreads(THREADS)


def by_pillow(data: bytes) -> np.ndarray:
    return of_picture(Image.open(io.BytesIO(data)))


def by_pillow_reduced(data: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(data))
    picture.draft(None, (ENOUGH * picture.width // picture.height, ENOUGH))
    return of_picture(picture)


def by_simplejpeg(data: bytes) -> np.ndarray:
    return of_picture(Image.fromarray(simplejpeg.decode_jpeg(data, "RGB")))


def by_simplejpeg_reduced(data: bytes) -> np.ndarray:
    return of_picture(Image.fromarray(simplejpeg.decode_jpeg(data, "RGB", min_height=ENOUGH, min_width=ENOUGH)))


def of_picture(picture: Image.Image) -> np.ndarray:
    # Two threads for a tensor this small wait for each other longer than one takes.
    torch.set_num_threads(1)
    tensor: torch.Tensor = RECIPE(picture.convert("RGB"))
    return tensor[None].numpy()


def by_opencv_area(data: bytes) -> np.ndarray:
    return of_pixels(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.INTER_AREA)


def by_opencv_linear(data: bytes) -> np.ndarray:
    """Four source pixels for each of the tensor's, however far it shrinks: fast, and blind to the rest."""
    return of_pixels(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.INTER_LINEAR)


def by_opencv_reduced(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as header:  # reads no pixels
        fits = min(header.size) // ENOUGH
    flag = next((flag for least, flag in REDUCTIONS if fits >= least), cv2.IMREAD_COLOR)
    return of_pixels(cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION), cv2.INTER_AREA)


REDUCTIONS = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))


def of_pixels(bgr: np.ndarray, interpolation: int) -> np.ndarray:
    """Resized and cropped as torchvision does, but for the weights of the pixels."""
    height, width = bgr.shape[:2]
    shorter = min(height, width)
    size = (SHORTER * width // shorter, SHORTER * height // shorter)
    resized = cv2.resize(bgr, size, interpolation=interpolation)
    left, top = (round((length - SIDE) / 2) for length in size)
    crop = np.ascontiguousarray(resized[top : top + SIDE, left : left + SIDE])
    return cv2.dnn.blobFromImageWithParams(crop, BLOB)


BLOB = cv2.dnn.Image2BlobParams()
BLOB.swapRB = True
BLOB.mean = [255 * value for value in TORCHVISION_V1["mean"]]
BLOB.scalefactor = [1 / (255 * value) for value in TORCHVISION_V1["std"]]

EXACT: dict[str, Preparation] = {"Pillow + torchvision": by_pillow, "OpenCV, INTER_AREA": by_opencv_area, "OpenCV, INTER_LINEAR": by_opencv_linear}
OF_JPEG: dict[str, Preparation] = {
    "simplejpeg + Pillow + torchvision": by_simplejpeg,
    "Pillow draft + torchvision": by_pillow_reduced,
    "OpenCV reduced, INTER_AREA": by_opencv_reduced,
    "simplejpeg reduced + Pillow + torchvision": by_simplejpeg_reduced,
}


def levels_from_pillow(data: bytes, prepare: Preparation) -> float:
    """Mean difference of the tensors from Pillow's and torchvision's, in levels of 8-bit pixels."""
    scale = 255 * np.array(TORCHVISION_V1["std"])[:, None, None]
    return float(np.abs((prepare(data) - by_pillow(data)) * scale).mean())
