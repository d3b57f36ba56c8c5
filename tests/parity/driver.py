"""Steers build/release/bin/mediscan_driver: one JSON request a line, one JSON answer a line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MEDISCAN_DRIVER", ROOT / "build" / "release" / "bin" / "mediscan_driver"))


class DriverError(RuntimeError):
    """MediScan's typed error, as the driver reports it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Driver:
    """A MediScan process. Use it as a context manager; one request at a time."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        env = {**os.environ, **(environment or {})}
        self.said: list[str] = []  # what libraries in the process printed during the last request
        self._process = subprocess.Popen([str(BINARY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def __call__(self, op: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"op": op, **{key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        self.said = []
        while (line := self._process.stdout.readline()) and not line.startswith("{"):
            self.said.append(line)
        if not line:
            raise RuntimeError(f"the driver ended with {self._process.wait()} during {op}")
        answer = json.loads(line)
        if "error" in answer:
            raise DriverError(answer["code"], answer["error"])
        return answer

    def preprocess(self, bundle: Path, picture: Path, scratch: Path, **fields: Any) -> np.ndarray:
        """The tensor of one picture, channels x height x width."""
        answer = self("preprocess", bundle=bundle, picture=picture, out=scratch, **fields)
        return np.fromfile(scratch, np.float32).reshape(answer["channels"], answer["height"], answer["width"])

    def forward(self, session: int, tensors: np.ndarray, outputs: int, scratch: Path) -> np.ndarray:
        """Logits, batch x outputs, of float32 tensors, batch x channels x height x width."""
        source, target = scratch / "tensors.bin", scratch / "logits.bin"
        np.ascontiguousarray(tensors, np.float32).tofile(source)
        self("forward", id=session, tensor=source, batch=len(tensors), out=target)
        return np.fromfile(target, np.float32).reshape(len(tensors), outputs)
