"""Measures a MediScan server, tries what goes wrong in a hospital's network, and says whether everything held.

usage: python performance_test.py [--quick]                       starts a server of its own (needs mediscan[server])
       python performance_test.py --url http://127.0.0.1:8000     measures one that runs (needs nothing but Python)

Single analyses by size and format, concurrent clients, memory over a long run, and recovery: connections cut in the middle of an upload, time-outs,
damaged pictures, a server that is killed and started again (its own only). At the end a table and a plot. Exit code 0: everything held; 1: something
did not; 2: there was no server to measure. For figures against another design see `make bench-server`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load_client import Answer, Connection, OwnServer, Target, get, quantile, resident_bytes, wait_until_ready
from performance_pictures import SIZES, jpeg, png
from performance_plot import Panel, draw

ROOT = Path(__file__).parents[2]
TOKEN_VARIABLE = "MEDISCAN_SERVER_TOKEN"  # noqa: S105 - a name
MIB = 1 << 20
CLIENTS = (1, 8, 32)
REFUSED_WAIT = 0.05  # seconds; Retry-After says more, but here the server is to stay busy
GROWTH_ALLOWED = 8.0  # MiB between the second and the last quarter of the long run, and 3 %: allocators breathe by a few


@dataclass
class Report:
    """What was measured, and what was checked."""

    single: list[dict[str, Any]] = field(default_factory=list)
    concurrent: list[dict[str, Any]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MiB
    checks: list[tuple[str, bool | None, str]] = field(default_factory=list)  # None: not tried

    def check(self, name: str, held: bool | None, detail: str = "") -> None:
        """Notes and shows one."""
        self.checks.append((name, held, detail))
        print(f"  {'not tried' if held is None else 'held' if held else 'DID NOT HOLD'}: {name}{f' ({detail})' if detail else ''}", flush=True)

    @property
    def held(self) -> bool:
        """All that was tried."""
        return all(held is not False for _, held, _ in self.checks)


@dataclass
class Run:
    """One run of the program."""

    target: Target
    server: OwnServer | None
    domain: str
    quick: bool
    report: Report = field(default_factory=Report)

    @property
    def path(self) -> str:
        """Of one analysis. The cache of results is left out: the same picture is computed each time."""
        return f"/api/v1/{self.domain}/analyze?cache=false"

    def upload(self, data: bytes, name: str = "picture", query: str = "") -> bytes:
        """A request, ready to be sent."""
        return self.target.upload(self.path + query, (name, data))


async def single(run: Run) -> None:
    """One client, one picture after the other."""
    count = 5 if run.quick else 30
    connection = Connection(run.target)
    for size, (width, height) in SIZES.items():
        for kind, data in (("JPEG", jpeg(size)), ("PNG", png(width, height))):
            if data is None:
                run.report.check(f"{size} {kind}", None, "needs Pillow: pip install pillow")
                continue
            request = run.upload(data)
            await connection.ask(request)
            waited, inside, failed = [], [], Counter[str]()
            for _ in range(count):
                begun = time.perf_counter()
                answer = await connection.ask(request)
                if answer.status == 200:
                    waited.append((time.perf_counter() - begun) * 1000)
                    inside.append(answer.json["results"][0]["result"]["timing_ms"]["total"])
                else:
                    failed[f"{answer.status} {answer.error_code}"] += 1
            held = bool(waited) and not failed
            median = statistics.median(waited) if waited else float("nan")
            run.report.check(f"{size} {kind} analysed {count} times", held, f"{median:.1f} ms" if held else f"failed: {dict(failed)}")
            if waited:
                run.report.single.append({
                    "picture": f"{size} {kind}", "mb": len(data) / 1e6, "median": median, "p95": quantile(waited, 0.95),
                    "library": statistics.median(inside), "rest": statistics.median(a - b for a, b in zip(waited, inside, strict=True)),
                })  # fmt: skip
    connection.close()


async def concurrent(run: Run) -> None:
    """Clients that each send the next picture when they have the answer to the last."""
    seconds = 2.0 if run.quick else 10.0
    request = run.upload(jpeg("600x450") or png(600, 450))
    for clients in CLIENTS:
        waited, refused, failed = await closed_loop(run.target, [request], clients, seconds)
        held = bool(waited) and not failed
        detail = f"{len(waited) / seconds:.1f} a second" + (f", {refused} refused and sent again" if refused else "")
        run.report.check(f"{clients} client{'s' if clients > 1 else ''} at once", held, f"failed: {dict(failed)}" if failed else detail)
        if waited:
            run.report.concurrent.append({
                "clients": clients, "rate": len(waited) / seconds, "p50": quantile(waited, 0.5), "p95": quantile(waited, 0.95), "refused": refused,
            })  # fmt: skip


async def closed_loop(target: Target, requests: list[bytes], clients: int, seconds: float) -> tuple[list[float], int, Counter[str]]:
    """Milliseconds of what was answered 200, how many were refused as one too many, and what else came."""
    waited: list[float] = []
    failed = Counter[str]()
    refused = 0
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal refused
        connection = Connection(target)
        turn = number
        while (begun := time.perf_counter()) < until:
            try:
                answer = await connection.ask(requests[turn % len(requests)])
            except (OSError, TimeoutError) as error:
                failed[type(error).__name__] += 1
                await asyncio.sleep(REFUSED_WAIT)
                continue
            if answer.status == 200:
                waited.append((time.perf_counter() - begun) * 1000)
                turn += clients
            elif answer.status in (429, 503) and "retry-after" in answer.headers:
                refused += 1
                await asyncio.sleep(REFUSED_WAIT)
            else:
                failed[f"{answer.status} {answer.error_code}"] += 1
                turn += clients
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return waited, refused, failed


async def memory(run: Run, minutes: float) -> None:
    """Resident memory of the server while four clients send pictures of many sizes, damaged ones among them."""
    seconds = 6.0 if run.quick else 60.0 * minutes
    pictures = [data for data in (jpeg("224"), png(224, 224), jpeg("600x450"), png(1024, 1024), jpeg("12 MP")) if data is not None]
    requests = [run.upload(data) for data in pictures]
    requests.append(run.upload(pictures[0][: len(pictures[0]) // 2]))
    begun = time.monotonic()
    load = asyncio.create_task(closed_loop(run.target, requests, 4, seconds))
    while not load.done():
        run.report.memory.append((time.monotonic() - begun, await _resident_mib(run)))
        await asyncio.wait([load], timeout=0.25)
    waited, _, failed = await load
    # The damaged one has its status; nothing else may come.
    others = {name: count for name, count in failed.items() if not name.startswith("422 ")}
    values = [value for _, value in run.report.memory]
    quarter = max(1, len(values) // 4)
    before, after = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
    grown = after - before
    held = not others and grown < max(GROWTH_ALLOWED, 0.03 * before)
    run.report.check(
        f"memory over {seconds:g} s", held,
        f"{len(waited)} analyses, {before:.0f} MiB in the second quarter, {after:.0f} MiB in the last" + (f", failed: {others}" if others else ""),
    )  # fmt: skip


async def _resident_mib(run: Run) -> float:
    if run.server is not None:
        return resident_bytes(run.server.pid) / MIB
    return float((await get(run.target, "/api/v1/system/status")).json["system"]["resident_bytes"]) / MIB


async def recovery(run: Run) -> None:
    """Each misfortune has its typed error, and the next good request is answered."""
    good = run.upload(png(600, 450))
    await _cut_connections(run, good)
    await _refusals(run, good)
    if run.server is None:
        for name in ("an upload that stalls is cut", "killed and started again", "a shutdown finishes what was accepted"):
            run.report.check(name, None, "only with a server that this program starts")
        return
    await _stalled(run, run.server, good)
    await _killed(run, run.server, good)
    await _shut_down(run, run.server, good)


async def _cut_connections(run: Run, good: bytes) -> None:
    large = run.upload(png(1024, 1024))
    for share in (0.1, 0.5, 0.9) * (2 if run.quick else 10):
        connection = Connection(run.target)
        await connection.send(large[: int(share * len(large))])
        connection.close()
    answer = await _ask(run.target, good)
    run.report.check("connections cut in the middle of an upload", answer.status == 200, f"then {answer.status}")
    for _ in range(100):
        metrics = (await get(run.target, "/metrics")).body.decode()
        left = [line for line in metrics.splitlines() if line.startswith("mediscan_http_upload") and not line.endswith((" 0", " 0.0")) and "total" not in line]
        if not left:
            break
        await asyncio.sleep(0.05)
    run.report.check("nothing is held of what was cut", not left, "; ".join(left))


async def _refusals(run: Run, good: bytes) -> None:
    picture = png(600, 450)
    wrong: list[tuple[str, bytes, int, str]] = [
        ("a deadline that cannot be met", run.upload(picture, query="&timeout=0.000001"), 504, "DEADLINE_EXCEEDED"),
        ("a picture that breaks off", run.upload(picture[: len(picture) // 2]), 422, "TRUNCATED_IMAGE"),
        ("a file that is no picture", run.upload(b"%PDF-1.7 " * 100), 415, "UNSUPPORTED_FORMAT"),
        ("an empty file", run.upload(b""), 422, "EMPTY_INPUT"),
    ]
    for name, request, status, code in wrong:
        answer, then = await _ask(run.target, request), await _ask(run.target, good)
        held = (answer.status, answer.error_code, then.status) == (status, code, 200)
        run.report.check(name, held, f"{answer.status} {answer.error_code}, then {then.status}")


async def _stalled(run: Run, server: OwnServer, good: bytes) -> None:
    connection = Connection(server.target)
    begun = time.monotonic()
    await connection.send(good[: len(good) // 2])
    async with asyncio.timeout(30):
        answer = await connection.receive()
    connection.close()
    then = await _ask(server.target, good)
    held = (answer.status, answer.error_code, then.status) == (408, "UPLOAD_TOO_SLOW", 200)
    run.report.check("an upload that stalls is cut", held, f"{answer.status} {answer.error_code} after {time.monotonic() - begun:.1f} s, then {then.status}")


async def _killed(run: Run, server: OwnServer, good: bytes) -> None:
    load = asyncio.create_task(closed_loop(server.target, [good], 8, 2.0))
    await asyncio.sleep(0.7)
    server.kill()
    waited, _, failed = await load
    typed = all(name.startswith("Connection") for name in failed)
    run.report.check("killed under load: requests fail at once", bool(waited) and bool(failed) and typed, f"{len(waited)} answered, then {dict(failed)}")
    begun = time.monotonic()
    server.restart()
    await wait_until_ready(server.target, run.domain)
    seconds = time.monotonic() - begun
    waited, _, failed = await closed_loop(server.target, [good], 8, 1.0)
    run.report.check("started again on its port: requests work again", bool(waited) and not failed, f"ready after {seconds:.2f} s, {len(waited)} answered")


async def _shut_down(run: Run, server: OwnServer, good: bytes) -> None:
    large = run.upload(png(*SIZES["12 MP"]))
    connections = [Connection(server.target) for _ in range(6)]
    for connection in connections:
        await connection.send(large)
    answers = [asyncio.create_task(connection.receive()) for connection in connections]
    await asyncio.sleep(0.05)
    server.terminate()
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    code = await asyncio.to_thread(server.wait)
    said = Counter(str(outcome.status) if isinstance(outcome, Answer) else type(outcome).__name__ for outcome in outcomes)
    run.report.check("a shutdown finishes what was accepted", said == {"200": 6} and code == 0, f"{dict(said)}, exit code {code}")
    server.restart()
    await wait_until_ready(server.target, run.domain)
    run.report.check("and it starts again", (await _ask(server.target, good)).status == 200)


async def _ask(target: Target, request: bytes) -> Answer:
    connection = Connection(target)
    try:
        return await connection.ask(request)
    finally:
        connection.close()


def table(report: Report) -> str:
    """All figures."""
    lines = ["", f"{'picture':<14}{'MB':>7}{'median ms':>11}{'p95 ms':>9}{'in the library':>16}{'around it':>11}"]
    lines += [
        f"{row['picture']:<14}{row['mb']:>7.2f}{row['median']:>11.1f}{row['p95']:>9.1f}{row['library']:>16.1f}{row['rest']:>11.1f}" for row in report.single
    ]
    lines += ["", f"{'clients':<14}{'pictures/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'refused':>9}"]
    lines += [f"{row['clients']:<14}{row['rate']:>12.1f}{row['p50']:>9.0f}{row['p95']:>9.0f}{row['refused']:>9}" for row in report.concurrent]
    tried = [held for _, held, _ in report.checks if held is not None]
    lines += ["", f"{sum(tried)} of {len(tried)} checks held" + (f", {len(report.checks) - len(tried)} were not tried" if len(tried) < len(report.checks) else "")]
    return "\n".join(lines + [f"  did not hold: {name} ({detail})" for name, held, detail in report.checks if held is False])


def plot(path: Path, report: Report, title: str) -> None:
    """All figures as a picture."""
    panels = []
    if report.single:
        series = [(name, [row[key] for row in report.single]) for name, key in (("whole", "median"), ("in the library", "library"))]
        panels.append(Panel("One client, median", "ms", [row["picture"] for row in report.single], series))
    if report.concurrent:
        panels.append(Panel("Throughput", "pictures/s", [str(row["clients"]) for row in report.concurrent], [("", [row["rate"] for row in report.concurrent])], "clients"))
    if report.memory:
        panels.append(Panel("Resident memory", "MiB", [at for at, _ in report.memory], [("", [value for _, value in report.memory])], "seconds"))
    draw(path, title, panels)


async def measure(run: Run, minutes: float, only: list[str]) -> str:
    """Everything that was asked for, one after the other; what the server says it is."""
    if run.server is None:
        try:
            await get(run.target, "/healthz")  # one that is not there is not waited for
        except OSError as error:
            raise ConnectionError(f"no server: {error}\nStart one with `make serve`, or give its address with --url.") from error
    await wait_until_ready(run.target, run.domain)
    status = (await get(run.target, f"/api/v1/{run.domain}/model-status")).json
    execution = status["execution"]
    ran = f"{status['model']['name']} on {execution['backend']} {execution['backend_version']}, {execution['device']}{', SIMULATED' if execution['simulated'] else ''}"
    print(f"{run.target.host}:{run.target.port}: {ran}")
    parts: dict[str, Callable[[], Awaitable[None]]] = {
        "single": lambda: single(run), "concurrent": lambda: concurrent(run), "memory": lambda: memory(run, minutes), "recovery": lambda: recovery(run),
    }  # fmt: skip
    for name in only:
        print(f"{name}:", flush=True)
        await parts[name]()
    return ran


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that runs; without it one is started and ended here")
    parser.add_argument("--token", help=f"its bearer token; better in the variable {TOKEN_VARIABLE}, which other users of the machine cannot read")
    parser.add_argument("--domain", choices=("skin-analysis", "radiology"), default="skin-analysis")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="bundles of the own server (default: the demo models)")
    parser.add_argument("--backend", choices=("auto", "torch", "onednn", "mock"), default="auto", help="of the own server; mock measures all but the network")
    parser.add_argument("--quick", action="store_true", help="half a minute, to see that it works")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long memory is watched (default 1)")
    parser.add_argument("--only", default="single,concurrent,memory,recovery", help="some of these, by commas")
    parser.add_argument("--plot", type=Path, default=Path("performance_test.svg"), help="where the plot goes (default: here)")
    given = parser.parse_args()
    only = given.only.split(",")
    if unknown := set(only) - {"single", "concurrent", "memory", "recovery"}:
        parser.error(f"--only: {', '.join(sorted(unknown))} is unknown")
    token = given.token or os.environ.get(TOKEN_VARIABLE)
    with ExitStack() as ends:
        try:
            server = None
            if given.url is None:
                log = ends.enter_context(tempfile.NamedTemporaryFile(prefix="mediscan-server-", suffix=".log"))
                options = ("--models", str(given.models), "--backend", given.backend, "--uploads-per-client", "64", "--upload-timeout", "2", "--log-level", "warning")
                server = ends.enter_context(OwnServer.mediscan(log, *options, token=token, env={TOKEN_VARIABLE: token or ""}))
            run = Run(server.target if server else Target.of(given.url, token), server, given.domain, given.quick)
            ran = asyncio.run(measure(run, given.minutes, only))
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            print(f"performance_test: {error}", file=sys.stderr)
            return 2
    print(table(run.report))
    plot(given.plot, run.report, f"MediScan server: {ran}")
    print(f"plot: {given.plot}")
    return 0 if run.report.held else 1


if __name__ == "__main__":
    sys.exit(main())
