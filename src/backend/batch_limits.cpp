#include "backend/batch_limits.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "backend/network/kernels.hpp"

namespace mediscan::backend {
namespace {

constexpr std::uint32_t largest_side = 16384;

[[noreturn]] void reject(const std::string& why) { throw Error(ErrorCode::invalid_argument, Stage::backend, why); }

}  // namespace

void BatchLimits::require(const BatchInput& input, const BatchOutput& output) const {
  if (input.samples != nullptr && !takes_samples) reject("pictures as samples, this session takes tensors");
  if ((input.data == nullptr && input.samples == nullptr) || output.logits == nullptr)
    reject("a batch without memory for input or output");
  if (input.batch < 1 || input.batch > max_batch)
    reject(fmt::format("batch of {} pictures, this session takes 1 to {}", input.batch, max_batch));
  if (output.batch != input.batch)
    reject(fmt::format("{} pictures in, but {} rows of logits", input.batch, output.batch));
  if (output.outputs != outputs)
    reject(fmt::format("{} logits a picture asked for, the network has {}", output.outputs, outputs));
  if (input.channels != channels)
    reject(fmt::format("pictures of {} channels, the network takes {}", input.channels, channels));
  for (const std::uint32_t side : {input.height, input.width}) {
    if (side < smallest_side || side > largest_side) {
      reject(fmt::format("pictures of {} x {} pixels, the network takes {} to {} a side", input.width, input.height,
                         smallest_side, largest_side));
    }
  }
  if (input.samples != nullptr) return;
  const std::size_t values = std::size_t{input.batch} * input.channels * input.height * input.width;
  if (!all_finite({input.data, values})) reject("a picture with infinite or NaN values");
}

}  // namespace mediscan::backend
