// The last layer: features to logits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/network/weights.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

class Linear {
 public:
  Linear() = default;
  /// Takes `name`.weight and `name`.bias.
  Linear(Weights& weights, const std::string& name, std::int64_t in, std::int64_t out);

  /// `features` is batch x in, `logits` batch x out, both row-major.
  void operator()(float* features, std::int64_t batch, float* logits) const;

 private:
  std::int64_t in_ = 0;
  std::int64_t out_ = 0;
  std::vector<float> weight_;  // out x in
  std::vector<float> bias_;
};

}  // namespace mediscan::backend::torch
