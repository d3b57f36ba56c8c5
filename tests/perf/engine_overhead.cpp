// What the engine costs a job: from submit to its end one at a time, and how many a second when many are in flight, on
// mock with an Image already decoded. One line of JSON on standard output.
//
// usage: mediscan_engine_overhead BUNDLE PICTURE [SECONDS]
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mediscan/mediscan.hpp>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Microseconds from submit to the end, nothing else going on.
double alone(const mediscan::Analyzer& analyzer, const mediscan::Image& image, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    analyzer.submit(image).wait();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  return median(std::move(times));
}

/// Jobs a second with `in_flight` jobs open at once, handed in by one thread that hears of their ends through one
/// descriptor's queue.
double together(const mediscan::Analyzer& analyzer, const mediscan::Image& image, int in_flight, double seconds) {
  mediscan::JobOptions options;
  options.completions = std::make_shared<mediscan::CompletionQueue>();
  std::array<std::uint64_t, 256> tags{};
  int open = 0;
  std::uint64_t done = 0;
  const auto start = Clock::now();
  const auto until = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (Clock::now() < until) {
    for (; open < in_flight; ++open) static_cast<void>(analyzer.submit(image, options));
    const std::size_t taken = options.completions->take(tags);
    open -= static_cast<int>(taken);
    done += taken;
    if (taken == 0) std::this_thread::yield();
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  while (open > 0) open -= static_cast<int>(options.completions->take(tags));
  return static_cast<double>(done) / took;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3;
  mediscan::ManagerOptions bounds;
  bounds.max_job_bytes = 8ULL << 30;
  mediscan::ModelManager manager(bounds);
  mediscan::LoadOptions options;
  options.backend = "mock";
  const mediscan::Analyzer analyzer(manager.load(argv[1], options));
  const mediscan::Image image = mediscan::Image::read(argv[2]);
  static_cast<void>(together(analyzer, image, 64, 0.3));
  const double waited = [&] {
    std::vector<double> times;
    for (int i = 0; i < 3000; ++i) {
      const auto start = Clock::now();
      static_cast<void>(analyzer.analyze(image));
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    return median(std::move(times));
  }();
  std::printf("{\"analyze_us\": %.2f, \"submit_to_end_us\": %.2f", waited, alone(analyzer, image, 3000));
  for (const int in_flight : {8, 64, 512}) {
    std::printf(", \"jobs_a_second_%d\": %.0f", in_flight, together(analyzer, image, in_flight, seconds));
  }
  std::printf("}\n");
}
