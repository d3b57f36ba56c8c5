"""The recognised network with its weights: checks the values, builds torchvision's network of it, and compares that
with the module the weights came from. Its logits are the reference that MediScan must meet.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .architecture import COUNTER, Architecture, blank
from .errors import ConversionError


def storable(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The tensors as a bundle stores them, on the CPU: 32- and 16-bit floats as they are (MediScan widens them exactly
    when it loads), 64-bit floats rounded to 32 bits. Refuses anything else, and values that are no finite numbers.
    """
    import torch

    kept, notes, bad, strange = {}, [], [], []
    for key, value in tensors.items():
        if value.is_meta or value.layout != torch.strided:
            strange.append(f"{key} ({'without values' if value.is_meta else str(value.layout)})")
            continue
        value = value.detach().cpu()
        if COUNTER in key:
            kept[key] = value.clone()
            continue
        if value.dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
            strange.append(f"{key} ({str(value.dtype).removeprefix('torch.')})")
            continue
        stored = value.float() if value.dtype == torch.float64 else value
        if not bool(torch.isfinite(stored).all()):
            bad.append(key)
        kept[key] = stored.contiguous().clone()  # tied or overlapping memory cannot be written
    if strange:
        raise ConversionError(
            f"tensors of a kind that cannot be converted: {', '.join(strange[:8])}",
            "give float32, float16, bfloat16 or float64 weights; convert a quantised network before quantising it",
        )
    if bad:
        raise ConversionError(
            f"infinite or NaN values in {len(bad)} tensors: {', '.join(bad[:8])}",
            "the training diverged or the file is damaged; take an earlier checkpoint",
        )
    if any(value.dtype == torch.float64 for value in tensors.values()):
        notes.append("rounded float64 weights to float32")
    return kept, notes


def precision_of(tensors: Mapping[str, Any]) -> str:
    """The number formats of the weights, for people."""
    kinds = {str(value.dtype).removeprefix("torch.") for key, value in tensors.items() if COUNTER not in key}
    return " and ".join(sorted(kinds))


def build(architecture: Architecture, tensors: Mapping[str, Any]) -> Any:
    """torchvision's network with these weights, float32, in evaluation mode."""
    network = blank(architecture)
    wide = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    outcome = network.load_state_dict(wide, strict=False)
    left = [key for key in outcome.missing_keys if COUNTER not in key] + list(outcome.unexpected_keys)
    assert not left, left  # recognise() has compared every name
    return network.eval()


def logits_of(network: Any, tensor: Any) -> Any:
    """What torch gives for one float32 tensor (channels x height x width), as a NumPy array."""
    import numpy as np
    import torch

    with torch.inference_mode():
        logits = network(torch.from_numpy(tensor)[None])[0].numpy()
    if not np.isfinite(logits).all():
        raise ConversionError(
            "torch itself gives logits that are no finite numbers",
            "the weights overflow on an ordinary picture: take another checkpoint, or the recipe of the training",
        )
    return logits


def unwrapped(module: Any) -> Any:
    """The network inside DataParallel or torch.compile."""
    while True:
        inner = getattr(module, "_orig_mod", None) or (
            module.module if type(module).__name__.endswith("DataParallel") else None
        )
        if inner is None:
            return module
        module = inner


def require_same(module: Any, network: Any, tensors: list[Any], tolerance: float) -> float:
    """Largest difference between the module's own logits and those of torchvision's network with its weights. Names and
    shapes do not show activation functions, strides or a batch-norm's epsilon; this does.
    """
    import torch

    own = copy.deepcopy(module).cpu().float().eval()
    largest = 0.0
    for tensor in tensors:
        batch = torch.from_numpy(tensor)[None]
        with torch.inference_mode():
            given = own.classifier(own.features2(batch)) if is_torchxrayvision(own) else own(batch)
        if not isinstance(given, torch.Tensor) or given.shape != (1, len(logits_of(network, tensor))):
            what = tuple(given.shape) if isinstance(given, torch.Tensor) else type(given).__name__
            raise ConversionError(
                f"the module gives {what} for one picture, not one row of logits", "give the classifier alone"
            )
        difference = float((given[0] - torch.from_numpy(logits_of(network, tensor))).abs().max())
        if not difference <= tolerance:
            raise ConversionError(
                f"the module computes something else than torchvision's network with the same weights: "
                f"its outputs differ by {difference:.3g} (tolerance {tolerance:g})",
                _why(own, given[0]),
            )
        largest = max(largest, difference)
    return largest


def is_torchxrayvision(module: Any) -> bool:
    """Whether the module is torchxrayvision's DenseNet, whose forward may apply operating points."""
    own = any(cls.__module__.startswith("torchxrayvision") for cls in type(module).__mro__)
    return own and hasattr(module, "features2")


def _why(module: Any, outputs: Any) -> str:
    from torch import nn

    values = outputs.double()
    if bool((values >= 0).all()) and abs(float(values.sum()) - 1) < 1e-4:
        return (
            "its forward seems to end in a softmax: give the network that ends in logits, softmax comes with the bundle"
        )
    if bool(((values >= 0) & (values <= 1)).all()):
        return (
            "its forward seems to end in a sigmoid: give the network that ends in logits, sigmoid comes with the bundle"
        )
    kinds = {type(part).__name__ for part in module.modules() if type(part).__module__ == "torch.nn.modules.activation"}
    if others := kinds - {"ReLU"}:
        return f"it uses {', '.join(sorted(others))}; torchvision's network uses ReLU alone"
    epsilons = {part.eps for part in module.modules() if isinstance(part, nn.BatchNorm2d)}
    if epsilons - {1e-5}:
        return f"its batch-norms have epsilon {', '.join(map(str, sorted(epsilons)))}; torchvision's have 1e-05"
    return "strides, pooling or the forward function were changed; only torchvision's own network can be converted"
