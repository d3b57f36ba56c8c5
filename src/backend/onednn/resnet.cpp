#include "backend/onednn/resnet.hpp"

#include <string>

namespace mediscan::backend::onednn {

namespace {

/// A block's input and output lie in one of two slots, what comes between in two others.
Slot other(Slot slot) { return slot == Slot::first ? Slot::fourth : Slot::first; }

/// The same numbers as bytes or as float32, in the other slot.
Activation converted(Plan& plan, const Activation& x, DataType type) {
  Activation to = x;
  to.slot = other(x.slot);
  to.type = type;
  plan.add(to.slot, to.bytes(), [x, to](const Arena& arena) {
    if (to.type == DataType::u8) {
      to_bytes(x.floats(arena), x.quantization, to.raw_bytes(arena).data());
    } else {
      from_bytes(x.raw_bytes(arena), x.quantization, to.floats(arena).data());
    }
  });
  return to;
}

}  // namespace

ResNet::ResNet(Weights& weights, const ResNetConfig& config, bool quantized, bool narrow)
    : quantized_(quantized),
      stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      pooled_quantization_(quantized ? weights.take_quantization("conv1") : Quantization{}),
      stages_(take_residual_stages<Layer>(
          config,
          [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
            return quantized ? Layer::of_quantized(weights, shape, conv, Gives::bytes, narrow)
                             : Layer(weights, shape, conv, norm);
          })),
      head_(weights, "fc", config.features(), config.outputs) {
  if (!quantized) return;
  for (auto& stage : stages_) {
    for (Block& block : stage) {
      for (const Layer& layer : block.convs) require_alike(weights, block.convs.front(), layer);
      if (block.downsample) require_alike(weights, block.convs.front(), *block.downsample);
      Layer& last = block.convs.back();
      if (!last.of_bytes())
        last.output = weights.take_quantization(last.name);  // of the next block, if that is of bytes
    }
  }
}

Activation ResNet::begin(Plan& plan, const Activation& pictures) {
  const Activation stem = plan.add(stem_, pictures, true, Slot::second);
  const Extent extent = Extent{stem.height, stem.width}.after(3, 2, 1);
  const Activation pooled{Slot::first,         stem.batch,   stem.channels,
                          extent.height,       extent.width, quantized_ ? DataType::u8 : DataType::f32,
                          pooled_quantization_};
  plan.add(pooled.slot, pooled.bytes(), [stem, pooled](const Arena& arena) {
    if (pooled.type == DataType::u8) {
      max_pool3(stem.pixels(arena), pooled.quantization, pooled.byte_pixels(arena));
    } else {
      max_pool3(stem.pixels(arena), pooled.pixels(arena));
    }
  });
  return pooled;
}

Activation ResNet::add_block(Plan& plan, Block& block, Activation x) {
  Layer& last = block.convs.back();
  const DataType type = last.of_bytes() ? DataType::u8 : DataType::f32;
  if (x.type != type) x = converted(plan, x, type);
  Activation y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i)
    y = plan.add(block.convs[i], y, true, y.slot == Slot::second ? Slot::third : Slot::second);
  if (!block.downsample) return plan.add_onto(last, y, x);
  return plan.add_onto(last, y, plan.add(*block.downsample, x, false, other(x.slot)));
}

void ResNet::end(Plan& plan, const Activation& x) {
  const auto features = static_cast<std::size_t>(x.batch * x.channels);
  plan.add(Slot::features, features * sizeof(float), [x](const Arena& arena) {
    auto* means = static_cast<float*>(arena.at(Slot::features));
    if (x.type == DataType::u8) {
      mean_pixels(x.byte_pixels(arena), x.quantization, means);
    } else {
      mean_pixels(x.pixels(arena), means);
    }
  });
  plan.add(head_, x.batch);
}

void ResNet::add_to(Plan& plan, const Activation& pictures) {
  Activation x = begin(plan, pictures);
  for (auto& stage : stages_) {
    for (Block& block : stage) x = add_block(plan, block, x);
  }
  end(plan, x);
}

std::uint64_t ResNet::bytes() const noexcept {
  std::uint64_t sum = stem_.bytes() + head_.weight.bytes();
  for (const auto& stage : stages_) {
    for (const Block& block : stage) {
      for (const Layer& layer : block.convs) sum += layer.bytes();
      if (block.downsample) sum += block.downsample->bytes();
    }
  }
  return sum;
}

}  // namespace mediscan::backend::onednn
