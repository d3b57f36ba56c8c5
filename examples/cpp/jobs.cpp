// Hands many pictures in at once and prints each as it is done, in C++: jobs with a deadline, bounds that refuse at
// once, and the counters at the end.
//
// usage: jobs BUNDLE PICTURE...            e.g.  jobs models/skin-demo *.jpg
//        MEDISCAN_EXAMPLE_BACKEND=mock     simulated scores, for a machine without LibTorch
#include <mediscan/mediscan.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace {

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) bytes.push_back(static_cast<std::byte>(*at));
  return bytes;
}

/// Called once a job, from a thread of the library, one after the other.
void print(const mediscan::Job& job) {
  const mediscan::Outcome<mediscan::Result>& outcome = job.outcome();
  if (!outcome) {
    std::printf("%s\n", outcome.error().message().c_str());
    return;
  }
  const mediscan::Result& result = outcome.value();
  std::printf("%-32s %-45s %6.2f %%  batch of %u, %.0f ms%s\n", result.input.name.c_str(),
              result.findings.front().label.c_str(), 100 * result.findings.front().probability.value_or(0),
              result.execution.batch_size, result.timing_ms.total,
              result.execution.simulated ? "  SIMULATED: this score comes from no model" : "");
}

/// A full queue says when to come again.
mediscan::Job submit(const mediscan::Analyzer& analyzer, std::vector<std::byte> bytes,
                     const mediscan::JobOptions& options) {
  for (;;) {
    try {
      return analyzer.submit(bytes, options);
    } catch (const mediscan::Error& error) {
      if (error.code() != mediscan::ErrorCode::overloaded) throw;
      std::this_thread::sleep_for(error.retry_after());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s BUNDLE PICTURE...\n", argv[0]);
    return 2;
  }
  try {
    mediscan::ModelManager manager;
    mediscan::LoadOptions options;
    if (const char* backend = std::getenv("MEDISCAN_EXAMPLE_BACKEND")) options.backend = backend;
    const mediscan::Analyzer analyzer(manager.load_async(argv[1], options));  // work waits for it
    const auto open = std::make_shared<std::latch>(argc - 2);
    for (int i = 2; i < argc; ++i) {
      mediscan::JobOptions job;
      job.name = argv[i];
      job.timeout = std::chrono::seconds(60);
      job.on_done = [open](const mediscan::Job& done) {
        print(done);
        open->count_down();
      };
      static_cast<void>(submit(analyzer, read_file(argv[i]), job));  // letting go of a job does not cancel it
    }
    open->wait();
    const auto metrics = manager.metrics().models.front();
    std::printf("%llu of %llu analysed; half of them within %.0f ms. %s\n",
                static_cast<unsigned long long>(metrics.succeeded), static_cast<unsigned long long>(metrics.submitted),
                1000 * metrics.total_seconds.quantile(0.5), std::string(mediscan::research_notice).c_str());
    return 0;
  } catch (const mediscan::Error& error) {
    std::fprintf(stderr, "%s\n  %s\n", error.message().c_str(), error.hint().c_str());
    return 3;
  }
}
