// The engine under load, steered by tests/perf/load/run.py: one JSON request a line on standard input, one JSON answer
// a line on standard output. It measures and does not judge. It uses the public API alone.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mediscan/mediscan.hpp>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::byte>;

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

Clock::duration in_clock(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

double ms(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// Percentiles by nearest rank.
json percentiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  json found = {{"n", values.size()}};
  if (values.empty()) return found;
  for (const auto& [name, share] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    found[name] = values[std::max<std::size_t>(rank, 1) - 1];
  }
  found["max"] = values.back();
  return found;
}

/// A time that counts: between warm-up and end.
struct Window {
  Window(double warm_up, double seconds)
      : start(Clock::now()), from(start + in_clock(warm_up)), until(from + in_clock(seconds)), length(seconds) {}
  [[nodiscard]] bool holds(Clock::time_point when) const { return when >= from && when < until; }
  Clock::time_point start, from, until;
  double length;
};

/// The backend alone: batches of one size back to back through a session opened by hand, always on one thread.
class Raw {
 public:
  explicit Raw(const json& request) : bundle_(mediscan::Bundle::read(request.at("bundle").get<std::string>())) {
    std::vector<Bytes> files;
    std::vector<mediscan::WeightsView> views;
    for (const auto& weights : bundle_.weights) {
      files.push_back(read_file((bundle_.directory / weights.file).string()));
      views.push_back({weights.file, weights.format, weights.sha256, std::span(files.back())});
    }
    for (const auto& backend : mediscan::registered_backends()) {
      if (backend->name() != "torch") continue;
      session_ = backend->open({bundle_, views, "cpu", "fp32", request.at("threads"), request.at("max_batch"), {}});
    }
    if (!session_) throw std::runtime_error("no backend torch");
    const auto [height, width] = bundle_.input_size();
    batch_ = request.at("max_batch");
    tensor_.resize(std::size_t{batch_} * bundle_.architecture.in_channels * height * width);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : tensor_) value = normal(random);
    logits_.resize(std::size_t{batch_} * bundle_.architecture.outputs);
    for (int i = 0; i < 3; ++i) once();
  }

  json measure(double seconds) {
    std::vector<double> times;
    once();  // pays for waking threads and for cold caches
    const auto start = Clock::now();
    const auto until = start + in_clock(seconds);
    auto last = start;
    while (last < until) {
      once();
      const auto now = Clock::now();
      times.push_back(ms(now - last));
      last = now;
    }
    const double pictures = static_cast<double>(times.size()) * batch_;
    return {{"rate", pictures / std::chrono::duration<double>(last - start).count()}, {"batch_ms", percentiles(times)}};
  }

 private:
  void once() {
    const auto [height, width] = bundle_.input_size();
    session_->run({tensor_.data(), batch_, bundle_.architecture.in_channels, height, width, mediscan::Layout::nchw},
                  {logits_.data(), batch_, bundle_.architecture.outputs}, never_);
  }

  mediscan::Bundle bundle_;
  std::unique_ptr<mediscan::Session> session_;
  std::uint32_t batch_ = 1;
  std::vector<float> tensor_;
  std::vector<float> logits_;
  const std::atomic<bool> never_{false};
};

/// What a manager's own counters say of a stretch of time.
class Counted {
 public:
  explicit Counted(const mediscan::ModelManager& manager) : manager_(manager), before_(of(manager)) {}

  [[nodiscard]] json since() const {
    const auto after = of(manager_);
    const auto mean = [&](const mediscan::Histogram& now, const mediscan::Histogram& then) {
      return now.count == then.count ? 0.0 : (now.sum - then.sum) / static_cast<double>(now.count - then.count);
    };
    return {{"mean_batch", mean(after.batch_size, before_.batch_size)},
            {"decode_ms", 1000 * mean(after.decode_seconds, before_.decode_seconds)},
            {"preprocess_ms", 1000 * mean(after.preprocess_seconds, before_.preprocess_seconds)},
            {"inference_ms", 1000 * mean(after.inference_seconds, before_.inference_seconds)}};
  }

 private:
  static mediscan::ModelMetrics of(const mediscan::ModelManager& manager) { return manager.metrics().models.at(0); }

  const mediscan::ModelManager& manager_;
  mediscan::ModelMetrics before_;
};

/// One job of an open loop. `ended` is written by the library's thread for callbacks.
struct Arrival {
  Clock::time_point intended;
  std::atomic<Clock::rep> ended{0};
  std::optional<mediscan::Job> job;
  std::optional<mediscan::ErrorCode> refused;
};

class Load {
 public:
  json answer(const json& request) {
    const std::string op = request.at("op");
    if (op == "open") return open(request);
    if (op == "raw") return raw_->measure(request.at("seconds"));
    if (op == "closed") return closed(request.at("clients"), request.at("warm_up"), request.at("seconds"));
    if (op == "arrivals") return arrivals(request);
    throw std::runtime_error("unknown op " + op);
  }

 private:
  json open(const json& request) {
    for (const auto& path : request.at("pictures")) pictures_.push_back(read_file(path));
    raw_.emplace(request);
    mediscan::ManagerOptions bounds;
    bounds.threads = request.at("threads");
    bounds.max_jobs = request.at("max_jobs");
    manager_.emplace(bounds);
    mediscan::LoadOptions options;
    options.backend = "torch";
    options.max_batch = request.at("max_batch");
    options.profile = "off";  // what this user has tuned is not what is measured
    analyzer_.emplace(manager_->load(request.at("bundle").get<std::string>(), options));
    const auto status = analyzer_->model().status();
    return {{"backend_version", status.execution.backend_version}, {"device", status.execution.device}};
  }

  /// Each client hands in encoded bytes, waits for the findings, and hands in the next.
  json closed(int clients, double warm_up, double seconds) {
    struct Seen {
      Clock::time_point end;
      double latency_ms;
    };
    std::vector<std::vector<Seen>> seen(static_cast<std::size_t>(clients));
    std::atomic<std::uint64_t> failures{0};
    const Window window(warm_up, seconds);
    std::vector<std::thread> threads;
    for (int client = 0; client < clients; ++client) {
      threads.emplace_back([&, client] {
        const auto number = static_cast<std::size_t>(client);
        for (std::size_t next = number * 7; Clock::now() < window.until; ++next) {
          const auto start = Clock::now();
          const bool good = static_cast<bool>(analyzer_->submit(pictures_[next % pictures_.size()]).outcome());
          const auto end = Clock::now();
          if (!good) ++failures;
          if (good) seen[number].push_back({end, ms(end - start)});
        }
      });
    }
    std::this_thread::sleep_until(window.from);
    const Counted counted(*manager_);
    std::this_thread::sleep_until(window.until);
    json answer = counted.since();
    for (auto& thread : threads) thread.join();
    std::vector<Clock::time_point> ends;
    std::vector<double> latencies;
    for (const auto& mine : seen) {
      for (const Seen& one : mine) {
        ends.push_back(one.end);
        if (window.holds(one.end)) latencies.push_back(one.latency_ms);
      }
    }
    answer["rate"] = rate_of(std::move(ends), window);
    answer["failures"] = failures.load();
    answer["latency_ms"] = percentiles(std::move(latencies));
    return answer;
  }

  /// From the last end before the window to the last within it. Ends come eight at a time: a count over the window
  /// itself would be wrong by up to a batch.
  static double rate_of(std::vector<Clock::time_point> ends, const Window& window) {
    std::sort(ends.begin(), ends.end());
    const auto from = std::lower_bound(ends.begin(), ends.end(), window.from);
    const auto until = std::lower_bound(ends.begin(), ends.end(), window.until);
    if (from == ends.begin() || from == until) return 0;  // warm-up or window were too short for one batch
    const std::chrono::duration<double> took = *(until - 1) - *(from - 1);
    return static_cast<double>(until - from) / took.count();
  }

  /// Pictures come when a Poisson process says, whatever became of those before; latency counts from that moment, and
  /// so does the deadline.
  json arrivals(const json& request) {
    const double rate = request.at("rate");
    const auto timeout = in_clock(request.at("timeout_s"));
    const bool with_deadline = request.at("with_deadline");
    const double warm_up = request.at("warm_up");
    const double seconds = request.at("seconds");
    std::vector<std::unique_ptr<Arrival>> all;
    std::mt19937_64 random(request.at("seed").get<std::uint64_t>());
    std::exponential_distribution<double> gap(rate);
    for (double at = gap(random); at < warm_up + seconds; at += gap(random)) {
      all.push_back(std::make_unique<Arrival>());
      all.back()->intended = Clock::time_point(in_clock(at));  // the start is added when it is known
    }
    const Window window(warm_up, seconds);
    for (const auto& arrival : all) arrival->intended += window.start.time_since_epoch();
    std::optional<Counted> counted;
    Clock::duration generator_late{0};
    std::size_t next = 0;
    for (const auto& arrival : all) {
      std::this_thread::sleep_until(arrival->intended);
      generator_late = std::max(generator_late, Clock::now() - arrival->intended);
      if (!counted && arrival->intended >= window.from) counted.emplace(*manager_);
      hand_in(*arrival, next++, with_deadline ? std::optional(timeout) : std::nullopt);
    }
    std::this_thread::sleep_until(window.until);
    json answer = counted ? counted->since() : json::object();
    for (const auto& arrival : all) {
      if (arrival->job) arrival->job->wait();
      while (arrival->job && arrival->ended.load() == 0) std::this_thread::yield();
    }
    answer["generator_late_ms"] = ms(generator_late);
    answer.update(tally(all, window, timeout));
    return answer;
  }

  void hand_in(Arrival& arrival, std::size_t number, std::optional<Clock::duration> timeout) {
    mediscan::JobOptions options;
    if (timeout)
      options.timeout = std::max<Clock::duration>(arrival.intended + *timeout - Clock::now(), in_clock(1e-6));
    options.on_done = [&arrival](const mediscan::Job&) { arrival.ended = Clock::now().time_since_epoch().count(); };
    try {
      arrival.job = analyzer_->submit(pictures_[number % pictures_.size()], options);
    } catch (const mediscan::Error& error) {
      arrival.refused = error.code();
    }
  }

  /// Rates count what ended within the window, percentiles what arrived in it.
  static json tally(const std::vector<std::unique_ptr<Arrival>>& all, const Window& window, Clock::duration timeout) {
    std::map<std::string, std::uint64_t> refused;
    std::map<std::string, std::uint64_t> failed;
    std::vector<double> latencies;
    std::uint64_t arrived = 0;
    std::uint64_t accepted = 0;
    std::uint64_t late = 0;
    std::uint64_t done = 0;
    std::uint64_t done_in_time = 0;
    for (const auto& arrival : all) {
      const bool counts = window.holds(arrival->intended);
      if (counts) ++arrived;
      if (arrival->refused) {
        if (counts) ++refused[std::string(mediscan::name_of(*arrival->refused))];
        continue;
      }
      const auto& outcome = arrival->job->outcome();
      const Clock::time_point ended(Clock::duration(arrival->ended.load()));
      const bool in_time = ended - arrival->intended <= timeout;
      if (outcome && window.holds(ended)) ++done;
      if (outcome && window.holds(ended) && in_time) ++done_in_time;
      if (!counts) continue;
      ++accepted;
      if (!outcome) ++failed[std::string(mediscan::name_of(outcome.error().code()))];
      if (outcome) latencies.push_back(ms(ended - arrival->intended));
      if (outcome && !in_time) ++late;
    }
    return {{"arrived", arrived},
            {"accepted", accepted},
            {"refused", refused},
            {"failed", failed},
            {"late", late},
            {"offered_rate", static_cast<double>(arrived) / window.length},
            {"rate", static_cast<double>(done) / window.length},
            {"goodput", static_cast<double>(done_in_time) / window.length},
            {"latency_ms", percentiles(std::move(latencies))}};
  }

  std::vector<Bytes> pictures_;
  std::optional<Raw> raw_;
  std::optional<mediscan::ModelManager> manager_;
  std::optional<mediscan::Analyzer> analyzer_;
};

}  // namespace

int main() {
  Load load;
  for (std::string line; std::getline(std::cin, line);) {
    json reply;
    try {
      reply = load.answer(json::parse(line));
    } catch (const mediscan::Error& error) {
      reply = {{"error", error.message()}, {"code", mediscan::name_of(error.code())}};
    } catch (const std::exception& error) {
      reply = {{"error", error.what()}, {"code", "LOAD"}};
    }
    std::cout << reply.dump() << std::endl;
  }
}
