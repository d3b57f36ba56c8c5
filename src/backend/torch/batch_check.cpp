#include "backend/torch/batch_check.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "backend/torch/kernels.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr std::uint32_t largest_side = 16384;

}  // namespace

void check_batch(const BatchInput& input, const BatchOutput& output, const BatchLimits& limits) {
  const auto reject = [](const std::string& why) { throw Error(ErrorCode::invalid_argument, Stage::backend, why); };
  if (input.data == nullptr || output.logits == nullptr) reject("a batch without memory for input or output");
  if (input.batch < 1 || input.batch > limits.max_batch)
    reject(fmt::format("batch of {} pictures, this session takes 1 to {}", input.batch, limits.max_batch));
  if (output.batch != input.batch)
    reject(fmt::format("{} pictures in, but {} rows of logits", input.batch, output.batch));
  if (output.outputs != limits.outputs)
    reject(fmt::format("{} logits a picture asked for, the network has {}", output.outputs, limits.outputs));
  if (input.channels != limits.channels)
    reject(fmt::format("pictures of {} channels, the network takes {}", input.channels, limits.channels));
  for (const std::uint32_t side : {input.height, input.width}) {
    if (side < limits.smallest_side || side > largest_side) {
      reject(fmt::format("pictures of {} x {} pixels, the network takes {} to {} a side", input.width, input.height,
                         limits.smallest_side, largest_side));
    }
  }
  const std::size_t values = std::size_t{input.batch} * input.channels * input.height * input.width;
  if (!all_finite({input.data, values})) reject("a picture with infinite or NaN values");
}

void refuse_architecture(const std::string& name) {
  throw Error(ErrorCode::unsupported, Stage::backend,
              fmt::format("the torch backend knows no architecture \"{}\"", name),
              "known are resnet18, resnet34, resnet50, resnet101, resnet152, resnet, densenet121, densenet161, "
              "densenet169, densenet201 and densenet; for another, register a backend of your own");
}

}  // namespace mediscan::backend::torch
