// Compares our declarations of oneDNN's functions, and its numbers, with oneDNN's own headers. A difference is an error
// of the compiler, here.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <type_traits>

#include "backend/onednn/constants.hpp"
#include "backend/onednn/libdnnl.hpp"

#ifdef MEDISCAN_HAVE_LIBDNNL_HEADERS
#include <oneapi/dnnl/dnnl.h>

namespace mediscan::backend::onednn {

/// A type of the header as libdnnl.hpp writes it: enumerations as int, the two structures as ours.
template <class T>
struct AsOurs {
  using type = std::conditional_t<std::is_enum_v<T>, Enum, T>;
  static_assert(!std::is_enum_v<T> || sizeof(T) == sizeof(Enum));
};
template <>
struct AsOurs<const dnnl_version_t*> {
  using type = const Version*;
};
template <>
struct AsOurs<const dnnl_exec_arg_t*> {
  using type = const Argument*;
};
template <class Function>
struct FunctionAsOurs;
template <class Result, class... Parameters>
struct FunctionAsOurs<Result (*)(Parameters...)> {
  using type = typename AsOurs<Result>::type (*)(typename AsOurs<Parameters>::type...);
};

#define MEDISCAN_COMPARE(major, minor, result, name, parameters)                                    \
  static_assert(std::is_same_v<decltype(Functions::name), FunctionAsOurs<decltype(&::name)>::type>, \
                #name " has another type in oneDNN's header than in libdnnl.hpp");
MEDISCAN_LIBDNNL_FUNCTIONS(MEDISCAN_COMPARE)
#undef MEDISCAN_COMPARE

static_assert(sizeof(Version) == sizeof(dnnl_version_t) && offsetof(Version, hash) == offsetof(dnnl_version_t, hash) &&
              offsetof(Version, cpu_runtime) == offsetof(dnnl_version_t, cpu_runtime));
static_assert(sizeof(Argument) == sizeof(dnnl_exec_arg_t) &&
              offsetof(Argument, memory) == offsetof(dnnl_exec_arg_t, memory));

}  // namespace mediscan::backend::onednn
#endif

namespace mediscan::backend::onednn {
namespace {

TEST_CASE("onednn: our declarations and numbers are those of its headers") {
#ifdef MEDISCAN_HAVE_LIBDNNL_HEADERS
  // Compiling was the comparison of the functions.
  CHECK(success == dnnl_success);
  CHECK(out_of_memory == dnnl_out_of_memory);
  CHECK(unimplemented == dnnl_unimplemented);
  CHECK(static_cast<Enum>(DataType::f32) == dnnl_f32);
  CHECK(static_cast<Enum>(DataType::s32) == dnnl_s32);
  CHECK(static_cast<Enum>(DataType::s8) == dnnl_s8);
  CHECK(static_cast<Enum>(DataType::u8) == dnnl_u8);
  CHECK(runtime_sequential == DNNL_RUNTIME_SEQ);
  CHECK(runtime_openmp == DNNL_RUNTIME_OMP);
  CHECK(runtime_tbb == DNNL_RUNTIME_TBB);
  CHECK(runtime_threadpool == DNNL_RUNTIME_THREADPOOL);
  CHECK(runtime_sycl == DNNL_RUNTIME_SYCL);
  CHECK(engine_cpu == dnnl_cpu);
  CHECK(stream_in_order == dnnl_stream_in_order);
  CHECK(forward_inference == dnnl_forward_inference);
  CHECK(convolution_direct == dnnl_convolution_direct);
  CHECK(eltwise_relu == dnnl_eltwise_relu);
  CHECK(scratchpad_user == dnnl_scratchpad_mode_user);
  CHECK(tag_any == dnnl_format_tag_any);
  CHECK(query_weights == dnnl_query_weights_md);
  CHECK(query_scratchpad == dnnl_query_scratchpad_md);
  CHECK(arg_src == DNNL_ARG_SRC);
  CHECK(arg_dst == DNNL_ARG_DST);
  CHECK(arg_weights == DNNL_ARG_WEIGHTS);
  CHECK(arg_bias == DNNL_ARG_BIAS);
  CHECK(arg_scratchpad == DNNL_ARG_SCRATCHPAD);
  CHECK(arg_scales == DNNL_ARG_ATTR_SCALES);
  CHECK(arg_zero_points == DNNL_ARG_ATTR_ZERO_POINTS);
#else
  std::puts("MEDISCAN_SKIP: no oneDNN headers at " MEDISCAN_LIBDNNL_INCLUDE);
#endif
}

}  // namespace
}  // namespace mediscan::backend::onednn
