// What a session does for batches of one size, decided once: primitives, the memory they read and write, and loops of
// ours between them, in the order of running. Running a plan makes nothing: no primitive, no reordered weights, no
// memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "backend/network/kernels.hpp"
#include "backend/onednn/arena.hpp"
#include "backend/onednn/layer.hpp"
#include "backend/onednn/objects.hpp"

namespace mediscan::backend::onednn {

/// Pictures between two layers, in NHWC memory.
struct Activation {
  Slot slot = Slot::pictures;
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  DataType type = DataType::f32;
  Quantization quantization;  // what bytes stand for, or what they would if these numbers became bytes
  std::int64_t stride = 0;    // floats from one pixel to the next where there is room between them; else 0

  [[nodiscard]] std::array<std::int64_t, 4> sizes() const noexcept { return {batch, channels, height, width}; }
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// The memory as our kernels take it, of float32 and of bytes.
  [[nodiscard]] Pixels pixels(const Arena& arena) const noexcept;
  [[nodiscard]] BytePixels byte_pixels(const Arena& arena) const noexcept;
  /// All its numbers, of memory without room between pixels.
  [[nodiscard]] std::span<float> floats(const Arena& arena) const noexcept;
  [[nodiscard]] std::span<std::uint8_t> raw_bytes(const Arena& arena) const noexcept;
};

class Plan {
 public:
  /// Both outlive it. Made in a ThreadScope of as many threads as it is run in: oneDNN divides the work by their
  /// number.
  Plan(const Processor& processor, Arena& arena, int threads) noexcept
      : processor_(&processor), arena_(&arena), threads_(threads) {}

  // The steps, in the order of running. Layers outlive the plan. Each throws OUT_OF_MEMORY, and UNSUPPORTED for what
  // oneDNN has no kernel for.

  /// The convolution of `in`, + ReLU or not, written to `slot`, which is not that of `in`.
  Activation add(Layer& layer, const Activation& in, bool relu, Slot slot);
  /// relu(conv(in) + residual), written over `residual`.
  Activation add_onto(Layer& layer, const Activation& in, const Activation& residual);
  /// The convolution of `in`, written behind the channels of `features`, where there is room: those with it. Only of a
  /// layer that has `winograd`.
  Activation add_behind(const Layer& layer, const Activation& in, const Activation& features);
  /// Batch x in features of Slot::features to the logits that run() is given.
  void add(Head& head, std::int64_t batch);
  /// A loop of ours that writes `bytes` bytes of `slot`. It must not throw.
  void add(Slot slot, std::size_t bytes, std::function<void(const Arena&)> loop);

  /// `pictures` is float32 and NHWC. Throws CANCELLED between two steps once the flag is up.
  void run(const float* pictures, float* logits, const std::atomic<bool>& cancelled);

 private:
  /// A primitive with its arguments, or a loop.
  struct Step {
    Primitive primitive;
    std::vector<Argument> arguments;
    std::function<void(const Arena&)> loop;
  };
  struct Bound {
    Memory memory;
    Slot slot;
  };

  dnnl_memory* in_slot(const dnnl_memory_desc* description, Slot slot);
  dnnl_memory* constant(std::span<float> numbers);
  dnnl_memory* constant(float number);
  dnnl_memory* constant(std::int32_t number);
  void add_quantization(Step& step, Layer& layer, const Quantization& of_input);
  void add_scratch(Step& step, const PrimitiveDescription& description);
  void add_conv(Layer& layer, const Activation& in, const Activation& out, bool relu, const Activation* residual);
  void add_winograd(const Layer& layer, const Activation& in, const Activation& out, std::int64_t first_channel,
                    Finish finish);
  void bind();

  const Processor* processor_;
  Arena* arena_;
  int threads_;
  std::vector<Step> steps_;
  std::vector<Bound> bound_;
  std::vector<Memory> constants_;
  std::deque<float> floats_;  // these stay where they are while others are added
  std::deque<std::int32_t> integers_;
  std::size_t logits_ = 0;
  std::uint64_t generation_ = 0;  // of the arena, when memories were last told their places
};

}  // namespace mediscan::backend::onednn
