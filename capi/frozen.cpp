// Holds the layout of every struct of the ABI still: a change of a size or an offset does not compile. Fields that
// later versions append get their lines here too; a line is never changed.
#include <mediscan/mediscan.h>
#include <mediscan/error.hpp>
#include <mediscan/job.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <type_traits>

#include "capi/arguments.hpp"

namespace {

// NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define MEDISCAN_AT(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")
// How much of a struct a program of that version has; today's is at least as large.
#define MEDISCAN_SIZE_1_0(type, size)                                                                            \
  static_assert(mediscan::capi::first_size<type> == (size) && sizeof(type) >= (size) && std::is_trivial_v<type>, \
                #type " has another size")
#define MEDISCAN_SIZE_1_1(type, size) static_assert(sizeof(type) == (size), #type " has another size")
#define MEDISCAN_SIZE_1_2(type, size) static_assert(sizeof(type) == (size), #type " has another size")
// NOLINTEND(cppcoreguidelines-macro-usage)

MEDISCAN_AT(mediscan_manager_options, struct_size, 0);
MEDISCAN_AT(mediscan_manager_options, threads, 4);
MEDISCAN_AT(mediscan_manager_options, libtorch, 8);
MEDISCAN_AT(mediscan_manager_options, log, 16);
MEDISCAN_AT(mediscan_manager_options, log_user, 24);
MEDISCAN_SIZE_1_0(mediscan_manager_options, 32);

MEDISCAN_AT(mediscan_load_options, struct_size, 0);
MEDISCAN_AT(mediscan_load_options, max_batch, 4);
MEDISCAN_AT(mediscan_load_options, backend, 8);
MEDISCAN_AT(mediscan_load_options, device, 16);
MEDISCAN_AT(mediscan_load_options, precision, 24);
MEDISCAN_AT(mediscan_load_options, fallback, 32);
MEDISCAN_SIZE_1_0(mediscan_load_options, 40);

MEDISCAN_AT(mediscan_decode_options, struct_size, 0);
MEDISCAN_AT(mediscan_decode_options, apply_orientation, 4);
MEDISCAN_AT(mediscan_decode_options, decoder, 8);
MEDISCAN_AT(mediscan_decode_options, name, 16);
MEDISCAN_AT(mediscan_decode_options, max_pixels, 24);
MEDISCAN_AT(mediscan_decode_options, max_decoded_bytes, 32);
MEDISCAN_AT(mediscan_decode_options, max_file_bytes, 40);
MEDISCAN_AT(mediscan_decode_options, max_side, 48);
MEDISCAN_AT(mediscan_decode_options, reserved, 52);
MEDISCAN_SIZE_1_0(mediscan_decode_options, 56);

MEDISCAN_AT(mediscan_pixels, struct_size, 0);
MEDISCAN_AT(mediscan_pixels, width, 4);
MEDISCAN_AT(mediscan_pixels, height, 8);
MEDISCAN_AT(mediscan_pixels, channels, 12);
MEDISCAN_AT(mediscan_pixels, bits, 16);
MEDISCAN_AT(mediscan_pixels, reserved, 20);
MEDISCAN_AT(mediscan_pixels, row_bytes, 24);
MEDISCAN_AT(mediscan_pixels, data, 32);
MEDISCAN_SIZE_1_0(mediscan_pixels, 40);

MEDISCAN_AT(mediscan_image_info, struct_size, 0);
MEDISCAN_AT(mediscan_image_info, width, 4);
MEDISCAN_AT(mediscan_image_info, height, 8);
MEDISCAN_AT(mediscan_image_info, channels, 12);
MEDISCAN_AT(mediscan_image_info, bits, 16);
MEDISCAN_AT(mediscan_image_info, exif_orientation, 20);
MEDISCAN_AT(mediscan_image_info, orientation_applied, 24);
MEDISCAN_AT(mediscan_image_info, warning_count, 28);
MEDISCAN_AT(mediscan_image_info, name, 32);
MEDISCAN_AT(mediscan_image_info, sha256, 40);
MEDISCAN_AT(mediscan_image_info, format, 48);
MEDISCAN_AT(mediscan_image_info, decoder, 56);
MEDISCAN_AT(mediscan_image_info, source_mode, 64);
MEDISCAN_AT(mediscan_image_info, decode_ms, 72);
MEDISCAN_AT(mediscan_image_info, pixels, 80);
MEDISCAN_AT(mediscan_image_info, pixel_bytes, 88);
MEDISCAN_SIZE_1_0(mediscan_image_info, 96);

MEDISCAN_AT(mediscan_request, struct_size, 0);
MEDISCAN_AT(mediscan_request, reserved, 4);
MEDISCAN_SIZE_1_0(mediscan_request, 8);

MEDISCAN_AT(mediscan_tensor_shape, struct_size, 0);
MEDISCAN_AT(mediscan_tensor_shape, channels, 4);
MEDISCAN_AT(mediscan_tensor_shape, height, 8);
MEDISCAN_AT(mediscan_tensor_shape, width, 12);
MEDISCAN_AT(mediscan_tensor_shape, channels_last, 16);
MEDISCAN_AT(mediscan_tensor_shape, reserved, 20);
MEDISCAN_SIZE_1_0(mediscan_tensor_shape, 24);

MEDISCAN_AT(mediscan_finding, struct_size, 0);
MEDISCAN_AT(mediscan_finding, available, 4);
MEDISCAN_AT(mediscan_finding, decision, 8);
MEDISCAN_AT(mediscan_finding, reserved, 12);
MEDISCAN_AT(mediscan_finding, code, 16);
MEDISCAN_AT(mediscan_finding, label, 24);
MEDISCAN_AT(mediscan_finding, snomed, 32);
MEDISCAN_AT(mediscan_finding, logit, 40);
MEDISCAN_AT(mediscan_finding, probability, 48);
MEDISCAN_AT(mediscan_finding, operating_point, 56);
MEDISCAN_SIZE_1_0(mediscan_finding, 64);

MEDISCAN_AT(mediscan_execution, struct_size, 0);
MEDISCAN_AT(mediscan_execution, simulated, 4);
MEDISCAN_AT(mediscan_execution, batch_size, 8);
MEDISCAN_AT(mediscan_execution, warning_count, 12);
MEDISCAN_AT(mediscan_execution, backend, 16);
MEDISCAN_AT(mediscan_execution, backend_version, 24);
MEDISCAN_AT(mediscan_execution, device, 32);
MEDISCAN_AT(mediscan_execution, precision, 40);
MEDISCAN_AT(mediscan_execution, fallback_reason, 48);
MEDISCAN_AT(mediscan_execution, model_name, 56);
MEDISCAN_AT(mediscan_execution, model_version, 64);
MEDISCAN_AT(mediscan_execution, model_sha256, 72);
MEDISCAN_AT(mediscan_execution, input_sha256, 80);
MEDISCAN_AT(mediscan_execution, notice, 88);
MEDISCAN_AT(mediscan_execution, decode_ms, 96);
MEDISCAN_AT(mediscan_execution, preprocess_ms, 104);
MEDISCAN_AT(mediscan_execution, queue_ms, 112);
MEDISCAN_AT(mediscan_execution, inference_ms, 120);
MEDISCAN_AT(mediscan_execution, postprocess_ms, 128);
MEDISCAN_AT(mediscan_execution, total_ms, 136);
MEDISCAN_SIZE_1_0(mediscan_execution, 144);

// Appended by 1.1.
MEDISCAN_AT(mediscan_manager_options, max_job_bytes, 32);
MEDISCAN_AT(mediscan_manager_options, max_model_bytes, 40);
MEDISCAN_AT(mediscan_manager_options, max_jobs, 48);
MEDISCAN_AT(mediscan_manager_options, redis_ttl_s, 52);
MEDISCAN_AT(mediscan_manager_options, cache_memory_bytes, 56);
MEDISCAN_AT(mediscan_manager_options, redis, 64);
MEDISCAN_AT(mediscan_manager_options, redis_prefix, 72);
MEDISCAN_AT(mediscan_manager_options, hmac_key, 80);
MEDISCAN_AT(mediscan_manager_options, hmac_key_length, 88);
MEDISCAN_AT(mediscan_manager_options, connect_timeout_ms, 96);
MEDISCAN_AT(mediscan_manager_options, operation_timeout_ms, 100);
MEDISCAN_SIZE_1_1(mediscan_manager_options, 104);

MEDISCAN_AT(mediscan_load_options, batch_invariant, 40);
MEDISCAN_AT(mediscan_load_options, max_delay_us, 44);
MEDISCAN_AT(mediscan_load_options, hang_timeout_ms, 48);
MEDISCAN_AT(mediscan_load_options, reserved, 52);
// 1.1's ends where 1.2's begins.

MEDISCAN_AT(mediscan_request, timeout_ns, 8);
MEDISCAN_AT(mediscan_request, priority, 16);
MEDISCAN_AT(mediscan_request, no_cache, 20);
MEDISCAN_AT(mediscan_request, completions, 24);
MEDISCAN_AT(mediscan_request, tag, 32);
MEDISCAN_AT(mediscan_request, on_done, 40);
MEDISCAN_AT(mediscan_request, on_done_user, 48);
MEDISCAN_SIZE_1_1(mediscan_request, 56);

MEDISCAN_AT(mediscan_execution, cached, 144);
MEDISCAN_AT(mediscan_execution, reserved, 148);
MEDISCAN_SIZE_1_1(mediscan_execution, 152);

// Appended by 1.2.
MEDISCAN_AT(mediscan_load_options, profile, 56);
MEDISCAN_AT(mediscan_load_options, lanes, 64);
MEDISCAN_AT(mediscan_load_options, reserved2, 68);
MEDISCAN_SIZE_1_2(mediscan_load_options, 72);
MEDISCAN_AT(mediscan_decode_options, fast_decode, 56);
MEDISCAN_AT(mediscan_decode_options, reserved2, 60);
MEDISCAN_SIZE_1_2(mediscan_decode_options, 64);

// The numbers of C and C++ are the same.
#define MEDISCAN_SAME(c_name, cpp_name) \
  static_assert((c_name) == static_cast<mediscan_status>(mediscan::ErrorCode::cpp_name), #c_name)  // NOLINT
MEDISCAN_SAME(MEDISCAN_INVALID_ARGUMENT, invalid_argument);
MEDISCAN_SAME(MEDISCAN_NOT_FOUND, not_found);
MEDISCAN_SAME(MEDISCAN_UNSUPPORTED, unsupported);
MEDISCAN_SAME(MEDISCAN_IO_ERROR, io_error);
MEDISCAN_SAME(MEDISCAN_EMPTY_INPUT, empty_input);
MEDISCAN_SAME(MEDISCAN_UNSUPPORTED_FORMAT, unsupported_format);
MEDISCAN_SAME(MEDISCAN_CORRUPT_IMAGE, corrupt_image);
MEDISCAN_SAME(MEDISCAN_TRUNCATED_IMAGE, truncated_image);
MEDISCAN_SAME(MEDISCAN_LIMIT_EXCEEDED, limit_exceeded);
MEDISCAN_SAME(MEDISCAN_OUT_OF_MEMORY, out_of_memory);
MEDISCAN_SAME(MEDISCAN_BUNDLE_INVALID, bundle_invalid);
MEDISCAN_SAME(MEDISCAN_HASH_MISMATCH, hash_mismatch);
MEDISCAN_SAME(MEDISCAN_SELF_TEST_FAILED, self_test_failed);
MEDISCAN_SAME(MEDISCAN_BACKEND_UNAVAILABLE, backend_unavailable);
MEDISCAN_SAME(MEDISCAN_BACKEND_FAILED, backend_failed);
MEDISCAN_SAME(MEDISCAN_ABI_MISMATCH, abi_mismatch);
MEDISCAN_SAME(MEDISCAN_PRECISION_UNSUPPORTED, precision_unsupported);
MEDISCAN_SAME(MEDISCAN_NOT_READY, not_ready);
MEDISCAN_SAME(MEDISCAN_OVERLOADED, overloaded);
MEDISCAN_SAME(MEDISCAN_CANCELLED, cancelled);
MEDISCAN_SAME(MEDISCAN_DEADLINE_EXCEEDED, deadline_exceeded);
MEDISCAN_SAME(MEDISCAN_SHUT_DOWN, shut_down);
MEDISCAN_SAME(MEDISCAN_FORKED, forked);
MEDISCAN_SAME(MEDISCAN_INTERNAL, internal);

static_assert(MEDISCAN_LOG_DEBUG == static_cast<int>(mediscan::LogLevel::debug));
static_assert(MEDISCAN_LOG_INFO == static_cast<int>(mediscan::LogLevel::info));
static_assert(MEDISCAN_LOG_WARNING == static_cast<int>(mediscan::LogLevel::warning));
static_assert(MEDISCAN_LOG_ERROR == static_cast<int>(mediscan::LogLevel::error));

static_assert(MEDISCAN_PRIORITY_LOW == static_cast<int>(mediscan::Priority::low));
static_assert(MEDISCAN_PRIORITY_NORMAL == static_cast<int>(mediscan::Priority::normal));
static_assert(MEDISCAN_PRIORITY_HIGH == static_cast<int>(mediscan::Priority::high));

// One more than those of C++: 0 is what is no job.
static_assert(MEDISCAN_JOB_RECEIVED == 1 + static_cast<int>(mediscan::JobState::received));
static_assert(MEDISCAN_JOB_DECODING == 1 + static_cast<int>(mediscan::JobState::decoding));
static_assert(MEDISCAN_JOB_QUEUED == 1 + static_cast<int>(mediscan::JobState::queued));
static_assert(MEDISCAN_JOB_RUNNING == 1 + static_cast<int>(mediscan::JobState::running));
static_assert(MEDISCAN_JOB_DONE == 1 + static_cast<int>(mediscan::JobState::done));

}  // namespace
