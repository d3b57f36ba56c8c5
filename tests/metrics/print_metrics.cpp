// Prints the Prometheus text of a few counts with hostile names, for check_text.py, which knows them too.
#include <cstdio>

#include "metrics/metrics.hpp"

int main() {
  mediscan::metrics::Metrics metrics;
  auto& counters = metrics.model("quote \" backslash \\ line\nend } 1");
  counters.job_submitted();
  counters.job_submitted();
  counters.job_finished(std::nullopt, {4, 0.3, 0.05, 40, 0.2, 45});
  counters.job_finished(mediscan::ErrorCode::cancelled, {0, 0, 0, 0, 0, 100'000});
  counters.job_refused(mediscan::ErrorCode::overloaded);
  metrics.model("no UTF-8 \xFF").loaded();
  metrics.cache(mediscan::metrics::CacheTier::redis, mediscan::metrics::CacheEvent::error);
  const auto text = metrics.prometheus({{{"unloaded \xF0\x9F\xA9\xBA", 2, 1 << 20}}, 12'345'678'901, true});
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
