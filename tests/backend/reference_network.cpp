#include "reference_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace mediscan::test {
namespace {

Volume make(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {channels, height, width, std::vector<double>(static_cast<std::size_t>(channels * height * width))};
}

Volume conv(Parameters& parameters, const std::string& name, const Volume& x, std::int64_t out, std::int64_t kernel,
            std::int64_t stride, std::int64_t padding) {
  const double bound =
      std::sqrt(6.0 / static_cast<double>(x.channels * kernel * kernel));  // He's: keeps the variance through a ReLU
  const auto& w = parameters.get(name + ".weight", {out, x.channels, kernel, kernel}, -bound, bound);
  Volume y = make(out, (x.height + 2 * padding - kernel) / stride + 1, (x.width + 2 * padding - kernel) / stride + 1);
  const auto tap = [&](std::int64_t o, std::int64_t i, std::int64_t ky, std::int64_t kx) {
    return double{w[static_cast<std::size_t>(((o * x.channels + i) * kernel + ky) * kernel + kx)]};
  };
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t i = 0; i < x.channels; ++i) {
      for (std::int64_t ky = 0; ky < kernel; ++ky) {
        for (std::int64_t kx = 0; kx < kernel; ++kx) {
          for (std::int64_t at = 0; at < y.height * y.width; ++at) {
            const std::int64_t sy = at / y.width * stride - padding + ky;
            const std::int64_t sx = at % y.width * stride - padding + kx;
            if (sy < 0 || sy >= x.height || sx < 0 || sx >= x.width) continue;
            y.at(o, at / y.width, at % y.width) += tap(o, i, ky, kx) * x.at(i, sy, sx);
          }
        }
      }
    }
  }
  return y;
}

Volume batch_norm(Parameters& parameters, const std::string& name, Volume x) {
  const auto& gamma = parameters.get(name + ".weight", {x.channels}, 0.5, 1.0);
  const auto& beta = parameters.get(name + ".bias", {x.channels}, -0.3, 0.3);
  const auto& mean = parameters.get(name + ".running_mean", {x.channels}, -0.3, 0.3);
  const auto& variance = parameters.get(name + ".running_var", {x.channels}, 0.7, 1.5);
  for (std::int64_t i = 0; i < x.channels * x.height * x.width; ++i) {
    const auto c = static_cast<std::size_t>(i / (x.height * x.width));
    double& value = x.values[static_cast<std::size_t>(i)];
    value = (value - mean[c]) / std::sqrt(double{variance[c]} + 1e-5) * gamma[c] + beta[c];
  }
  return x;
}

Volume relu(Volume x) {
  for (double& value : x.values) value = std::max(0.0, value);
  return x;
}

Volume max_pool(const Volume& x) {
  Volume y = make(x.channels, (x.height + 1) / 2, (x.width + 1) / 2);
  std::fill(y.values.begin(), y.values.end(), -INFINITY);
  for (std::int64_t c = 0; c < x.channels; ++c) {
    for (std::int64_t sy = 0; sy < x.height; ++sy) {
      for (std::int64_t sx = 0; sx < x.width; ++sx) {
        // Window (py, px) reaches from 2 p - 1 to 2 p + 1.
        for (std::int64_t py = sy / 2; py <= std::min(y.height - 1, (sy + 1) / 2); ++py) {
          for (std::int64_t px = sx / 2; px <= std::min(y.width - 1, (sx + 1) / 2); ++px) {
            y.at(c, py, px) = std::max(y.at(c, py, px), x.at(c, sy, sx));
          }
        }
      }
    }
  }
  return y;
}

Volume average_pool(const Volume& x) {
  Volume y = make(x.channels, x.height / 2, x.width / 2);
  for (std::int64_t c = 0; c < y.channels; ++c) {
    for (std::int64_t py = 0; py < y.height; ++py) {
      for (std::int64_t px = 0; px < y.width; ++px) {
        y.at(c, py, px) = (x.at(c, 2 * py, 2 * px) + x.at(c, 2 * py, 2 * px + 1) + x.at(c, 2 * py + 1, 2 * px) +
                           x.at(c, 2 * py + 1, 2 * px + 1)) /
                          4;
      }
    }
  }
  return y;
}

Volume concatenate(Volume a, const Volume& b) {
  a.channels += b.channels;
  a.values.insert(a.values.end(), b.values.begin(), b.values.end());
  return a;
}

std::vector<double> classify(Parameters& parameters, const std::string& name, const Volume& x, std::int64_t outputs) {
  const auto& weight = parameters.get(name + ".weight", {outputs, x.channels}, -0.5, 0.5);
  const auto& bias = parameters.get(name + ".bias", {outputs}, -0.5, 0.5);
  std::vector<double> logits(bias.begin(), bias.end());
  const std::int64_t area = x.height * x.width;
  for (std::int64_t i = 0; i < x.channels * area; ++i) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      logits[static_cast<std::size_t>(o)] += double{weight[static_cast<std::size_t>(o * x.channels + i / area)]} *
                                             x.values[static_cast<std::size_t>(i)] / static_cast<double>(area);
    }
  }
  return logits;
}

Volume run_block(Parameters& parameters, const std::string& name, bool bottleneck, const Volume& x, std::int64_t planes,
                 std::int64_t stride) {
  const auto conv_norm = [&](const Volume& in, int number, std::int64_t out, std::int64_t kernel, std::int64_t step) {
    return batch_norm(parameters, fmt::format("{}.bn{}", name, number),
                      conv(parameters, fmt::format("{}.conv{}", name, number), in, out, kernel, step, kernel / 2));
  };
  const std::int64_t out = bottleneck ? 4 * planes : planes;
  Volume y = bottleneck
                 ? conv_norm(relu(conv_norm(relu(conv_norm(x, 1, planes, 1, 1)), 2, planes, 3, stride)), 3, out, 1, 1)
                 : conv_norm(relu(conv_norm(x, 1, planes, 3, stride)), 2, out, 3, 1);
  const Volume shortcut = stride == 1 && x.channels == out
                              ? x
                              : batch_norm(parameters, name + ".downsample.1",
                                           conv(parameters, name + ".downsample.0", x, out, 1, stride, 0));
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += shortcut.values[i];
  return relu(std::move(y));
}

}  // namespace

std::string safetensors(const std::vector<RawTensor>& tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::string data;
  for (const RawTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + text + data;
}

const std::vector<float>& Parameters::get(const std::string& name, const std::vector<std::int64_t>& shape, double low,
                                          double high) {
  Entry& entry = entries_[name];
  if (entry.values.empty()) {
    std::size_t count = 1;
    for (const std::int64_t side : shape) count *= static_cast<std::size_t>(side);
    entry.shape = shape;
    entry.values.resize(count);
    for (float& value : entry.values)
      value = static_cast<float>(low + (high - low) * static_cast<double>(random_()) / 4294967296.0);
  }
  return entry.values;
}

std::vector<RawTensor> Parameters::tensors() const {
  std::vector<RawTensor> tensors;
  for (const auto& [name, entry] : entries_) {
    tensors.push_back({name,
                       "F32",
                       entry.shape,
                       {reinterpret_cast<const char*>(entry.values.data()), entry.values.size() * sizeof(float)}});
  }
  return tensors;
}

std::vector<double> run_resnet(Parameters& parameters, const backend::ResNetConfig& config, const Volume& picture) {
  Volume x = max_pool(relu(batch_norm(parameters, "bn1", conv(parameters, "conv1", picture, config.width, 7, 2, 3))));
  for (std::size_t stage = 0; stage < config.layers.size(); ++stage) {
    for (std::uint32_t i = 0; i < config.layers[stage]; ++i) {
      const std::string name = fmt::format("layer{}.{}", stage + 1, i);
      x = run_block(parameters, name, config.bottleneck, x, config.width << stage, i == 0 && stage > 0 ? 2 : 1);
    }
  }
  return classify(parameters, "fc", x, config.outputs);
}

std::vector<double> run_densenet(Parameters& parameters, const backend::DenseNetConfig& config, const Volume& picture) {
  const auto norm_relu = [&](const std::string& name, const Volume& in) {
    return relu(batch_norm(parameters, name, in));
  };
  Volume x =
      max_pool(norm_relu("features.norm0", conv(parameters, "features.conv0", picture, config.init_features, 7, 2, 3)));
  for (std::size_t block = 0; block < config.layers.size(); ++block) {
    for (std::uint32_t i = 0; i < config.layers[block]; ++i) {
      const std::string name = fmt::format("features.denseblock{}.denselayer{}", block + 1, i + 1);
      const Volume narrow = conv(parameters, name + ".conv1", norm_relu(name + ".norm1", x),
                                 config.bn_size * config.growth_rate, 1, 1, 0);
      x = concatenate(
          x, conv(parameters, name + ".conv2", norm_relu(name + ".norm2", narrow), config.growth_rate, 3, 1, 1));
    }
    if (block + 1 == config.layers.size()) break;
    const std::string name = fmt::format("features.transition{}", block + 1);
    x = average_pool(conv(parameters, name + ".conv", norm_relu(name + ".norm", x), x.channels / 2, 1, 1, 0));
  }
  return classify(parameters, "classifier", norm_relu("features.norm5", x), config.outputs);
}

}  // namespace mediscan::test
