// LibTorch as this library sees it: the functions of its stable C ABI, declared by us and resolved at run time, and the
// one copy of it that the process uses. No other file loads LibTorch or knows a function's type; tensor.hpp makes them
// pleasant to use.
#pragma once

#include <mediscan/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "backend/openmp.hpp"
#include "backend/runtime_library.hpp"

// Opaque types of LibTorch's C ABI, under their own names so that libtorch_headers_test can compare the function types.
struct AtenTensorOpaque;
struct StableListOpaque;
struct StringOpaque;

namespace mediscan::backend::torch {

using TensorHandle = AtenTensorOpaque*;
using ListHandle = StableListOpaque*;
using StringHandle = StringOpaque*;
using Status = std::int32_t;  ///< 0 is success
using StableIValue =
    std::uint64_t;  ///< an argument or result of an operator; tensor.cpp says how each type is put into it

/// Every function used: the LibTorch that brought it (2.9 stands for "2.9 or earlier"), result, name, parameters. Those
/// newer than 2.11 are null where LibTorch lacks them.
#define MEDISCAN_LIBTORCH_FUNCTIONS(X)                                                                                 \
  X(2, 9, std::uint64_t, aoti_torch_abi_version, ())                                                                   \
  X(2, 9, bool, aoti_torch_grad_mode_is_enabled, ())                                                                   \
  X(2, 9, void, aoti_torch_grad_mode_set_enabled, (bool))                                                              \
  X(2, 9, std::int32_t, aoti_torch_dtype_float32, ())                                                                  \
  X(2, 9, std::int32_t, aoti_torch_dtype_float16, ())                                                                  \
  X(2, 9, std::int32_t, aoti_torch_dtype_bfloat16, ())                                                                 \
  X(2, 9, std::int32_t, aoti_torch_dtype_uint8, ())                                                                    \
  X(2, 9, std::int32_t, aoti_torch_dtype_int8, ())                                                                     \
  X(2, 9, std::int32_t, aoti_torch_dtype_int64, ())                                                                    \
  X(2, 9, std::int32_t, aoti_torch_device_type_cpu, ())                                                                \
  X(2, 9, std::int32_t, aoti_torch_device_type_cuda, ())                                                               \
  X(2, 9, std::int32_t, aoti_torch_layout_strided, ())                                                                 \
  X(2, 9, std::int32_t, aoti_torch_memory_format_channels_last, ())                                                    \
  X(2, 9, Status, aoti_torch_new_tensor_handle, (TensorHandle, TensorHandle*))                                         \
  X(2, 9, Status, aoti_torch_delete_tensor_object, (TensorHandle))                                                     \
  X(2, 9, Status, aoti_torch_empty_strided,                                                                            \
    (std::int64_t, const std::int64_t*, const std::int64_t*, std::int32_t, std::int32_t, std::int32_t, TensorHandle*)) \
  X(2, 9, Status, aoti_torch_get_data_ptr, (TensorHandle, void**))                                                     \
  X(2, 9, Status, aoti_torch_get_dim, (TensorHandle, std::int64_t*))                                                   \
  X(2, 9, Status, aoti_torch_get_sizes, (TensorHandle, std::int64_t**))                                                \
  X(2, 9, Status, aoti_torch_get_strides, (TensorHandle, std::int64_t**))                                              \
  X(2, 10, Status, torch_call_dispatcher, (const char*, const char*, StableIValue*, std::uint64_t))                    \
  X(2, 10, Status, torch_new_list_reserve_size, (std::size_t, ListHandle*))                                            \
  X(2, 10, Status, torch_list_push_back, (ListHandle, StableIValue))                                                   \
  X(2, 10, Status, torch_delete_list, (ListHandle))                                                                    \
  X(2, 10, Status, torch_new_string_handle, (const char*, std::size_t, StringHandle*))                                 \
  X(2, 10, Status, torch_delete_string, (StringHandle))                                                                \
  X(2, 10, Status, torch_get_num_threads, (std::uint32_t*))                                                            \
  X(2, 10, Status, torch_parallel_for,                                                                                 \
    (std::int64_t, std::int64_t, std::int64_t, void (*)(std::int64_t, std::int64_t, void*), void*))                    \
  X(2, 11, Status, torch_from_blob,                                                                                    \
    (void*, std::int64_t, const std::int64_t*, const std::int64_t*, std::int64_t, std::int32_t, std::int32_t,          \
     std::int32_t, TensorHandle*, std::int32_t, const std::uint8_t*, std::int64_t, void (*)(void*, void*), void*))     \
  X(2, 13, Status, torch_new_stable_ivalue, (StableIValue**))                                                          \
  X(2, 13, Status, torch_delete_stable_ivalue, (StableIValue*))                                                        \
  X(2, 13, const char*, torch_exception_get_what_without_backtrace, ())

/// The functions, by their own names, and OpenMP's of the very runtime that LibTorch runs on.
struct Functions : OpenMp {
  // NOLINTBEGIN(bugprone-macro-parentheses): declarations cannot have them
#define MEDISCAN_DECLARE(major, minor, result, name, parameters) result(*name) parameters = nullptr;
  MEDISCAN_LIBTORCH_FUNCTIONS(MEDISCAN_DECLARE)
#undef MEDISCAN_DECLARE
  // NOLINTEND(bugprone-macro-parentheses)
};

/// The functions of the LibTorch that find_libtorch() opened; all null before it succeeded.
const Functions& libtorch() noexcept;

/// Opens LibTorch, or finds it open. `named` is a place the caller asked for (empty: search). Exactly one LibTorch
/// lives in a process, so one that is mapped already is used whatever `named` says, and the report says so.
/// Thread-safe; never throws but for memory.
RuntimeReport find_libtorch(const std::filesystem::path& named);

/// "2.15.0" from the number of aoti_torch_abi_version: one byte each for major, minor and patch, from the top.
std::string version_text(std::uint64_t abi_version);

}  // namespace mediscan::backend::torch
