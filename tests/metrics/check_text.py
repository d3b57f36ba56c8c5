"""Reads what print_metrics prints with prometheus-client's parser, and compares with what print_metrics.cpp counted.

usage: check_text.py PRINT_METRICS
"""

import math
import subprocess
import sys

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    print("MEDISCAN_SKIP: this Python lacks prometheus-client (tools/setup test installs it)")
    sys.exit(0)

HOSTILE = 'quote " backslash \\ line\nend } 1'

text = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")  # strict: Prometheus is, too
families = {family.name: family for family in text_string_to_metric_families(text)}
samples = {}
for family in families.values():
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge", "histogram"), (family.name, family.type)
    for sample in family.samples:
        key = (sample.name, *sorted(sample.labels.items()))
        assert key not in samples, f"{key} stands twice"
        samples[key] = sample.value


def value(name, **labels):
    return samples[(name, *sorted(labels.items()))]


assert value("mediscan_jobs_submitted_total", model=HOSTILE) == 2
assert value("mediscan_jobs_in_flight", model=HOSTILE) == 0
outcomes = {dict(labels)["outcome"]: count for (name, *labels), count in samples.items()
            if name == "mediscan_jobs_total" and dict(labels)["model"] == HOSTILE and count}
assert outcomes == {"OK": 1, "CANCELLED": 1, "OVERLOADED": 1}, outcomes
assert value("mediscan_stage_duration_seconds_count", model=HOSTILE, stage="total") == 2
assert math.isclose(value("mediscan_stage_duration_seconds_sum", model=HOSTILE, stage="total"), 100.045)
assert value("mediscan_stage_duration_seconds_bucket", model=HOSTILE, stage="total", le="0.05") == 1
assert value("mediscan_stage_duration_seconds_bucket", model=HOSTILE, stage="total", le="60") == 1
assert value("mediscan_stage_duration_seconds_bucket", model=HOSTILE, stage="total", le="+Inf") == 2
assert value("mediscan_model_loads_total", model="no UTF-8 \ufffd", outcome="OK") == 1
assert value("mediscan_jobs_queued", model="unloaded \U0001fa7a") == 2
assert value("mediscan_model_memory_bytes", model="unloaded \U0001fa7a") == 1 << 20
assert value("mediscan_cache_requests_total", tier="redis", outcome="error") == 1
assert value("mediscan_cache_memory_bytes") == 12345678901
assert value("mediscan_redis_circuit_open") == 1
assert value("process_threads") >= 1
print(f"{len(samples)} samples of {len(families)} families")
