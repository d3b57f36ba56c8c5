#include "quantization/calibration.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "preprocess/pipeline.hpp"

namespace mediscan::quantization {
namespace {

/// Runs pictures one by one through the network.
class Runner {
 public:
  Runner(backend::Quantizable& network, const Bundle& bundle, const DecodeOptions& decode)
      : network_(network),
        bundle_(bundle),
        decode_(decode),
        size_(bundle.input_size()),
        tensor_(std::size_t{bundle.input.channels()} * size_.first * size_.second),
        logits_(bundle.architecture.outputs) {}

  void run(const std::filesystem::path& picture, const backend::Quantizable::Watch& watch) {
    recipe::preprocess_into(Image::read(picture, decode_), bundle_.input, tensor_);
    network_.run({tensor_.data(), 1, bundle_.input.channels(), size_.first, size_.second, bundle_.input.layout},
                 {logits_.data(), 1, bundle_.architecture.outputs}, watch);
  }

 private:
  backend::Quantizable& network_;
  const Bundle& bundle_;
  const DecodeOptions& decode_;
  std::pair<std::uint32_t, std::uint32_t> size_;
  std::vector<float> tensor_;
  std::vector<float> logits_;
};

/// Whose fault it is: a picture's, which is left out, or the run's.
bool about_picture(const Error& error) { return error.stage() == Stage::decode || error.stage() == Stage::preprocess; }

}  // namespace

Observed observe(backend::Quantizable& network, const Bundle& bundle, std::span<const std::filesystem::path> pictures,
                 const QuantizeOptions& options) {
  const auto tell = [&](std::string_view phase, std::size_t done, std::size_t of) {
    if (options.progress) options.progress(phase, static_cast<double>(done) / static_cast<double>(of));
  };
  Observed observed;
  Runner runner(network, bundle, options.decode);
  std::vector<Range> ranges(network.layers().size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    tell("looking for ranges", i, pictures.size());
    try {
      runner.run(pictures[i], [&](std::size_t layer, std::span<const float> values) { ranges[layer].include(values); });
      observed.pictures.push_back(pictures[i]);
    } catch (const Error& error) {
      if (!about_picture(error)) throw;
      observed.unused.push_back({pictures[i], error});
    }
  }
  if (observed.pictures.empty()) {
    if (!observed.unused.empty()) throw observed.unused.front().error;
    throw Error(ErrorCode::invalid_argument, Stage::argument, "no calibration picture is named",
                "name pictures of the kind that the model is for, a hundred or more");
  }
  for (std::size_t layer = 0; layer < ranges.size(); ++layer) {
    if (!std::isfinite(ranges[layer].width())) {
      throw Error(ErrorCode::backend_failed, Stage::backend,
                  fmt::format("layer {} gives numbers that are not finite", network.layers()[layer]),
                  "the weights of this bundle do not work in float32");
    }
    observed.layers.emplace_back(ranges[layer]);
  }
  for (std::size_t i = 0; i < observed.pictures.size(); ++i) {
    tell("counting", i, observed.pictures.size());
    runner.run(observed.pictures[i],
               [&](std::size_t layer, std::span<const float> values) { observed.layers[layer].add(values); });
  }
  return observed;
}

}  // namespace mediscan::quantization
