#include "backend/torch/tensor.hpp"

#include <fmt/format.h>

#include <bit>
#include <string>
#include <vector>

namespace mediscan::backend::torch {
namespace {

/// LibTorch's words for its last failure in this thread; empty before 2.13, which has no way to ask.
std::string last_failure() {
  if (libtorch().torch_exception_get_what_without_backtrace == nullptr) return {};
  const char* text = libtorch().torch_exception_get_what_without_backtrace();
  return text == nullptr ? std::string{} : text;
}

[[noreturn]] void throw_failure(const std::string& what) {
  const std::string text = last_failure();
  for (const char* sign : {"not enough memory", "bad_alloc", "out of memory"}) {
    if (text.find(sign) != std::string::npos) {
      throw Error(ErrorCode::out_of_memory, Stage::backend,
                  fmt::format("LibTorch ran out of memory in {}: {}", what, text),
                  "lower max_batch or the picture size, or give the process more memory");
    }
  }
  throw Error(ErrorCode::backend_failed, Stage::backend,
              fmt::format("LibTorch failed in {}{}{}", what, text.empty() ? "" : ": ", text));
}

std::array<std::int64_t, 4> channels_last_strides(const std::array<std::int64_t, 4>& sizes) {
  const auto [batch, channels, height, width] = sizes;
  return {height * width * channels, 1, width * channels, channels};
}

}  // namespace

Tensor::Tensor(const Tensor& other) {
  if (other.handle_ != nullptr)
    detail::check(libtorch().aoti_torch_new_tensor_handle(other.handle_, &handle_), "new_tensor_handle");
}

Tensor::~Tensor() {
  if (handle_ != nullptr) libtorch().aoti_torch_delete_tensor_object(handle_);
}

Tensor Tensor::view(std::int32_t dtype, void* data, std::span<const std::int64_t> sizes,
                    std::span<const std::int64_t> strides) {
  const Functions& lib = libtorch();
  constexpr std::int32_t no_device_index =
      -1;  // LibTorch compares the device with that of the memory, which is "cpu", not "cpu:0"
  TensorHandle handle = nullptr;
  detail::check(lib.torch_from_blob(data, static_cast<std::int64_t>(sizes.size()), sizes.data(), strides.data(), 0,
                                    dtype, lib.aoti_torch_device_type_cpu(), no_device_index, &handle,
                                    lib.aoti_torch_layout_strided(), nullptr, 0, nullptr, nullptr),
                "torch_from_blob");
  return Tensor(handle);
}

Tensor Tensor::view(float* data, std::span<const std::int64_t> sizes, std::span<const std::int64_t> strides) {
  return view(libtorch().aoti_torch_dtype_float32(), data, sizes, strides);
}

Tensor Tensor::view(float* data, std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  return view(data, sizes, strides);
}

Tensor Tensor::view_nhwc(float* data, const std::array<std::int64_t, 4>& sizes) {
  return view(data, sizes, channels_last_strides(sizes));
}

Tensor Tensor::view_nhwc(std::uint16_t* data, const std::array<std::int64_t, 4>& sizes) {
  return view(libtorch().aoti_torch_dtype_bfloat16(), data, sizes, channels_last_strides(sizes));
}

Tensor Tensor::view_nhwc(std::uint8_t* data, const std::array<std::int64_t, 4>& sizes) {
  return view(libtorch().aoti_torch_dtype_uint8(), data, sizes, channels_last_strides(sizes));
}

Tensor Tensor::empty(std::int32_t dtype, std::span<const std::int64_t> sizes, std::span<const std::int64_t> strides,
                     std::int32_t device_type, std::int32_t device_index) {
  TensorHandle handle = nullptr;
  detail::check(libtorch().aoti_torch_empty_strided(static_cast<std::int64_t>(sizes.size()), sizes.data(),
                                                    strides.data(), dtype, device_type, device_index, &handle),
                "empty_strided");
  return Tensor(handle);
}

Tensor Tensor::empty_nhwc(const std::array<std::int64_t, 4>& sizes) {
  return empty(libtorch().aoti_torch_dtype_float32(), sizes, channels_last_strides(sizes),
               libtorch().aoti_torch_device_type_cpu(), 0);
}

std::span<const std::int64_t> Tensor::sizes() const {
  std::int64_t dimensions = 0;
  std::int64_t* sizes = nullptr;
  detail::check(libtorch().aoti_torch_get_dim(handle_, &dimensions), "get_dim");
  detail::check(libtorch().aoti_torch_get_sizes(handle_, &sizes), "get_sizes");
  return {sizes, static_cast<std::size_t>(dimensions)};
}

std::span<const std::int64_t> Tensor::strides() const {
  std::int64_t dimensions = 0;
  std::int64_t* strides = nullptr;
  detail::check(libtorch().aoti_torch_get_dim(handle_, &dimensions), "get_dim");
  detail::check(libtorch().aoti_torch_get_strides(handle_, &strides), "get_strides");
  return {strides, static_cast<std::size_t>(dimensions)};
}

void* Tensor::memory() const {
  void* data = nullptr;
  detail::check(libtorch().aoti_torch_get_data_ptr(handle_, &data), "get_data_ptr");
  return data;
}

namespace detail {

void check(Status status, const char* what) {
  if (status != 0) throw_failure(what);
}

// LibTorch's stableivalue_conversions.h, the same from 2.11 to 2.15: a type of up to 64 bits lies in the low bytes, the
// rest zero; tensors, lists and strings are handles that the callee takes over; an optional is null or a pointer to a
// StableIValue that the callee frees.

StableIValue to_stack(const Tensor& value) {
  TensorHandle handle = nullptr;
  check(libtorch().aoti_torch_new_tensor_handle(value.handle(), &handle), "new_tensor_handle");
  return std::bit_cast<StableIValue>(handle);
}

StableIValue to_stack(std::int64_t value) { return std::bit_cast<StableIValue>(value); }
StableIValue to_stack(double value) { return std::bit_cast<StableIValue>(value); }
StableIValue to_stack(bool value) { return value ? 1 : 0; }
StableIValue to_stack(std::nullopt_t /*value*/) { return 0; }

StableIValue to_stack(std::string_view value) {
  StringHandle handle = nullptr;
  check(libtorch().torch_new_string_handle(value.data(), value.size(), &handle), "new_string_handle");
  return std::bit_cast<StableIValue>(handle);
}

StableIValue to_stack(Ints value) { return to_stack(std::span(value.begin(), value.size())); }
StableIValue to_stack(EmptyList /*value*/) { return to_stack(std::span<const std::int64_t>{}); }

StableIValue to_stack(std::span<const std::int64_t> value) {
  ListHandle handle = nullptr;
  check(libtorch().torch_new_list_reserve_size(value.size(), &handle), "new_list");
  for (const std::int64_t item : value)
    check(libtorch().torch_list_push_back(handle, to_stack(item)), "list_push_back");
  return std::bit_cast<StableIValue>(handle);
}

StableIValue to_stack(std::span<const Tensor> value) {
  ListHandle handle = nullptr;
  check(libtorch().torch_new_list_reserve_size(value.size(), &handle), "new_list");
  for (const Tensor& item : value) check(libtorch().torch_list_push_back(handle, to_stack(item)), "list_push_back");
  return std::bit_cast<StableIValue>(handle);
}

StableIValue to_stack_optional(StableIValue value) {
  StableIValue* holder = nullptr;
  if (libtorch().torch_new_stable_ivalue != nullptr) {
    check(libtorch().torch_new_stable_ivalue(&holder), "new_stable_ivalue");
    *holder = value;
  } else {
    holder = new StableIValue(value);  // before 2.13 LibTorch frees it with delete
  }
  return std::bit_cast<StableIValue>(holder);
}

Tensor call_stack(const char* name, const char* overload, StableIValue* stack) {
  // LibTorch's own version as "the version the caller was built with": we speak each version's schemas, and no adapter
  // must change them.
  static const std::uint64_t version = libtorch().aoti_torch_abi_version();
  if (libtorch().torch_call_dispatcher(name, overload, stack, version) != 0) throw_failure(name);
  return Tensor(std::bit_cast<TensorHandle>(stack[0]));
}

}  // namespace detail
}  // namespace mediscan::backend::torch
