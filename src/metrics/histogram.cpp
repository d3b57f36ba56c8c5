// Quantiles of a distribution that is known by its buckets only. The formula is that of Prometheus' histogram_quantile
// (https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), so that a dashboard and the
// snapshot tell the same; only an empty distribution gives 0 here and NaN there.
#include <algorithm>
#include <mediscan/metrics.hpp>
#include <numeric>

namespace mediscan {

double Histogram::quantile(double q) const {
  const auto buckets = std::min(bounds.size(), counts.size());
  const auto all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (all == 0 || buckets == 0) return 0;
  const double rank = (q > 0 ? std::min(q, 1.0) : 0.0) * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here == 0 || below + here < rank) {
      below += here;
      continue;
    }
    // The first bucket begins at 0, or, where it lies below 0, has no beginning.
    if (i == 0 && bounds[0] <= 0) return bounds[0];
    const double lower = i == 0 ? 0 : bounds[i - 1];
    return lower + (bounds[i] - lower) * (rank - below) / here;
  }
  return bounds[buckets - 1];
}

}  // namespace mediscan
