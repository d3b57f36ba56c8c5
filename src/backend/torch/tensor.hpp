// A LibTorch tensor as a value, and operators called by name. Thin: it owns handles and turns LibTorch's status codes
// into Errors. It does not check an operator's arguments; who calls one knows its rules.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "backend/parallel.hpp"
#include "backend/torch/libtorch.hpp"

namespace mediscan::backend::torch {

/// Owns one reference to a LibTorch tensor; empty when default-made or moved from. Copies share the data.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(TensorHandle owned) noexcept : handle_(owned) {}
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Tensor& operator=(Tensor other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Tensor();

  /// A CPU tensor over memory that the caller keeps alive; strides in elements. No copy.
  static Tensor view(std::int32_t dtype, void* data, std::span<const std::int64_t> sizes,
                     std::span<const std::int64_t> strides);
  /// The same of float32.
  static Tensor view(float* data, std::span<const std::int64_t> sizes, std::span<const std::int64_t> strides);
  /// The same, row-major.
  static Tensor view(float* data, std::span<const std::int64_t> sizes);
  /// The same for pictures in NHWC memory: sizes {batch, channels, height, width}, which is LibTorch's channels_last.
  static Tensor view_nhwc(float* data, const std::array<std::int64_t, 4>& sizes);
  /// The same of bfloat16.
  static Tensor view_nhwc(std::uint16_t* data, const std::array<std::int64_t, 4>& sizes);
  /// The same of bytes.
  static Tensor view_nhwc(std::uint8_t* data, const std::array<std::int64_t, 4>& sizes);
  /// Memory of its own on a device, of undefined content; strides in elements.
  static Tensor empty(std::int32_t dtype, std::span<const std::int64_t> sizes, std::span<const std::int64_t> strides,
                      std::int32_t device_type, std::int32_t device_index);
  /// The same on the CPU for pictures of float32 in NHWC memory.
  static Tensor empty_nhwc(const std::array<std::int64_t, 4>& sizes);

  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] TensorHandle handle() const noexcept { return handle_; }
  [[nodiscard]] std::span<const std::int64_t> sizes() const;
  [[nodiscard]] std::span<const std::int64_t> strides() const;
  /// First element. Only meaningful for float32 CPU tensors that are not packed for oneDNN.
  [[nodiscard]] float* data() const { return static_cast<float*>(memory()); }
  /// First element of a tensor of bfloat16, likewise.
  [[nodiscard]] std::uint16_t* halves() const { return static_cast<std::uint16_t*>(memory()); }
  /// First element of a tensor of uint8, likewise.
  [[nodiscard]] std::uint8_t* bytes() const { return static_cast<std::uint8_t*>(memory()); }

 private:
  [[nodiscard]] void* memory() const;

  TensorHandle handle_ = nullptr;
};

/// A list of integers among an operator's arguments.
using Ints = std::initializer_list<std::int64_t>;
/// `Scalar?[]` and other lists that we only ever pass empty.
struct EmptyList {};
/// A value for an optional argument ("Tensor?", "str?", "int[]?"); std::nullopt stands for none.
template <class T>
struct Some {
  T value;
};
template <class T>
Some(T) -> Some<T>;

namespace detail {
// Each makes the 64 bits that LibTorch takes for the type; handles in it belong to the call.
StableIValue to_stack(const Tensor& value);
StableIValue to_stack(std::int64_t value);
StableIValue to_stack(double value);
StableIValue to_stack(bool value);
StableIValue to_stack(const char*) = delete;  // would be a bool: write "..."sv
StableIValue to_stack(std::string_view value);
StableIValue to_stack(Ints value);
StableIValue to_stack(std::span<const std::int64_t> value);
StableIValue to_stack(EmptyList value);
StableIValue to_stack(std::span<const Tensor> value);
StableIValue to_stack(std::nullopt_t value);
StableIValue to_stack_optional(StableIValue value);
template <class T>
StableIValue to_stack(const Some<T>& value) {
  return to_stack_optional(to_stack(value.value));
}

void check(Status status, const char* what);
Tensor call_stack(const char* name, const char* overload, StableIValue* stack);
}  // namespace detail

/// Calls the operator "aten::relu" (overload "" or e.g. "out") with every argument of its schema, defaults too. Returns
/// its one result. Throws BACKEND_FAILED, or OUT_OF_MEMORY, with LibTorch's own words where it has them.
template <class... Arguments>
Tensor call(const char* name, const char* overload, const Arguments&... arguments) {
  StableIValue stack[] = {detail::to_stack(arguments)...};
  return detail::call_stack(name, overload, stack);
}

}  // namespace mediscan::backend::torch
