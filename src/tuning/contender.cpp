#include "tuning/contender.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "base/stopwatch.hpp"
#include "model/session_runner.hpp"

namespace mediscan::tuning {

double median(std::vector<double> samples) {
  std::ranges::sort(samples);
  const std::size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

void Contender::time_alone(double seconds) {
  model_->call(0, [&](model::SessionRunner& runner) {
    runner.time_batch(pictures_, 1);
    const base::Stopwatch watch;
    do {
      alone_ms_.push_back(runner.time_batch(pictures_, 1));
    } while (watch.ms() < 1000 * seconds);
  });
}

double Contender::pictures_a_second(std::size_t lane, std::uint32_t batch, double seconds) {
  double rate = 0;
  model_->call(lane, [&](model::SessionRunner& runner) {
    runner.time_batch(pictures_, batch);
    std::uint64_t pictures = 0;
    const base::Stopwatch watch;
    do {
      runner.time_batch(pictures_, batch);
      pictures += batch;
    } while (watch.ms() < 1000 * seconds);
    rate = 1000 * static_cast<double>(pictures) / watch.ms();
  });
  return rate;
}

void Contender::time_batches(std::uint32_t batch, double seconds) {
  const std::size_t lanes = model_->lanes().count();
  std::vector<double> rates(lanes);
  std::vector<std::exception_ptr> errors(lanes);
  {
    std::vector<std::jthread> others;  // each waits for its lane; they end with this block
    const auto time = [&](std::size_t lane) {
      try {
        rates[lane] = pictures_a_second(lane, batch, seconds);
      } catch (...) {
        errors[lane] = std::current_exception();
      }
    };
    for (std::size_t lane = 1; lane < lanes; ++lane) others.emplace_back(time, lane);
    time(0);
  }
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  double together = 0;
  for (const double rate : rates) together += rate;
  rates_[batch].push_back(together);
}

std::vector<TuneRow> Contender::rows() const {
  std::vector<TuneRow> rows;
  const double alone = median(alone_ms_);
  for (const auto& [batch, rates] : rates_) rows.push_back({configuration_, batch, alone, median(rates)});
  return rows;
}

}  // namespace mediscan::tuning
