// Mixed load for a long time: pictures of many sizes, priorities, deadlines, cancels, lists, loads, unloads, swaps,
// evictions, cache. Prints a line of JSON every ten seconds (resident memory, open files, threads, counts), and at the
// end the slope of the memory after warm-up. What must not happen: growth, a failure that nobody asked for.
//
// usage: mediscan_soak MINUTES BUNDLE BUNDLE_TO_SWAP_WITH PICTURE... (environment: MEDISCAN_SOAK_BACKEND, default mock;
//        MEDISCAN_SOAK_REDIS)
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mediscan/mediscan.hpp>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::byte>;

Bytes read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

struct Counts {
  std::atomic<std::uint64_t> results{0};
  std::atomic<std::uint64_t> cached{0};
  std::atomic<std::uint64_t> cancelled{0};
  std::atomic<std::uint64_t> late{0};
  std::atomic<std::uint64_t> overloaded{0};
  std::atomic<std::uint64_t> damaged{0};
  std::atomic<std::uint64_t> loads{0};
  std::atomic<std::uint64_t> swaps{0};
  std::atomic<std::uint64_t> unexpected{0};

  void count(const mediscan::Outcome<mediscan::Result>& outcome) {
    if (outcome) {
      ++results;
      if (outcome.value().execution.cached) ++cached;
      return;
    }
    count(outcome.error());
  }
  void count(const mediscan::Error& error) {
    using mediscan::ErrorCode;
    switch (error.code()) {
      case ErrorCode::cancelled:
        ++cancelled;
        return;
      case ErrorCode::deadline_exceeded:
        ++late;
        return;
      case ErrorCode::overloaded:
        ++overloaded;
        return;
      case ErrorCode::truncated_image:
      case ErrorCode::corrupt_image:
        ++damaged;
        return;
      default:
        if (unexpected++ < 20) std::fprintf(stderr, "unexpected: %s\n", error.what());
    }
  }
};

struct Soak {
  mediscan::ModelManager& manager;
  const mediscan::Analyzer& analyzer;
  std::vector<Bytes> pictures;
  std::string backend;
  std::vector<std::filesystem::path> bundles;
  Clock::time_point until;
  Counts counts;

  [[nodiscard]] bool on() const { return Clock::now() < until; }

  /// Pictures handed in, some with deadlines, some cancelled; a few asked for and waited for, alone and as lists.
  void use(unsigned seed) {
    std::mt19937 random(seed);
    while (on()) {
      try {
        const Bytes& picture = pictures[random() % pictures.size()];
        switch (random() % 8) {
          case 0:
            counts.count(analyzer.analyze(picture));
            break;
          case 1: {
            const std::vector<mediscan::Image> list(random() % 6 + 1, mediscan::Image::decode(pictures[0]));
            for (const auto& outcome : analyzer.analyze_batch(list)) counts.count(outcome);
            break;
          }
          case 2: {
            Bytes cut = picture;
            cut.resize(cut.size() / 2);
            counts.count(analyzer.submit(std::move(cut)).outcome());
            break;
          }
          default:
            burst(random);
        }
      } catch (const mediscan::Error& error) {
        counts.count(error);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 160));
    }
  }

  void burst(std::mt19937& random) {
    std::vector<mediscan::Job> jobs;
    for (auto i = random() % 12 + 1; i > 0; --i) {
      mediscan::JobOptions options;
      options.priority = static_cast<mediscan::Priority>(static_cast<int>(random() % 3) - 1);
      if (random() % 4 == 0) options.timeout = std::chrono::milliseconds(random() % 200 + 1);
      options.cache = random() % 2 == 0;
      if (random() % 3 == 0) options.on_done = [](const mediscan::Job&) {};
      try {
        jobs.push_back(analyzer.submit(pictures[random() % pictures.size()], options));
      } catch (const mediscan::Error& error) {
        counts.count(error);
        continue;
      }
      if (random() % 5 == 0) jobs[random() % jobs.size()].cancel();
    }
    for (const auto& job : jobs) counts.count(job.outcome());
  }

  /// Models come and go, and the one in use is swapped, under the memory bound.
  void turn_over() {
    mediscan::LoadOptions options;
    options.backend = backend;
    for (unsigned round = 1; on(); ++round) {
      try {
        options.max_batch = static_cast<int>(round % 3 + 1);  // other options, another model
        const auto model = round % 2 == 0 ? manager.load(bundles[1], options) : manager.load_async(bundles[1], options);
        model.wait();
        ++counts.loads;
        counts.count(mediscan::Analyzer(model).submit(pictures[0]).outcome());
        if (round % 3 != 0) manager.unload(model);  // the others are for eviction to take
        if (round % 4 == 0) {
          manager.swap(analyzer.model(), bundles[round / 4 % 2]);
          ++counts.swaps;
        }
      } catch (const mediscan::Error& error) {
        counts.count(error);
      }
      std::this_thread::sleep_for(500ms);
    }
  }
};

/// Least squares, per hour.
double slope_per_hour(const std::vector<std::pair<double, double>>& points) {
  double t = 0;
  double y = 0;
  for (const auto& [time, value] : points) {
    t += time;
    y += value;
  }
  t /= static_cast<double>(points.size());
  y /= static_cast<double>(points.size());
  double above = 0;
  double below = 0;
  for (const auto& [time, value] : points) {
    above += (time - t) * (value - y);
    below += (time - t) * (time - t);
  }
  return below > 0 ? above / below * 3600 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const double seconds = std::atof(argv[1]) * 60;
  const char* backend = std::getenv("MEDISCAN_SOAK_BACKEND");
  const char* redis = std::getenv("MEDISCAN_SOAK_REDIS");
  mediscan::ManagerOptions options;
  options.max_jobs = 64;
  options.max_model_bytes = 64ULL << 20;
  options.cache.memory_bytes = 1ULL << 20;
  if (redis != nullptr) options.cache.redis = redis;
  mediscan::ModelManager manager(options);
  mediscan::LoadOptions load;
  load.backend = backend != nullptr ? backend : "mock";
  const mediscan::Analyzer analyzer(manager.load(argv[2], load));
  const auto start = Clock::now();
  Soak soak{manager, analyzer, {}, load.backend, {argv[2], argv[3]}, {}, {}};
  soak.until = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (int i = 4; i < argc; ++i) soak.pictures.push_back(read_file(argv[i]));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 6; ++i) threads.emplace_back([&, i] { soak.use(i); });
  threads.emplace_back([&] { soak.turn_over(); });

  std::vector<std::pair<double, double>> resident;
  std::pair<std::uint64_t, std::uint64_t> files{~0ULL, 0};
  std::pair<std::uint64_t, std::uint64_t> tasks{~0ULL, 0};
  const auto widen = [](auto& range, std::uint64_t value) {
    range.first = std::min(range.first, value);
    range.second = std::max(range.second, value);
  };
  for (int sample = 1; soak.on(); ++sample) {
    std::this_thread::sleep_until(std::min(soak.until, start + sample * 10s));
    const auto metrics = manager.metrics();
    const double now = std::chrono::duration<double>(Clock::now() - start).count();
    const double mib = static_cast<double>(metrics.process.resident_bytes) / (1 << 20);
    const Counts& c = soak.counts;
    std::printf(
        "{\"s\": %.0f, \"resident_mib\": %.1f, \"files\": %llu, \"threads\": %llu, \"results\": %llu, \"cached\": "
        "%llu, "
        "\"cancelled\": %llu, \"late\": %llu, \"overloaded\": %llu, \"damaged\": %llu, \"loads\": %llu, \"swaps\": "
        "%llu, "
        "\"unexpected\": %llu}\n",
        now, mib, static_cast<unsigned long long>(metrics.process.open_files),
        static_cast<unsigned long long>(metrics.process.threads), static_cast<unsigned long long>(c.results),
        static_cast<unsigned long long>(c.cached), static_cast<unsigned long long>(c.cancelled),
        static_cast<unsigned long long>(c.late), static_cast<unsigned long long>(c.overloaded),
        static_cast<unsigned long long>(c.damaged), static_cast<unsigned long long>(c.loads),
        static_cast<unsigned long long>(c.swaps), static_cast<unsigned long long>(c.unexpected));
    std::fflush(stdout);
    if (now < seconds / 5) continue;  // warm-up
    resident.emplace_back(now, mib);
    widen(files, metrics.process.open_files);
    widen(tasks, metrics.process.threads);
  }
  for (auto& thread : threads) thread.join();
  if (resident.empty()) return 2;
  std::printf(
      "{\"after_warm_up\": true, \"resident_slope_mib_per_hour\": %.3f, \"files\": [%llu, %llu], \"threads\": [%llu, "
      "%llu], "
      "\"unexpected\": %llu}\n",
      slope_per_hour(resident), static_cast<unsigned long long>(files.first),
      static_cast<unsigned long long>(files.second), static_cast<unsigned long long>(tasks.first),
      static_cast<unsigned long long>(tasks.second), static_cast<unsigned long long>(soak.counts.unexpected));
  return soak.counts.unexpected == 0 ? 0 : 1;
}
