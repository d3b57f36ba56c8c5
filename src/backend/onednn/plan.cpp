#include "backend/onednn/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace mediscan::backend::onednn {
namespace {

/// Scales of an argument, or zero points: one for all of it, or one an output.
constexpr int one_for_all = 0;
constexpr int one_an_output = 1;

std::string name_of(const ConvShape& shape) {
  return fmt::format("a convolution of {} to {} channels, {} x {} pixels at stride {}", shape.in, shape.out,
                     shape.kernel, shape.kernel, shape.stride);
}

void append_post_ops(const Attributes& attributes, bool relu, const Activation* residual) {
  dnnl_post_ops* made = nullptr;
  check(libdnnl().dnnl_post_ops_create(&made), "a list of operations");
  const PostOps operations(made);
  if (residual != nullptr) {
    const bool of_bytes = residual->type == DataType::u8;
    check(libdnnl().dnnl_post_ops_append_sum(made, of_bytes ? residual->quantization.scale : 1.0F,
                                             of_bytes ? residual->quantization.zero_point : 0,
                                             static_cast<Enum>(residual->type)),
          "a sum behind a convolution");
  }
  if (relu) check(libdnnl().dnnl_post_ops_append_eltwise(made, eltwise_relu, 0, 0), "a ReLU behind a convolution");
  check(libdnnl().dnnl_primitive_attr_set_post_ops(attributes.get(), made), "operations behind a convolution");
}

/// What the bytes of a convolution stand for. A zero point of 0 is left out: kernels are faster without.
void append_quantization(const Attributes& attributes, const Layer& layer, const Quantization& in) {
  const auto scale = [&](int argument, int mask) {
    check(libdnnl().dnnl_primitive_attr_set_scales_mask(attributes.get(), argument, mask), "scales of bytes");
  };
  const auto zero_point = [&](int argument, const Quantization& quantization) {
    if (quantization.zero_point == 0) return;
    check(libdnnl().dnnl_primitive_attr_set_zero_points_mask(attributes.get(), argument, one_for_all),
          "a zero point of bytes");
  };
  scale(arg_src, one_for_all);
  scale(arg_weights, one_an_output);
  zero_point(arg_src, in);
  if (!layer.gives_bytes()) return;
  scale(arg_dst, one_for_all);
  zero_point(arg_dst, layer.output);
}

PrimitiveDescription describe(const Processor& processor, const Layer& layer, const Activation& in,
                              const Activation& out, const Attributes& attributes) {
  const ConvShape& shape = layer.shape;
  const std::array strides{shape.stride, shape.stride};
  const std::array<std::int64_t, 2> no_dilation{0, 0};
  const std::array padding{shape.padding, shape.padding};
  const std::array outputs{shape.out};
  dnnl_primitive_desc* made = nullptr;
  check(libdnnl().dnnl_convolution_forward_primitive_desc_create(
            &made, processor.engine->get(), forward_inference, convolution_direct, nhwc(in.sizes(), in.type).get(),
            any_order(layer.weight.sizes(), layer.weight.type()).get(), dense(outputs, DataType::f32).get(),
            nhwc(out.sizes(), out.type).get(), strides.data(), no_dilation.data(), padding.data(), padding.data(),
            attributes.get()),
        name_of(shape));
  return PrimitiveDescription(made);
}

const dnnl_memory_desc* query(const PrimitiveDescription& description, Enum what) {
  return libdnnl().dnnl_primitive_desc_query_md(description.get(), what, 0);
}

void stop_if(const std::atomic<bool>& cancelled) {
  if (cancelled.load(std::memory_order_relaxed))
    throw Error(ErrorCode::cancelled, Stage::backend, "cancelled while the network was running");
}

}  // namespace

std::size_t Activation::bytes() const noexcept {
  const auto numbers = static_cast<std::size_t>(batch * height * width * (stride > 0 ? stride : channels));
  return type == DataType::u8 ? numbers : numbers * sizeof(float);
}

Pixels Activation::pixels(const Arena& arena) const noexcept {
  return {static_cast<float*>(arena.at(slot)), batch, height, width, channels, stride > 0 ? stride : channels};
}

std::span<float> Activation::floats(const Arena& arena) const noexcept {
  return {static_cast<float*>(arena.at(slot)), static_cast<std::size_t>(batch * channels * height * width)};
}

std::span<std::uint8_t> Activation::raw_bytes(const Arena& arena) const noexcept {
  return {static_cast<std::uint8_t*>(arena.at(slot)), static_cast<std::size_t>(batch * channels * height * width)};
}

BytePixels Activation::byte_pixels(const Arena& arena) const noexcept {
  return {static_cast<std::uint8_t*>(arena.at(slot)), batch, height, width, channels};
}

dnnl_memory* Plan::in_slot(const dnnl_memory_desc* description, Slot slot) {
  return bound_.emplace_back(Bound{memory_at(description, *processor_, nullptr), slot}).memory.get();
}

dnnl_memory* Plan::constant(std::span<float> numbers) {
  const std::array sizes{static_cast<std::int64_t>(numbers.size())};
  return constants_.emplace_back(memory_at(dense(sizes, DataType::f32).get(), *processor_, numbers.data())).get();
}

dnnl_memory* Plan::constant(float number) { return constant(std::span(&floats_.emplace_back(number), 1)); }

dnnl_memory* Plan::constant(std::int32_t number) {
  const std::array<std::int64_t, 1> one{1};
  std::int32_t& kept = integers_.emplace_back(number);
  return constants_.emplace_back(memory_at(dense(one, DataType::s32).get(), *processor_, &kept)).get();
}

void Plan::add_quantization(Step& step, Layer& layer, const Quantization& of_input) {
  step.arguments.push_back({arg_scales | arg_src, constant(of_input.scale)});
  step.arguments.push_back({arg_scales | arg_weights, constant(std::span(layer.scales))});
  if (of_input.zero_point != 0) step.arguments.push_back({arg_zero_points | arg_src, constant(of_input.zero_point)});
  if (!layer.gives_bytes()) return;
  step.arguments.push_back({arg_scales | arg_dst, constant(layer.output.scale)});
  if (layer.output.zero_point != 0)
    step.arguments.push_back({arg_zero_points | arg_dst, constant(layer.output.zero_point)});
}

void Plan::add_scratch(Step& step, const PrimitiveDescription& description) {
  const dnnl_memory_desc* scratch = query(description, query_scratchpad);
  if (bytes_of(scratch) == 0) return;
  arena_->reserve(Slot::scratch, bytes_of(scratch));
  step.arguments.push_back({arg_scratchpad, in_slot(scratch, Slot::scratch)});
}

void Plan::add_winograd(const Layer& layer, const Activation& in, const Activation& out, std::int64_t first_channel,
                        Finish finish) {
  const WinogradConv& conv = *layer.winograd;
  arena_->reserve(Slot::scratch, conv.scratch_bytes(in.batch, {in.height, in.width}, threads_));
  add(out.slot, out.bytes(), [&conv, in, out, first_channel, finish, threads = threads_](const Arena& arena) {
    Pixels made = out.pixels(arena);
    made.data += first_channel;
    conv.run(in.pixels(arena), made, finish, threads, static_cast<float*>(arena.at(Slot::scratch)));
  });
}

void Plan::add_conv(Layer& layer, const Activation& in, const Activation& out, bool relu, const Activation* residual) {
  if (layer.winograd) return add_winograd(layer, in, out, 0, {residual != nullptr, relu});
  const Attributes attributes = plain_attributes();
  append_post_ops(attributes, relu, residual);
  if (layer.of_bytes()) append_quantization(attributes, layer, in.quantization);
  const PrimitiveDescription description = describe(*processor_, layer, in, out, attributes);
  Step step;
  step.primitive = primitive_of(description, name_of(layer.shape));
  step.arguments = {
      {arg_src, in_slot(nhwc(in.sizes(), in.type).get(), in.slot)},
      {arg_weights, layer.weight.in_order(query(description, query_weights), *processor_)},
      {arg_bias, constant(std::span(layer.bias))},
      {arg_dst, in_slot(nhwc(out.sizes(), out.type).get(), out.slot)},
  };
  if (layer.of_bytes()) add_quantization(step, layer, in.quantization);
  add_scratch(step, description);
  arena_->reserve(out.slot, out.bytes());
  steps_.push_back(std::move(step));
}

Activation Plan::add(Layer& layer, const Activation& in, bool relu, Slot slot) {
  const ConvShape& shape = layer.shape;
  const Extent extent = Extent{in.height, in.width}.after(shape.kernel, shape.stride, shape.padding);
  Activation out = in;
  out.slot = slot;
  out.channels = shape.out;
  out.height = extent.height;
  out.width = extent.width;
  out.type = layer.gives_bytes() ? DataType::u8 : DataType::f32;
  out.quantization = layer.output;
  add_conv(layer, in, out, relu, nullptr);
  return out;
}

Activation Plan::add_onto(Layer& layer, const Activation& in, const Activation& residual) {
  Activation out = residual;
  out.quantization = layer.output;
  add_conv(layer, in, out, true, &residual);
  return out;
}

Activation Plan::add_behind(const Layer& layer, const Activation& in, const Activation& features) {
  Activation more = features;
  more.channels += layer.shape.out;
  add_winograd(layer, in, more, features.channels, {});
  return more;
}

void Plan::add(Head& head, std::int64_t batch) {
  const std::array of_features{batch, head.in};
  const std::array of_logits{batch, head.out};
  const std::array outputs{head.out};
  const Description features = dense(of_features, DataType::f32);
  const Description logits = dense(of_logits, DataType::f32);
  const Attributes attributes = plain_attributes();
  dnnl_primitive_desc* made = nullptr;
  const std::string name = fmt::format("a layer of {} to {} numbers", head.in, head.out);
  check(libdnnl().dnnl_inner_product_forward_primitive_desc_create(
            &made, processor_->engine->get(), forward_inference, features.get(),
            any_order(head.weight.sizes(), DataType::f32).get(), dense(outputs, DataType::f32).get(), logits.get(),
            attributes.get()),
        name);
  const PrimitiveDescription description(made);
  Step step;
  step.primitive = primitive_of(description, name);
  logits_ = static_cast<std::size_t>(batch * head.out);
  arena_->reserve(Slot::logits, logits_ * sizeof(float));
  step.arguments = {
      {arg_src, in_slot(features.get(), Slot::features)},
      {arg_weights, head.weight.in_order(query(description, query_weights), *processor_)},
      {arg_bias, constant(std::span(head.bias))},
      {arg_dst, in_slot(logits.get(), Slot::logits)},
  };
  add_scratch(step, description);
  steps_.push_back(std::move(step));
}

void Plan::add(Slot slot, std::size_t bytes, std::function<void(const Arena&)> loop) {
  arena_->reserve(slot, bytes);
  Step step;
  step.loop = std::move(loop);
  steps_.push_back(std::move(step));
}

void Plan::bind() {
  for (const Bound& bound : bound_) {
    if (bound.slot != Slot::pictures) place(bound.memory, arena_->at(bound.slot));
  }
  generation_ = arena_->generation();
}

void Plan::run(const float* pictures, float* logits, const std::atomic<bool>& cancelled) {
  if (generation_ != arena_->generation()) bind();
  auto* read_only = const_cast<float*>(pictures);  // NOLINT(cppcoreguidelines-pro-type-const-cast): a source
  for (const Bound& bound : bound_) {
    if (bound.slot == Slot::pictures) place(bound.memory, read_only);
  }
  for (const Step& step : steps_) {
    stop_if(cancelled);
    if (step.loop) {
      step.loop(*arena_);
      continue;
    }
    check(libdnnl().dnnl_primitive_execute(step.primitive.get(), processor_->stream.get(),
                                           static_cast<int>(step.arguments.size()), step.arguments.data()),
          "layer of the network");
  }
  check(libdnnl().dnnl_stream_wait(processor_->stream.get()), "end of the network");
  std::copy_n(static_cast<const float*>(arena_->at(Slot::logits)), logits_, logits);
}

}  // namespace mediscan::backend::onednn
