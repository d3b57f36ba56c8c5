// A snapshot's gauges beside the registry's counters, in Prometheus' text format.
#pragma once

#include <prometheus/metric_family.h>

#include <mediscan/metrics.hpp>
#include <string>
#include <vector>

namespace mediscan::metrics {

/// `counted` is what a registry collected; of `snapshot` only what no registry holds is added: the gauges.
std::string prometheus_text(std::vector<prometheus::MetricFamily> counted, const MetricsSnapshot& snapshot);

}  // namespace mediscan::metrics
