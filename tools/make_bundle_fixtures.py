#!/usr/bin/env python3
"""Writes safetensors files with the reference implementation, and what is in them, for tests/bundle. Needs the Python package safetensors alone.

usage: make_bundle_fixtures.py FOLDER

expected.json lists, for each file, its metadata and every tensor's dtype, shape and the SHA-256 of its bytes, taken from what was handed to
the writer and not from the file.
"""

import ctypes
import hashlib
import json
import math
import pathlib
import random
import sys

import safetensors

# safetensors' names for the writer, the names in the file, bytes an element.
DTYPES = [("bool", "BOOL", 1), ("uint8", "U8", 1), ("int8", "I8", 1), ("uint16", "U16", 2), ("int16", "I16", 2), ("uint32", "U32", 4),
          ("int32", "I32", 4), ("uint64", "U64", 8), ("int64", "I64", 8), ("float8_e4m3fn", "F8_E4M3", 1), ("float8_e5m2", "F8_E5M2", 1),
          ("float16", "F16", 2), ("bfloat16", "BF16", 2), ("float32", "F32", 4), ("float64", "F64", 8)]
F32 = DTYPES[13]


def tensor(rng, dtype, shape):
    writer_name, file_name, size = dtype
    data = rng.randbytes(math.prod(shape) * size)
    return {"writer": (writer_name, shape, data),
            "expected": {"dtype": file_name, "shape": shape, "sha256": hashlib.sha256(data).hexdigest()}}


def serialize(tensors, metadata):
    """The file's bytes. The package takes dictionaries before 0.8, and addresses of buffers since."""
    if not hasattr(safetensors, "TensorSpec"):
        return safetensors.serialize({key: {"dtype": dtype, "shape": shape, "data": data} for key, (dtype, shape, data) in tensors.items()}, metadata)
    buffers = {key: ctypes.create_string_buffer(data, max(len(data), 1)) for key, (_, _, data) in tensors.items()}
    specs = {key: safetensors.TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffers[key]), data_len=len(data))
             for key, (dtype, shape, data) in tensors.items()}
    return bytes(safetensors.serialize(specs, metadata))


def files(rng):
    every = {f"of_{dtype[0]}": tensor(rng, dtype, [rng.randrange(1, 5), rng.randrange(1, 5)]) for dtype in DTYPES}
    odd = {"scalar": tensor(rng, F32, []), "no_rows": tensor(rng, F32, [0, 3]), "no_columns": tensor(rng, F32, [3, 0]),
           "long": tensor(rng, DTYPES[1], [1] * 20), "": tensor(rng, F32, [1]), 'quote " and \\': tensor(rng, F32, [2]),
           "nævus 🔬": tensor(rng, F32, [3])}
    network = {}
    for layer in range(200):  # a ResNet's worth of names
        network[f"layer{layer // 50}.{layer}.conv1.weight"] = tensor(rng, F32, [4, 3, 3, 3])
        network[f"layer{layer // 50}.{layer}.bn1.num_batches_tracked"] = tensor(rng, DTYPES[8], [])
    yield "every_dtype", every, None
    yield "odd", odd, {"format": "pt", "": "empty key", "note": "line\nand \"quote\""}
    yield "network", network, {"format": "pt"}
    yield "no_tensors", {}, None
    yield "no_tensors_but_metadata", {}, {"a": "b"}


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20240613)
    expected = {}
    for name, tensors, metadata in files(rng):
        data = serialize({key: value["writer"] for key, value in tensors.items()}, metadata)
        (folder / f"{name}.safetensors").write_bytes(data)
        expected[name] = {"metadata": metadata or {}, "tensors": {key: value["expected"] for key, value in tensors.items()}}
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
