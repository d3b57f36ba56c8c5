"""ResNet-50 on a GPU: MediScan's torch backend against torch eager, torch.compile and AOTInductor in fp16, and itself in fp32 and on the CPU.

usage: python tests/perf/gpu.py [--quick] [--batches 1,64,256]

Every contender takes float32 pictures from host memory and gives float32 logits in host memory. Says why and ends with 0 where there is no GPU.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "parity")]

import torch  # noqa: E402  (the path above makes the next ones importable)
from driver import Driver, DriverError  # noqa: E402
from measure import THREADS, Contender, interleave, machine, table, timed  # noqa: E402
from networks import TORCHVISION_V1, normalise_logits, resnet50, write_bundle  # noqa: E402
from torch import nn  # noqa: E402

OURS = "MediScan fp16"
FP16_TOLERANCE = 0.02  # of the largest logit


def on_gpu(network: nn.Module, pinned: torch.Tensor) -> Contender:
    """From page-locked host memory through `network`, which takes fp16 channels_last, to host memory."""

    def call() -> torch.Tensor:
        with torch.inference_mode():
            pictures = pinned.to("cuda", non_blocking=True).to(torch.float16, memory_format=torch.channels_last)
            return network(pictures).float().cpu()

    return timed(call)


def torch_contenders(network: nn.Module, pinned: torch.Tensor, scratch: Path) -> dict[str, Contender]:
    half = copy.deepcopy(network).to("cuda", torch.float16, memory_format=torch.channels_last)
    example = pinned.to("cuda").to(torch.float16, memory_format=torch.channels_last)
    contenders = {"torch eager fp16, channels_last": on_gpu(half, pinned)}
    contenders["torch.compile reduce-overhead"] = on_gpu(torch.compile(half, mode="reduce-overhead"), pinned)
    with torch.inference_mode():
        package = torch._inductor.aoti_compile_and_package(
            torch.export.export(half, (example,)), package_path=str(scratch / f"resnet50-{len(pinned)}.pt2")
        )
    contenders["AOTInductor"] = on_gpu(torch._inductor.aoti_load_package(package), pinned)
    return contenders


def measure_cuda(driver: Driver, scratch: Path, batches: list[int], rounds: int, runs: int) -> dict[str, dict[str, float]]:
    """Median milliseconds a batch, by batch size."""
    network = resnet50(7)
    calibration = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    normalise_logits(network, calibration)
    bundle = write_bundle(scratch / "resnet50-cuda", network, "resnet50", 3, 7, TORCHVISION_V1)
    manifest = json.loads((bundle / "mediscan.json").read_text())
    manifest["precision"] = {"allowed": ["fp16"], "probability_tolerance": 0.5}
    (bundle / "mediscan.json").write_text(json.dumps(manifest))
    sessions = {
        name: driver("open", bundle=bundle, threads=THREADS, max_batch=max(batches), device=device, precision=precision)["id"]
        for name, device, precision in (
            (OURS, "cuda:0", "fp16"),
            ("MediScan fp32", "cuda:0", "fp32"),
            (f"MediScan on the CPU, fp32, {THREADS} threads", "cpu", "fp32"),
        )
    }
    medians = {}
    for batch in batches:
        pictures = torch.randn(batch, 3, 224, 224, generator=torch.Generator().manual_seed(batch))
        source = scratch / f"cuda-{batch}.bin"
        pictures.numpy().tofile(source)

        def ours(identity: int, batch: int = batch, source: Path = source) -> Contender:
            return lambda count: driver("forward", id=identity, tensor=source, batch=batch, repeat=count)["ms"]

        require_agreement(driver, sessions[OURS], network, pictures, source, scratch)
        contenders = {name: ours(identity) for name, identity in sessions.items()}
        if batch > 1:
            contenders = {name: each for name, each in contenders.items() if "CPU" not in name}
        contenders |= torch_contenders(network, pictures.pin_memory(), scratch)
        medians[f"resnet50, batch {batch}"] = interleave(contenders, rounds, runs)
    for identity in sessions.values():
        driver("close", id=identity)
    return medians


def require_agreement(driver: Driver, identity: int, network: nn.Module, pictures: torch.Tensor, source: Path, scratch: Path) -> None:
    """No time is worth anything for the wrong logits."""
    out = scratch / "logits.bin"
    driver("forward", id=identity, tensor=source, batch=len(pictures), repeat=3, out=out)
    got = torch.frombuffer(bytearray(out.read_bytes()), dtype=torch.float32).reshape(len(pictures), 7)
    with torch.inference_mode():
        expected = network.to("cuda")(pictures.to("cuda")).cpu()
    network.to("cpu")
    difference = (got - expected).abs().max().item()
    largest = expected.abs().max().item()
    print(f"batch {len(pictures)}: fp16 logits within {difference:.4f} of torch's fp32, the largest of which is {largest:.2f}", flush=True)
    if not difference <= FP16_TOLERANCE * largest:
        raise SystemExit("the logits are wrong: nothing was measured")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not to quote")
    parser.add_argument("--batches", default="1,64,256")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("not run on a GPU: torch sees no CUDA device on this machine")
        return
    rounds, runs = (3, 5) if arguments.quick else (12, 20)
    with Driver() as driver, tempfile.TemporaryDirectory() as scratch:
        try:
            medians = measure_cuda(driver, Path(scratch), [int(batch) for batch in arguments.batches.split(",")], rounds, runs)
        except DriverError as error:
            raise SystemExit(f"not run on a GPU: {error}") from error
    print("\n".join(machine()))
    print(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}\n")
    for title, values in medians.items():
        print(table(title, values, OURS))


if __name__ == "__main__":
    main()
