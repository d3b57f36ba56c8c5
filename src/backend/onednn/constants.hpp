// The numbers of oneDNN's C API that are used, by the field's names; libdnnl_headers_test compares them with its
// headers.
#pragma once

#include "backend/onednn/libdnnl.hpp"

namespace mediscan::backend::onednn {

/// dnnl_status_t
inline constexpr Status success = 0;
inline constexpr Status out_of_memory = 1;
inline constexpr Status unimplemented = 3;

/// dnnl_data_type_t
enum class DataType : Enum { f32 = 3, s32 = 4, s8 = 5, u8 = 6 };

/// DNNL_RUNTIME_*: what a oneDNN's threads are.
inline constexpr unsigned runtime_sequential = 1;
inline constexpr unsigned runtime_openmp = 2;
inline constexpr unsigned runtime_tbb = 4;
inline constexpr unsigned runtime_threadpool = 8;
inline constexpr unsigned runtime_sycl = 512;

inline constexpr Enum engine_cpu = 1;
inline constexpr unsigned stream_in_order = 1;
inline constexpr Enum forward_inference = 96;
inline constexpr Enum convolution_direct = 1;
inline constexpr Enum eltwise_relu = 0x20;
inline constexpr Enum scratchpad_user = 1;
inline constexpr Enum tag_any = 1;

/// dnnl_query_t of memory descriptions
inline constexpr Enum query_weights = 131;
inline constexpr Enum query_scratchpad = 136;

/// DNNL_ARG_*
inline constexpr int arg_src = 1;
inline constexpr int arg_dst = 17;
inline constexpr int arg_weights = 33;
inline constexpr int arg_bias = 41;
inline constexpr int arg_scratchpad = 80;
inline constexpr int arg_scales = 4096;       ///< or-ed with the argument that they scale
inline constexpr int arg_zero_points = 8192;  ///< or-ed with the argument that they shift

}  // namespace mediscan::backend::onednn
