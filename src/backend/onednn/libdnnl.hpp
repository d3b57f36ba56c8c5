// oneDNN as this library sees it: the functions of its C API, declared by us and resolved at run time, and the one copy
// of it that the process uses. No other file loads oneDNN or knows a function's type; objects.hpp makes them pleasant
// to use.
#pragma once

#include <mediscan/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backend/openmp.hpp"
#include "backend/runtime_library.hpp"

// Opaque types of oneDNN's C API, under their own names so that libdnnl_headers_test can compare the function types.
struct dnnl_engine;
struct dnnl_stream;
struct dnnl_memory_desc;
struct dnnl_memory;
struct dnnl_primitive_attr;
struct dnnl_post_ops;
struct dnnl_primitive_desc;
struct dnnl_primitive;

namespace mediscan::backend::onednn {

/// oneDNN's enumerations are passed as the integers they are; constants.hpp names those used.
using Enum = int;
using Status = Enum;  ///< 0 is success

/// dnnl_version_t
struct Version {
  int major;
  int minor;
  int patch;
  const char* hash;
  unsigned cpu_runtime;
  unsigned gpu_runtime;
};

/// dnnl_exec_arg_t
struct Argument {
  int index;
  dnnl_memory* memory;
};

/// Every function used: the version of oneDNN that brought it in this form, result, name, parameters.
#define MEDISCAN_LIBDNNL_FUNCTIONS(X)                                                                                 \
  X(3, 0, const Version*, dnnl_version, ())                                                                           \
  X(3, 0, Status, dnnl_engine_create, (dnnl_engine**, Enum, std::size_t))                                             \
  X(3, 0, Status, dnnl_engine_destroy, (dnnl_engine*))                                                                \
  X(3, 0, Status, dnnl_stream_create, (dnnl_stream**, dnnl_engine*, unsigned))                                        \
  X(3, 0, Status, dnnl_stream_wait, (dnnl_stream*))                                                                   \
  X(3, 0, Status, dnnl_stream_destroy, (dnnl_stream*))                                                                \
  X(3, 0, Status, dnnl_memory_desc_create_with_strides,                                                               \
    (dnnl_memory_desc**, int, const std::int64_t*, Enum, const std::int64_t*))                                        \
  X(3, 0, Status, dnnl_memory_desc_create_with_tag, (dnnl_memory_desc**, int, const std::int64_t*, Enum, Enum))       \
  X(3, 0, Status, dnnl_memory_desc_clone, (dnnl_memory_desc**, const dnnl_memory_desc*))                              \
  X(3, 0, Status, dnnl_memory_desc_destroy, (dnnl_memory_desc*))                                                      \
  X(3, 0, int, dnnl_memory_desc_equal, (const dnnl_memory_desc*, const dnnl_memory_desc*))                            \
  X(3, 0, std::size_t, dnnl_memory_desc_get_size, (const dnnl_memory_desc*))                                          \
  X(3, 0, Status, dnnl_memory_create, (dnnl_memory**, const dnnl_memory_desc*, dnnl_engine*, void*))                  \
  X(3, 0, Status, dnnl_memory_set_data_handle, (dnnl_memory*, void*))                                                 \
  X(3, 0, Status, dnnl_memory_destroy, (dnnl_memory*))                                                                \
  X(3, 0, Status, dnnl_primitive_attr_create, (dnnl_primitive_attr**))                                                \
  X(3, 0, Status, dnnl_primitive_attr_set_scratchpad_mode, (dnnl_primitive_attr*, Enum))                              \
  X(3, 1, Status, dnnl_primitive_attr_set_scales_mask, (dnnl_primitive_attr*, int, int))                              \
  X(3, 0, Status, dnnl_primitive_attr_set_zero_points_mask, (dnnl_primitive_attr*, int, int))                         \
  X(3, 0, Status, dnnl_primitive_attr_set_post_ops, (dnnl_primitive_attr*, const dnnl_post_ops*))                     \
  X(3, 0, Status, dnnl_primitive_attr_destroy, (dnnl_primitive_attr*))                                                \
  X(3, 0, Status, dnnl_post_ops_create, (dnnl_post_ops**))                                                            \
  X(3, 0, Status, dnnl_post_ops_append_sum, (dnnl_post_ops*, float, std::int32_t, Enum))                              \
  X(3, 0, Status, dnnl_post_ops_append_eltwise, (dnnl_post_ops*, Enum, float, float))                                 \
  X(3, 0, Status, dnnl_post_ops_destroy, (dnnl_post_ops*))                                                            \
  X(3, 0, Status, dnnl_convolution_forward_primitive_desc_create,                                                     \
    (dnnl_primitive_desc**, dnnl_engine*, Enum, Enum, const dnnl_memory_desc*, const dnnl_memory_desc*,               \
     const dnnl_memory_desc*, const dnnl_memory_desc*, const std::int64_t*, const std::int64_t*, const std::int64_t*, \
     const std::int64_t*, const dnnl_primitive_attr*))                                                                \
  X(3, 0, Status, dnnl_inner_product_forward_primitive_desc_create,                                                   \
    (dnnl_primitive_desc**, dnnl_engine*, Enum, const dnnl_memory_desc*, const dnnl_memory_desc*,                     \
     const dnnl_memory_desc*, const dnnl_memory_desc*, const dnnl_primitive_attr*))                                   \
  X(3, 0, Status, dnnl_reorder_primitive_desc_create,                                                                 \
    (dnnl_primitive_desc**, const dnnl_memory_desc*, dnnl_engine*, const dnnl_memory_desc*, dnnl_engine*,             \
     const dnnl_primitive_attr*))                                                                                     \
  X(3, 0, const dnnl_memory_desc*, dnnl_primitive_desc_query_md, (const dnnl_primitive_desc*, Enum, int))             \
  X(3, 0, Status, dnnl_primitive_desc_destroy, (dnnl_primitive_desc*))                                                \
  X(3, 0, Status, dnnl_primitive_create, (dnnl_primitive**, const dnnl_primitive_desc*))                              \
  X(3, 0, Status, dnnl_primitive_execute, (const dnnl_primitive*, dnnl_stream*, int, const Argument*))                \
  X(3, 0, Status, dnnl_primitive_destroy, (dnnl_primitive*))

/// The functions, by their own names, and OpenMP's of the very runtime that oneDNN runs on, all null when it was built
/// without threads.
struct Functions : OpenMp {
  // NOLINTBEGIN(bugprone-macro-parentheses): declarations cannot have them
#define MEDISCAN_DECLARE(major, minor, result, name, parameters) result(*name) parameters = nullptr;
  MEDISCAN_LIBDNNL_FUNCTIONS(MEDISCAN_DECLARE)
#undef MEDISCAN_DECLARE
  // NOLINTEND(bugprone-macro-parentheses)

  int (*omp_get_thread_num)() = nullptr;
  int (*omp_get_num_threads)() = nullptr;
  /// How a compiler starts a parallel region: body, its argument, threads (0: as set), flags.
  void (*GOMP_parallel)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
};

/// The functions of the oneDNN that find_libdnnl() opened; all null before it succeeded.
const Functions& libdnnl() noexcept;

/// Opens oneDNN, or finds it open. A copy that is mapped already is used whatever is named elsewhere, and the report
/// says so: two would share the names of their functions. Thread-safe; never throws but for memory.
RuntimeReport find_libdnnl();

/// Why a oneDNN of this version and CPU runtime cannot be used, or nothing: 3.1 to below 4, sequential or OpenMP.
std::optional<std::string> unusable_version(const Version& version);

}  // namespace mediscan::backend::onednn
