"""Many pictures at once in an event loop: run it as `python async_many.py [BUNDLE PICTURE...]`.

Needs mediscan alone. With torch installed the findings are real, without it they are simulated and say so.
"""

import asyncio
import sys
import time
from pathlib import Path

import mediscan

EXAMPLES = Path(__file__).resolve().parents[1]


async def analyse(model: mediscan.Model, picture: Path) -> str:
    """What a person is told of one picture. A full queue is no failure: it says when to come again."""
    while True:
        try:
            result = await model.analyze_async(picture, timeout=30)
            return f"{result.findings[0].label}, in a batch of {result.execution.batch_size}"
        except mediscan.Overloaded as error:
            await asyncio.sleep(error.retry_after or 0.1)
        except mediscan.Error as error:
            return f"{error.code.name}: {error.message}"


async def main(bundle: Path, pictures: list[Path]) -> None:
    """Loads while the loop runs on, analyses all at once, and gives one up."""
    with mediscan.ModelManager(max_jobs=256) as manager:
        model = manager.load_async(bundle, fallback="mock")  # only ever a mock because we ask for it here
        await model.ready()
        print(model)

        asked = [*pictures, Path("missing.jpg")]
        said = await asyncio.gather(*(analyse(model, picture) for picture in asked))
        for picture, text in zip(asked, said):
            print(f"{picture.name:<34} {text}")

        uploads = 20 * [picture.read_bytes() for picture in pictures]  # as a web server has them: no file to read
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for upload in uploads:
                group.create_task(model.analyze_async(upload))
        print(f"{len(uploads) / (time.perf_counter() - begun):.0f} pictures a second")

        task = asyncio.create_task(model.analyze_async(uploads[0], priority="low"))
        await asyncio.sleep(0)
        task.cancel()  # the user has left: the job ends with its task
        await asyncio.gather(task, return_exceptions=True)
        print(f"cancelled: {task.cancelled()}, jobs in flight: {model.status().in_flight}, {model.status().analyses} ended so far")


if __name__ == "__main__":
    chosen = [Path(argument) for argument in sys.argv[1:]]
    chosen = chosen or [EXAMPLES.parent / "models" / "skin-demo", *sorted((EXAMPLES / "images").glob("skin-*.jpg"))]
    asyncio.run(main(chosen[0], chosen[1:]))
