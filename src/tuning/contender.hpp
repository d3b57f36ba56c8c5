// A configuration that serves, loaded, with what was timed of it so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mediscan/tune.hpp>
#include <memory>
#include <vector>

#include "model/loaded_model.hpp"
#include "model/self_test.hpp"

namespace mediscan::tuning {

/// The middle one, or the mean of the two in the middle. `samples` must not be empty.
double median(std::vector<double> samples);

class Contender {
 public:
  /// There are as many pictures as the model's largest batch, and they outlive this.
  Contender(TuneConfiguration configuration, std::shared_ptr<model::LoadedModel> model,
            const model::SelfTestPictures& pictures)
      : configuration_(std::move(configuration)), model_(std::move(model)), pictures_(pictures) {}

  /// Runs one picture after the other on the first lane for so many seconds, at least one; the very first does not
  /// count. Throws what a run throws.
  void time_alone(double seconds);
  /// Runs batches of this size on all lanes at once for so many seconds, at least one each; the very first of each does
  /// not count. Throws what a run throws.
  void time_batches(std::uint32_t batch, double seconds);

  [[nodiscard]] const std::vector<std::uint32_t>& batch_sizes() const noexcept { return model_->buckets(); }
  [[nodiscard]] const TuneConfiguration& configuration() const noexcept { return configuration_; }
  /// Of what was timed: one row a batch size. Everything must have been timed at least once.
  [[nodiscard]] std::vector<TuneRow> rows() const;

 private:
  double pictures_a_second(std::size_t lane, std::uint32_t batch, double seconds);

  TuneConfiguration configuration_;
  std::shared_ptr<model::LoadedModel> model_;
  std::reference_wrapper<const model::SelfTestPictures> pictures_;
  std::vector<double> alone_ms_;                        // a sample a picture
  std::map<std::uint32_t, std::vector<double>> rates_;  // a sample a round
};

}  // namespace mediscan::tuning
