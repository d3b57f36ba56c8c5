"""The HTTP side's own counters, as text for Prometheus behind the library's. Counting is plain arithmetic; the client library is
imported by the first scrape.

No label holds anything of a client's making: routes are templates, methods and codes come from closed lists.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Of one server. For the event loop's thread, which also copies what a scrape shows."""

    def __init__(self) -> None:
        self.in_progress = 0
        self.upload_bytes = 0
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._errors: Counter[str] = Counter()
        self._seconds: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(SECONDS) + 1))
        self._sums: Counter[str] = Counter()

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request that ended."""
        self._requests[route, method, status] += 1
        self._seconds[route][bisect_left(SECONDS, seconds)] += 1
        self._sums[route] += seconds  # type: ignore[assignment]

    def count_error(self, code: str) -> None:
        """An error that was told: as an answer, for one of several files, or of a job."""
        self._errors[code] += 1

    def collect(self) -> Iterator[Metric]:
        """What a registry asks of a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily("mediscan_http_requests", "Requests that ended", labels=["route", "method", "status"])
        for (route, method, status), count in self._requests.items():
            requests.add_metric([route, method, str(status)], count)
        yield requests
        errors = CounterMetricFamily("mediscan_http_errors", "Errors told, by code", labels=["code"])
        for code, count in self._errors.items():
            errors.add_metric([code], count)
        yield errors
        seconds = HistogramMetricFamily("mediscan_http_request_duration_seconds", "From the first byte to the last", labels=["route"])
        for route, counts in self._seconds.items():
            cumulated, buckets = 0, []
            for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                cumulated += count
                buckets.append((bound, cumulated))
            seconds.add_metric([route], buckets, self._sums[route])
        yield seconds
        yield CounterMetricFamily("mediscan_http_upload_bytes", "Bytes of request bodies that were read", value=self.upload_bytes)
        yield GaugeMetricFamily("mediscan_http_requests_in_progress", "Requests that have not ended", value=self.in_progress)
        for name, (what, value) in self.gauges.items():
            yield GaugeMetricFamily(name, what, value=value())

    def text(self) -> str:
        """In Prometheus' text format 0.0.4."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry).decode()
