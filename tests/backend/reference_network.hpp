// The same networks written once more as plainly as can be: loops in double, batch-norms where they stand in the
// papers, no folding, no fusing. Slow; for small networks. Its weights are drawn as they are first asked for, so that
// running it also says which tensors a network has.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backend/torch/densenet.hpp"
#include "backend/torch/resnet.hpp"

namespace mediscan::test {

struct RawTensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
/// A safetensors file.
std::string safetensors(const std::vector<RawTensor>& tensors);

/// Named float32 tensors, drawn when first asked for.
class Parameters {
 public:
  explicit Parameters(unsigned seed) : random_(seed) {}
  /// Uniform in [low, high).
  const std::vector<float>& get(const std::string& name, const std::vector<std::int64_t>& shape, double low,
                                double high);
  [[nodiscard]] std::vector<RawTensor> tensors() const;

 private:
  struct Entry {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  std::mt19937 random_;
  std::map<std::string, Entry> entries_;
};

/// One picture inside a network, channel by channel.
struct Volume {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<double> values;

  double& at(std::int64_t c, std::int64_t y, std::int64_t x) {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
  [[nodiscard]] double at(std::int64_t c, std::int64_t y, std::int64_t x) const {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
};

std::vector<double> run_resnet(Parameters& parameters, const backend::ResNetConfig& config, const Volume& picture);
std::vector<double> run_densenet(Parameters& parameters, const backend::DenseNetConfig& config, const Volume& picture);

}  // namespace mediscan::test
