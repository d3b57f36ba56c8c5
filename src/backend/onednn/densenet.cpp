#include "backend/onednn/densenet.hpp"

#include <string>

namespace mediscan::backend::onednn {

namespace {

/// What a norm and a ReLU make of features for `conv` to read, before its memory: as bytes when it is of bytes.
Activation activated_for(const Layer& conv, const Quantization& quantization, const Activation& features) {
  Activation activated = features;
  activated.slot = Slot::second;
  activated.stride = 0;
  activated.type = conv.of_bytes() ? DataType::u8 : DataType::f32;
  activated.quantization = quantization;
  return activated;
}

/// Copies what a convolution gave behind the features that are there, or to where the next block's begin.
void add_copy(Plan& plan, const Activation& fresh, const Activation& to) {
  plan.add(to.slot, to.bytes(), [fresh, to, first = to.channels - fresh.channels](const Arena& arena) {
    Pixels behind = to.pixels(arena);
    behind.data += first;
    behind.channels = fresh.channels;
    copy_channels(fresh.pixels(arena), behind);
  });
}

}  // namespace

DenseNet::DenseNet(Weights& weights, const DenseNetConfig& config, bool quantized, bool narrow)
    : stem_(weights, {config.in_channels, config.init_features, 7, 2, 3}, "features.conv0", "features.norm0"),
      blocks_(
          take_dense_blocks<Activated>(weights, config,
                                       [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                         if (!quantized) return Activated{Layer(weights, shape, conv, norm), {}};
                                         // What a batch-norm is folded into gives bytes to the next convolution, the
                                         // others give features.
                                         const Gives gives = norm.empty() ? Gives::floats : Gives::bytes;
                                         return Activated{Layer::of_quantized(weights, shape, conv, gives, narrow), {}};
                                       })),
      head_(weights, "classifier", config.features(), config.outputs),
      minimum_side_(config.minimum_side()) {
  for (Block& block : blocks_) {
    for (auto& layer : block.layers) {
      require_alike(weights, layer.bottleneck.layer, layer.conv.layer);
      if (layer.bottleneck.layer.of_bytes()) layer.bottleneck.input = weights.take_quantization(layer.norm.name);
    }
    if (block.transition && block.transition->layer.of_bytes())
      block.transition->input = weights.take_quantization(block.norm.name);
  }
}

Activation DenseNet::begin(Plan& plan, const Activation& pictures) {
  const Activation stem = plan.add(stem_, pictures, true, Slot::second);
  const Extent extent = Extent{stem.height, stem.width}.after(3, 2, 1);
  Activation features = stem;
  features.slot = Slot::first;
  features.height = extent.height;
  features.width = extent.width;
  features.stride = blocks_.front().channels;
  plan.add(features.slot, features.bytes(),
           [stem, features](const Arena& arena) { max_pool3(stem.pixels(arena), features.pixels(arena)); });
  return features;
}

Activation DenseNet::add_block(Plan& plan, Block& block, Activation features) {
  for (auto& layer : block.layers) {
    const Activation activated = activated_for(layer.bottleneck.layer, layer.bottleneck.input, features);
    plan.add(activated.slot, activated.bytes(), [features, activated, norm = layer.norm.affine()](const Arena& arena) {
      if (activated.type == DataType::u8) {
        affine_relu(features.pixels(arena), norm, activated.quantization, activated.byte_pixels(arena));
      } else {
        affine_relu(features.pixels(arena), norm, activated.pixels(arena));
      }
    });
    const Activation narrow = plan.add(layer.bottleneck.layer, activated, true, Slot::third);
    if (layer.conv.layer.winograd) {
      features = plan.add_behind(layer.conv.layer, narrow, features);
    } else {
      const Activation fresh = plan.add(layer.conv.layer, narrow, false, Slot::fourth);
      features.channels += fresh.channels;
      add_copy(plan, fresh, features);
    }
  }
  return features;
}

// Averaging before the 1x1 convolution instead of after it: both are linear, so the result is the same, for a quarter
// of the work.
Activation DenseNet::add_transition(Plan& plan, Block& block, const Activation& features, std::int64_t next_channels) {
  Activation averaged = activated_for(block.transition->layer, block.transition->input, features);
  averaged.height /= 2;
  averaged.width /= 2;
  plan.add(averaged.slot, averaged.bytes(), [features, averaged, norm = block.norm.affine()](const Arena& arena) {
    if (averaged.type == DataType::u8) {
      affine_relu_average2(features.pixels(arena), norm, averaged.quantization, averaged.byte_pixels(arena));
    } else {
      affine_relu_average2(features.pixels(arena), norm, averaged.pixels(arena));
    }
  });
  const Activation reduced = plan.add(block.transition->layer, averaged, false, Slot::third);
  Activation next = reduced;
  next.slot = Slot::first;
  next.stride = next_channels;
  add_copy(plan, reduced, next);
  return next;
}

void DenseNet::end(Plan& plan, const Activation& features) {
  const auto count = static_cast<std::size_t>(features.batch * features.channels);
  plan.add(Slot::features, count * sizeof(float), [features, norm = blocks_.back().norm.affine()](const Arena& arena) {
    affine_relu_mean(features.pixels(arena), norm, static_cast<float*>(arena.at(Slot::features)));
  });
  plan.add(head_, features.batch);
}

void DenseNet::add_to(Plan& plan, const Activation& pictures) {
  Activation features = begin(plan, pictures);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    features = add_block(plan, blocks_[i], features);
    if (blocks_[i].transition) features = add_transition(plan, blocks_[i], features, blocks_[i + 1].channels);
  }
  end(plan, features);
}

std::uint64_t DenseNet::bytes() const noexcept {
  std::uint64_t sum = stem_.bytes() + head_.weight.bytes();
  for (const Block& block : blocks_) {
    for (const auto& layer : block.layers) sum += layer.bottleneck.layer.bytes() + layer.conv.layer.bytes();
    if (block.transition) sum += block.transition->layer.bytes();
  }
  return sum;
}

}  // namespace mediscan::backend::onednn
