#include "backend/onednn/resnet.hpp"

#include <string>

namespace mediscan::backend::onednn {

using torch::ConvShape;
using torch::ResidualBlock;
using torch::ResNetConfig;
using torch::Weights;

ResNet::ResNet(Weights& weights, const ResNetConfig& config, bool of_bytes, bool narrow)
    : of_bytes_(of_bytes),
      stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      pooled_quantization_(of_bytes ? weights.take_quantization("conv1") : torch::Quantization{}),
      stages_(torch::take_residual_stages<Layer>(
          config,
          [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
            return of_bytes ? Layer::of_bytes(weights, shape, conv, narrow) : Layer(weights, shape, conv, norm);
          })),
      head_(weights, "fc", config.features(), config.outputs) {}

Activation ResNet::begin(Plan& plan, const Activation& pictures) {
  const Activation stem = plan.add(stem_, pictures, true, Slot::second);
  const torch::Extent extent = torch::Extent{stem.height, stem.width}.after(3, 2, 1);
  const Activation pooled{Slot::first,         stem.batch,   stem.channels,
                          extent.height,       extent.width, of_bytes_ ? DataType::u8 : DataType::f32,
                          pooled_quantization_};
  plan.add(pooled.slot, pooled.bytes(), [stem, pooled](const Arena& arena) {
    if (pooled.type == DataType::u8) {
      torch::max_pool3(stem.pixels(arena), pooled.quantization, pooled.byte_pixels(arena));
    } else {
      torch::max_pool3(stem.pixels(arena), pooled.pixels(arena));
    }
  });
  return pooled;
}

Activation ResNet::add_block(Plan& plan, ResidualBlock<Layer>& block, const Activation& x) {
  Activation y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i)
    y = plan.add(block.convs[i], y, true, y.slot == Slot::second ? Slot::third : Slot::second);
  if (!block.downsample) return plan.add_onto(block.convs.back(), y, x);
  const Slot other = x.slot == Slot::first ? Slot::fourth : Slot::first;
  const Activation shortcut = plan.add(*block.downsample, x, false, other);
  return plan.add_onto(block.convs.back(), y, shortcut);
}

void ResNet::end(Plan& plan, const Activation& x) {
  const auto features = static_cast<std::size_t>(x.batch * x.channels);
  plan.add(Slot::features, features * sizeof(float), [x](const Arena& arena) {
    auto* means = static_cast<float*>(arena.at(Slot::features));
    if (x.type == DataType::u8) {
      torch::mean_pixels(x.byte_pixels(arena), x.quantization, means);
    } else {
      torch::mean_pixels(x.pixels(arena), means);
    }
  });
  plan.add(head_, x.batch);
}

void ResNet::add_to(Plan& plan, const Activation& pictures) {
  Activation x = begin(plan, pictures);
  for (auto& stage : stages_) {
    for (ResidualBlock<Layer>& block : stage) x = add_block(plan, block, x);
  }
  end(plan, x);
}

std::uint64_t ResNet::bytes() const noexcept {
  std::uint64_t sum = stem_.weight.bytes() + head_.weight.bytes();
  for (const auto& stage : stages_) {
    for (const ResidualBlock<Layer>& block : stage) {
      for (const Layer& layer : block.convs) sum += layer.weight.bytes();
      if (block.downsample) sum += block.downsample->weight.bytes();
    }
  }
  return sum;
}

}  // namespace mediscan::backend::onednn
