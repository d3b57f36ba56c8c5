"""A first analysis, cell by cell: run it whole (`python quickstart.py [BUNDLE PICTURE...]`) or as a notebook (the cells are marked `# %%`).

Needs mediscan alone. With torch installed the findings are real, without it they are simulated and say so.
"""

# %% Load a model. It is hashed, self-tested and warm when this returns.
import asyncio
import sys
from pathlib import Path

import mediscan

EXAMPLES = Path(__file__).resolve().parents[1]
demo = [EXAMPLES.parent / "models" / "skin-demo", *sorted((EXAMPLES / "images").glob("skin-*.jpg"))]
bundle, *pictures = [Path(argument) for argument in sys.argv[1:]] or demo
model = mediscan.load(bundle, fallback="mock")  # only ever a mock because we ask for it here
print(model)

# %% Analyse one picture: a path, bytes, an open file, a Pillow image or a numpy array.
result = model.analyze(pictures[0])
print(f"{result.input.name}: {result.input.width} x {result.input.height}, {result.timing_ms.total:.1f} ms")
for finding in result.findings:
    shown = "not available" if finding.probability is None else f"{finding.probability:6.1%}  {'#' * round(30 * finding.probability)}"
    print(f"  {finding.label:<46} {shown}")
result  # noqa: B018  a notebook shows this as a table

# %% The record says what really ran. Never show findings without it.
print(f"{result.execution.backend} {result.execution.backend_version}, simulated: {result.execution.simulated}, {result.notice}")
for warning in result.warnings:
    print(f"  {warning.code}: {warning.message}")

# %% Many pictures: one outcome each, and a bad one never fails the rest.
asked = [*pictures, Path("missing.jpg")]
for picture, outcome in zip(asked, model.analyze_many(asked)):
    said = outcome.message if isinstance(outcome, mediscan.Error) else outcome.findings[0].label
    print(f"{picture.name:<34} {said}")


# %% Without waiting, beside other work of an event loop. (In a notebook: `await both()`.)
async def both() -> list[mediscan.Result]:
    return await asyncio.gather(*(model.analyze_async(picture) for picture in pictures[:2]))


print([result.findings[0].code for result in asyncio.run(both())])

# %% Errors say what, where, and what to do.
try:
    model.analyze(pictures[0].read_bytes()[:5000], name="upload.jpg")
except mediscan.TruncatedImage as error:
    print(f"{error.code.name} at stage {error.stage}: {error.message}")
