#include "backend/torch/linear.hpp"

#include <algorithm>
#include <array>

namespace mediscan::backend::torch {

Linear::Linear(Weights& weights, const std::string& name, std::int64_t in, std::int64_t out)
    : in_(in),
      out_(out),
      weight_(weights.take(name + ".weight", {out, in})),
      bias_(weights.take(name + ".bias", {out})) {}

void Linear::operator()(float* features, std::int64_t batch, float* logits) const {
  // Views of const data: aten::linear only reads them.
  auto* weight = const_cast<float*>(weight_.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  auto* bias = const_cast<float*>(bias_.data());      // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const Tensor result = call("aten::linear", "", Tensor::view(features, std::array{batch, in_}),
                             Tensor::view(weight, std::array{out_, in_}), Some{Tensor::view(bias, std::array{out_})});
  std::copy_n(result.data(), batch * out_, logits);
}

}  // namespace mediscan::backend::torch
