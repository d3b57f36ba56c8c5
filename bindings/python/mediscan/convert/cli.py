"""The command `python -m mediscan.convert`: options in, findings on standard output, errors on standard error."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .conversion import DOMAINS, TASKS, TOLERANCE
from .errors import ConversionError, UsageError
from .labels import PRESETS
from .recipe import NAMES

DESCRIPTION = """\
Turns a trained ResNet or DenseNet into a MediScan bundle, and proves it: MediScan's logits are compared with torch's.

Reads .pth, .pt (weights_only: nothing in the file is executed) and .safetensors, with the tensor names of torchvision,
torchxrayvision or MONAI. Three things no file tells, so you must: the order of the labels, the recipe that prepared the
training pictures, and whether labels exclude each other (--task).
"""
EXAMPLES = """\
examples:
  python -m mediscan.convert ham10000.pth models/skin --labels ham10000-alphabetical --recipe torchvision-v1
  python -m mediscan.convert net.safetensors models/skin --labels "mel:melanoma,nv:melanocytic nevus" \\
      --task multiclass --recipe squash-224 --statistics ham10000 --license CC-BY-NC-4.0
  python -m mediscan.convert xrv.pt models/chest --labels torchxrayvision --recipe xrv
  python -m mediscan.convert monai.pt models/chest --labels labels.txt --task multilabel --recipe my_recipe.json

exit codes: 0 the bundle is there; 1 it could not be made, or differs from torch, and nothing was written;
            2 an option is missing or wrong; 130 interrupted, nothing was written
The guide is docs/converting.md.
"""
CARD_OPTIONS = ("intended_use", "training_data", "limitations", "license", "warning")


def parser() -> argparse.ArgumentParser:
    """The options, in the order of --help."""
    made = argparse.ArgumentParser(
        prog="python -m mediscan.convert",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("weights", type=Path, metavar="WEIGHTS", help="a .pth, .pt or .safetensors file")
    made.add_argument("folder", type=Path, metavar="BUNDLE", help="folder to make")
    made.add_argument("--entry", help="which state dict, in a checkpoint that holds several")
    what = made.add_argument_group("what no file tells")
    what.add_argument("--labels", help=f"codes in the order of the outputs, a file of them, or {' or '.join(PRESETS)}")
    what.add_argument("--recipe", help=f"{', '.join(NAMES)}, or a .json file with the input object of docs/bundle.md")
    what.add_argument("--statistics", help="of squash-224: imagenet, ham10000, none")
    what.add_argument("--mean", type=_numbers, help="instead of --statistics, one number a channel: 0.76,0.55,0.57")
    what.add_argument("--std", type=_numbers, help="as --mean")
    what.add_argument("--task", choices=TASKS, help="exactly one label is true, or any number of them")
    about = made.add_argument_group("what the bundle says of itself")
    about.add_argument("--domain", choices=DOMAINS, help="default: known for the two label presets, else other")
    about.add_argument("--name", help="default: the folder's name")
    about.add_argument(
        "--version", default="1.0.0", metavar="MODEL_VERSION", help="of the model (default: %(default)s)"
    )
    for name in CARD_OPTIONS:
        about.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=f"model card: {name.replace('_', ' ')}")
    proof = made.add_argument_group("the proof")
    proof.add_argument(
        "--self-test", type=Path, metavar="PICTURE", help="its pixels go into the bundle (default: generated)"
    )
    expected = "what your own pipeline gave for that picture, =-1.5,0.3,2: proves the recipe"
    proof.add_argument("--expected-logits", type=_numbers, metavar="NUMBERS", help=expected)
    proof.add_argument(
        "--picture", type=Path, action="append", default=[], help="compare on this one too; may be repeated"
    )
    proof.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="largest difference of a logit (default: %(default)s)"
    )
    proof.add_argument("--no-verify", action="store_true", help="do not compare with torch; the output says so")
    made.add_argument("--force", action="store_true", help="replace the bundle that is there")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = parser().parse_args(arguments)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        return _convert(options)
    except ConversionError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("mediscan"):
            raise
        print(f"error: converting needs {error.name}, which is not installed", file=sys.stderr)
        print("  pip install torch torchvision safetensors numpy pillow", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, previous)


def _convert(options: argparse.Namespace) -> int:
    from . import from_file

    card = {name: getattr(options, name) for name in CARD_OPTIONS if getattr(options, name) is not None}
    made = from_file(
        options.weights,
        options.folder,
        entry=options.entry,
        labels=options.labels,
        recipe=options.recipe,
        statistics=options.statistics,
        mean=options.mean,
        std=options.std,
        task=options.task,
        domain=options.domain,
        name=options.name,
        version=options.version,
        self_test=options.self_test,
        expected_logits=options.expected_logits,
        pictures=options.picture,
        card=card,
        tolerance=options.tolerance,
        verify=not options.no_verify,
        force=options.force,
        report=_say,
    )
    size = sum(file.stat().st_size for file in made.folder.iterdir())
    _say("written", f"{made.folder} ({size / 2**20:.1f} MiB)")
    _say("next", f"mediscan inspect {made.folder}")
    return 0


def _say(subject: str, text: str) -> None:
    print(f"{subject:12} {text}", flush=True)


def _stop(*_: Any) -> NoReturn:
    """SIGTERM ends as Ctrl-C does, so that no half bundle is left."""
    raise KeyboardInterrupt


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 0.485,0.456,0.406") from None
