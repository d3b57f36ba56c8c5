#include "backend/torch/eager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/network/residual.hpp"
#include "backend/torch/densenet.hpp"

namespace mediscan::backend::torch {
namespace {

std::array<std::int64_t, 4> channels_last_strides(const std::array<std::int64_t, 4>& sizes) {
  const auto [batch, channels, height, width] = sizes;
  return {height * width * channels, 1, width * channels, channels};
}

Tensor relu_over(const Tensor& x) { return call("aten::relu_", "", x); }

Tensor add(const EagerPlace& place, const Tensor& a, const Tensor& b) {
  TensorHandle sum = nullptr;
  detail::check(place.add(a.handle(), b.handle(), 1.0, &sum), "aten::add");
  return Tensor(sum);
}

Tensor max_pool3(const Tensor& x) {
  return call("aten::max_pool2d", "", x, Ints{3, 3}, Ints{2, 2}, Ints{1, 1}, Ints{1, 1}, false);
}

std::int64_t numbers(std::int64_t channels, Extent extent) { return channels * extent.height * extent.width; }

/// A convolution with its batch-norm folded in.
class EagerConv {
 public:
  explicit EagerConv(FoldedConv folded)
      : shape_(folded.shape), plain_(std::move(folded.weight)), plain_bias_(std::move(folded.bias)) {}

  void place(const EagerPlace& place) {
    const std::array<std::int64_t, 4> sizes{shape_.out, shape_.in, shape_.kernel, shape_.kernel};
    Tensor weight = Tensor::view(plain_.data(), sizes);
    // On the CPU first, so that the device never holds a second copy.
    weight = call("aten::_to_copy", "", weight, Some{std::int64_t{place.dtype()}}, std::nullopt, std::nullopt,
                  std::nullopt, false, Some{std::int64_t{libtorch().aoti_torch_memory_format_channels_last()}});
    weight_ = place.empty_pictures(sizes);
    call("aten::copy_", "", weight_, weight, false);
    // Without fusing it is added to the convolution's result and is shaped to fit every pixel.
    const bool apart = place.convolution == EagerPlace::Convolution::cudnn;
    bias_ = apart ? place.upload(plain_bias_, std::array<std::int64_t, 4>{1, shape_.out, 1, 1})
                  : place.upload(plain_bias_, std::array{shape_.out});
    plain_ = {};
    plain_bias_ = {};
  }

  [[nodiscard]] Tensor operator()(const EagerPlace& place, const Tensor& x, Activation activation) const {
    if (place.convolution == EagerPlace::Convolution::fused && activation == Activation::relu) {
      return call("aten::cudnn_convolution_relu", "", x, weight_, Some{bias_}, Ints{shape_.stride, shape_.stride},
                  Ints{shape_.padding, shape_.padding}, Ints{1, 1}, std::int64_t{1});
    }
    Tensor y = convolve(place, x);
    return activation == Activation::relu ? relu_over(y) : y;
  }

  /// relu(conv(x) + residual)
  [[nodiscard]] Tensor add_relu(const EagerPlace& place, const Tensor& x, const Tensor& residual) const {
    if (place.convolution == EagerPlace::Convolution::fused) {
      return call("aten::cudnn_convolution_add_relu", "", x, weight_, residual, std::nullopt, Some{bias_},
                  Ints{shape_.stride, shape_.stride}, Ints{shape_.padding, shape_.padding}, Ints{1, 1},
                  std::int64_t{1});
    }
    return relu_over(add(place, convolve(place, x), residual));
  }

  [[nodiscard]] const ConvShape& shape() const noexcept { return shape_; }
  [[nodiscard]] Extent after(Extent input) const { return input.after(shape_.kernel, shape_.stride, shape_.padding); }
  [[nodiscard]] std::int64_t weight_count() const noexcept {
    return shape_.out * (shape_.in * shape_.kernel * shape_.kernel + 1);
  }

 private:
  [[nodiscard]] Tensor convolve(const EagerPlace& place, const Tensor& x) const {
    if (place.convolution == EagerPlace::Convolution::cudnn) {
      constexpr bool benchmark = false;
      constexpr bool deterministic = false;
      constexpr bool allow_tf32 = false;
      const Tensor y =
          call("aten::cudnn_convolution", "", x, weight_, Ints{shape_.padding, shape_.padding},
               Ints{shape_.stride, shape_.stride}, Ints{1, 1}, std::int64_t{1}, benchmark, deterministic, allow_tf32);
      return add(place, y, bias_);
    }
    return call("aten::conv2d", "", x, weight_, Some{bias_}, Ints{shape_.stride, shape_.stride},
                Ints{shape_.padding, shape_.padding}, Ints{1, 1}, std::int64_t{1});
  }

  ConvShape shape_;
  std::vector<float> plain_;  // OIHW, until placed
  std::vector<float> plain_bias_;
  Tensor weight_;
  Tensor bias_;
};

/// Mean over the pixels, then the last layer; both in float32.
class EagerHead {
 public:
  EagerHead() = default;
  EagerHead(Weights& weights, const std::string& name, std::int64_t in, std::int64_t out)
      : in_(in),
        out_(out),
        plain_(weights.take(name + ".weight", {out, in})),
        plain_bias_(weights.take(name + ".bias", {out})) {}

  void place(EagerPlace place) {
    place.precision = Precision::fp32;
    weight_ = place.upload(plain_, std::array{out_, in_});
    bias_ = place.upload(plain_bias_, std::array{out_});
    plain_ = {};
    plain_bias_ = {};
  }

  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    constexpr std::array<std::int64_t, 2> pixels{2, 3};
    const Tensor mean = call("aten::mean", "dim", x, Some{std::span<const std::int64_t>(pixels)}, false,
                             Some{std::int64_t{libtorch().aoti_torch_dtype_float32()}});
    return call("aten::linear", "", mean, weight_, Some{bias_});
  }

  [[nodiscard]] std::int64_t weight_count() const noexcept { return out_ * (in_ + 1); }

 private:
  std::int64_t in_ = 0;
  std::int64_t out_ = 0;
  std::vector<float> plain_;  // until placed
  std::vector<float> plain_bias_;
  Tensor weight_;
  Tensor bias_;
};

class EagerResNet final : public EagerNetwork {
 public:
  EagerResNet(Weights& weights, const ResNetConfig& config)
      : stem_(FoldedConv::take(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1")),
        stages_(take_residual_stages<EagerConv>(
            config, [&](const ConvShape& shape, const std::string& conv,
                        const std::string& norm) { return EagerConv(FoldedConv::take(weights, shape, conv, norm)); })),
        head_(weights, "fc", config.features(), config.outputs) {}

  void place(const EagerPlace& place) override {
    for_each_conv([&](EagerConv& conv) { conv.place(place); });
    head_.place(place);
  }

  [[nodiscard]] Tensor run(const EagerPlace& place, const Tensor& pictures) const override {
    Tensor x = max_pool3(stem_(place, pictures, Activation::relu));
    for (const auto& stage : stages_) {
      for (const auto& block : stage) {
        Tensor y = x;
        for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i](place, y, Activation::relu);
        if (block.downsample) x = (*block.downsample)(place, x, Activation::none);
        x = block.convs.back().add_relu(place, y, x);
      }
    }
    return head_(x);
  }

  [[nodiscard]] std::int64_t minimum_side() const noexcept override { return 1; }

  [[nodiscard]] std::int64_t largest_activation(Extent picture) const noexcept override {
    Extent extent = stem_.after(picture);
    std::int64_t largest = std::max(numbers(stem_.shape().in, picture), numbers(stem_.shape().out, extent));
    extent = extent.after(3, 2, 1);
    for (const auto& stage : stages_) {
      for (const auto& block : stage) {
        for (const EagerConv& conv : block.convs) {
          extent = conv.after(extent);
          largest = std::max(largest, numbers(conv.shape().out, extent));
        }
      }
    }
    return largest;
  }

  [[nodiscard]] std::int64_t weight_count() const noexcept override {
    std::int64_t count = stem_.weight_count() + head_.weight_count();
    for (const auto& stage : stages_) {
      for (const auto& block : stage) {
        for (const EagerConv& conv : block.convs) count += conv.weight_count();
        if (block.downsample) count += block.downsample->weight_count();
      }
    }
    return count;
  }

 private:
  template <class Action>
  void for_each_conv(const Action& action) {
    action(stem_);
    for (auto& stage : stages_) {
      for (auto& block : stage) {
        for (EagerConv& conv : block.convs) action(conv);
        if (block.downsample) action(*block.downsample);
      }
    }
  }

  EagerConv stem_;
  ResidualStages<EagerConv> stages_;
  EagerHead head_;
};

/// relu(x * scale + shift) by aten::batch_norm with a mean of 0 and a variance of 1.
class EagerNorm {
 public:
  EagerNorm() = default;
  EagerNorm(Weights& weights, const std::string& name, std::int64_t channels)
      : norm_(BatchNorm::take(weights, name, channels)), channels_(channels) {}

  void place(EagerPlace place) {
    place.precision = Precision::fp32;  // as autocast and torch's own half() of a batch-norm's statistics allow
    const auto upload = [&](const std::vector<double>& values) {
      return place.upload(std::vector<float>(values.begin(), values.end()), std::array{channels_});
    };
    const auto count = static_cast<std::size_t>(channels_);
    scale_ = upload(norm_.scale);
    shift_ = upload(norm_.shift);
    mean_ = upload(std::vector<double>(count, 0.0));
    variance_ = upload(std::vector<double>(count, 1.0));
    norm_ = {};
  }

  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    constexpr bool training = false;
    constexpr double momentum = 0;
    constexpr double epsilon = 0;
    constexpr bool cudnn = false;  // it allows no such epsilon
    return relu_over(call("aten::batch_norm", "", x, Some{scale_}, Some{shift_}, Some{mean_}, Some{variance_}, training,
                          momentum, epsilon, cudnn));
  }

  [[nodiscard]] std::int64_t weight_count() const noexcept { return 4 * channels_; }

 private:
  BatchNorm norm_;  // until placed
  std::int64_t channels_ = 0;
  Tensor scale_;
  Tensor shift_;
  Tensor mean_;
  Tensor variance_;
};

class EagerDenseNet final : public EagerNetwork {
 public:
  EagerDenseNet(Weights& weights, const DenseNetConfig& config)
      : stem_(FoldedConv::take(weights, {config.in_channels, config.init_features, 7, 2, 3}, "features.conv0",
                               "features.norm0")) {
    const auto conv = [&](const ConvShape& shape, const std::string& name, const std::string& norm) {
      return EagerConv(FoldedConv::take(weights, shape, name, norm));
    };
    const std::int64_t bottleneck = config.bn_size * config.growth_rate;
    std::int64_t channels = config.init_features;
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
      Block& block = blocks_.emplace_back();
      for (std::uint32_t j = 0; j < config.layers[i]; ++j) {
        const std::string name = fmt::format("features.denseblock{}.denselayer{}", i + 1, j + 1);
        block.layers.push_back({EagerNorm(weights, name + ".norm1", channels),
                                conv({channels, bottleneck, 1, 1, 0}, name + ".conv1", name + ".norm2"),
                                conv({bottleneck, config.growth_rate, 3, 1, 1}, name + ".conv2", "")});
        channels += config.growth_rate;
      }
      block.channels = channels;
      if (i + 1 == config.layers.size()) {
        block.norm = EagerNorm(weights, "features.norm5", channels);
      } else {
        const std::string name = fmt::format("features.transition{}", i + 1);
        block.norm = EagerNorm(weights, name + ".norm", channels);
        block.transition.emplace(conv({channels, channels / 2, 1, 1, 0}, name + ".conv", ""));
        channels /= 2;
      }
    }
    head_ = EagerHead(weights, "classifier", channels, config.outputs);
  }

  void place(const EagerPlace& place) override {
    stem_.place(place);
    for (Block& block : blocks_) {
      for (Layer& layer : block.layers) {
        layer.norm.place(place);
        layer.bottleneck.place(place);
        layer.conv.place(place);
      }
      block.norm.place(place);
      if (block.transition) block.transition->place(place);
    }
    head_.place(place);
  }

  [[nodiscard]] Tensor run(const EagerPlace& place, const Tensor& pictures) const override {
    Tensor x = max_pool3(stem_(place, pictures, Activation::relu));
    for (const Block& block : blocks_) {
      for (const Layer& layer : block.layers) {
        const Tensor narrow = layer.bottleneck(place, layer.norm(x), Activation::relu);
        const std::array both{x, layer.conv(place, narrow, Activation::none)};
        x = call("aten::cat", "", std::span<const Tensor>(both), std::int64_t{1});
      }
      x = block.norm(x);
      if (!block.transition) continue;
      // Averaging first, as in densenet.cpp.
      constexpr bool ceil_mode = false;
      constexpr bool count_padding = true;
      x = (*block.transition)(
          place,
          call("aten::avg_pool2d", "", x, Ints{2, 2}, Ints{2, 2}, Ints{0, 0}, ceil_mode, count_padding, std::nullopt),
          Activation::none);
    }
    return head_(x);
  }

  [[nodiscard]] std::int64_t minimum_side() const noexcept override {
    // One pixel after the last block; each transition halves, rounding down, and stem and pool leave (n + 1) / 2 each.
    return (std::int64_t{1} << (blocks_.size() - 1)) * 4 - 3;
  }

  [[nodiscard]] std::int64_t largest_activation(Extent picture) const noexcept override {
    Extent extent = stem_.after(picture);
    std::int64_t largest = std::max(numbers(stem_.shape().in, picture), numbers(stem_.shape().out, extent));
    extent = extent.after(3, 2, 1);
    for (const Block& block : blocks_) {
      largest = std::max(largest, numbers(block.channels, extent));
      for (const Layer& layer : block.layers) {
        largest = std::max(largest, numbers(layer.bottleneck.shape().out, extent));
      }
      extent = extent.after(2, 2, 0);
    }
    return largest;
  }

  [[nodiscard]] std::int64_t weight_count() const noexcept override {
    std::int64_t count = stem_.weight_count() + head_.weight_count();
    for (const Block& block : blocks_) {
      for (const Layer& layer : block.layers) {
        count += layer.norm.weight_count() + layer.bottleneck.weight_count() + layer.conv.weight_count();
      }
      count += block.norm.weight_count() + (block.transition ? block.transition->weight_count() : 0);
    }
    return count;
  }

 private:
  struct Layer {
    EagerNorm norm;
    EagerConv bottleneck;  // with norm2 folded in
    EagerConv conv;
  };
  struct Block {
    std::vector<Layer> layers;
    std::int64_t channels = 0;  // with all layers' features
    EagerNorm norm;             // of the transition, or the network's last
    std::optional<EagerConv> transition;
  };

  EagerConv stem_;
  std::vector<Block> blocks_;
  EagerHead head_;
};

}  // namespace

std::int32_t EagerPlace::dtype() const {
  return precision == Precision::fp16 ? libtorch().aoti_torch_dtype_float16() : libtorch().aoti_torch_dtype_float32();
}

Tensor EagerPlace::empty(std::int32_t dtype, std::span<const std::int64_t> sizes,
                         std::span<const std::int64_t> strides) const {
  return Tensor::empty(dtype, sizes, strides, device_type, device_index);
}

Tensor EagerPlace::empty_pictures(const std::array<std::int64_t, 4>& sizes) const {
  return empty(dtype(), sizes, channels_last_strides(sizes));
}

Tensor EagerPlace::upload(std::span<const float> values, std::span<const std::int64_t> sizes) const {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  // Only read: LibTorch's views know no const.
  Tensor from = Tensor::view(const_cast<float*>(values.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
                             sizes, strides);
  if (precision == Precision::fp16) {
    from = call("aten::_to_copy", "", from, Some{std::int64_t{dtype()}}, std::nullopt, std::nullopt, std::nullopt,
                false, std::nullopt);
  }
  Tensor to = empty(dtype(), sizes, strides);
  call("aten::copy_", "", to, from, false);
  return to;
}

std::unique_ptr<EagerNetwork> make_eager_network(const Architecture& architecture, Weights& weights) {
  if (const auto config = ResNetConfig::from(architecture)) return std::make_unique<EagerResNet>(weights, *config);
  if (const auto config = DenseNetConfig::from(architecture)) return std::make_unique<EagerDenseNet>(weights, *config);
  return nullptr;
}

}  // namespace mediscan::backend::torch
