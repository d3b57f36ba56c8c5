"""The original design as a server: FastAPI, Pillow, torchvision and torch eager in a ThreadPoolExecutor of two threads.

usage: python original_server.py --weights FILE.safetensors [--torch-threads N] [--port PORT]

It prints http://127.0.0.1:PORT when it listens. POST /analyze takes multipart/form-data with one part `files`; GET /healthz answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "parity")]

import torch  # noqa: E402  (the path above makes what follows importable)
import uvicorn  # noqa: E402
from fastapi import FastAPI, UploadFile  # noqa: E402
from networks import TORCHVISION_V1  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torchvision import models, transforms  # noqa: E402

POOL = 2
LABELS = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def analyser(weights: Path) -> Any:
    """Bytes in, probabilities out."""
    network = models.resnet50(num_classes=len(LABELS))
    network.load_state_dict(load_file(weights))
    network.eval()
    recipe = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(TORCHVISION_V1["mean"], TORCHVISION_V1["std"]),
    ])

    def analyse(data: bytes) -> dict[str, float]:
        tensor = recipe(Image.open(io.BytesIO(data)).convert("RGB"))
        with torch.inference_mode():
            probabilities = torch.softmax(network(tensor[None]), 1)[0].tolist()
        return dict(zip(LABELS, probabilities, strict=True))

    return analyse


def create_app(weights: Path, torch_threads: int) -> FastAPI:
    """The application. torch keeps its number of threads per thread, so the pool sets it in each of its own."""
    app = FastAPI()
    pool = ThreadPoolExecutor(POOL, initializer=torch.set_num_threads, initargs=(torch_threads,))
    analyse = analyser(weights)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/analyze")
    async def analyze(files: UploadFile) -> dict[str, Any]:
        data = await files.read()
        return {"findings": await asyncio.get_running_loop().run_in_executor(pool, analyse, data)}

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--torch-threads", type=int, default=torch.get_num_threads(), help="of each pool thread (default: torch's own)")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    given = parser.parse_args()
    app = create_app(given.weights, given.torch_threads)
    listener = socket.create_server(("127.0.0.1", given.port), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
