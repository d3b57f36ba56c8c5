"""The original design: Pillow, torchvision and torch eager behind a ThreadPoolExecutor of two threads; bytes in, probabilities out."""

from __future__ import annotations

import io
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from networks import TORCHVISION_V1
from PIL import Image
from torch import nn
from torchvision import transforms

POOL = 2


class Original:
    def __init__(self, network: nn.Module, pictures: list[bytes]) -> None:
        self._network = network
        self._pictures = itertools.cycle(pictures)
        self._recipe = transforms.Compose([
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(TORCHVISION_V1["mean"], TORCHVISION_V1["std"]),
        ])

    def analyse(self, data: bytes) -> list[float]:
        tensor = self._recipe(Image.open(io.BytesIO(data)).convert("RGB"))
        with torch.inference_mode():
            return torch.softmax(self._network(tensor[None]), 1)[0].tolist()

    def together(self, pictures: int, torch_threads: int) -> float:
        """Pictures a second when so many are handed in at once. torch keeps its number of threads per thread."""
        with ThreadPoolExecutor(POOL, initializer=torch.set_num_threads, initargs=(torch_threads,)) as pool:
            list(pool.map(self.analyse, itertools.islice(self._pictures, 2 * POOL)))
            data = list(itertools.islice(self._pictures, pictures))
            start = time.perf_counter()
            list(pool.map(self.analyse, data))
            return pictures / (time.perf_counter() - start)

    def one_after_the_other(self, pictures: int, torch_threads: int) -> float:
        torch.set_num_threads(torch_threads)
        self.analyse(next(self._pictures))
        data = list(itertools.islice(self._pictures, pictures))
        start = time.perf_counter()
        for picture in data:
            self.analyse(picture)
        return pictures / (time.perf_counter() - start)
