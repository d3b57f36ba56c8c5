#include <fmt/format.h>

#include <mediscan/error.hpp>

namespace mediscan {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "INVALID_ARGUMENT";
    case ErrorCode::not_found:
      return "NOT_FOUND";
    case ErrorCode::unsupported:
      return "UNSUPPORTED";
    case ErrorCode::io_error:
      return "IO_ERROR";
    case ErrorCode::empty_input:
      return "EMPTY_INPUT";
    case ErrorCode::unsupported_format:
      return "UNSUPPORTED_FORMAT";
    case ErrorCode::corrupt_image:
      return "CORRUPT_IMAGE";
    case ErrorCode::truncated_image:
      return "TRUNCATED_IMAGE";
    case ErrorCode::limit_exceeded:
      return "LIMIT_EXCEEDED";
    case ErrorCode::out_of_memory:
      return "OUT_OF_MEMORY";
    case ErrorCode::bundle_invalid:
      return "BUNDLE_INVALID";
    case ErrorCode::hash_mismatch:
      return "HASH_MISMATCH";
    case ErrorCode::self_test_failed:
      return "SELF_TEST_FAILED";
    case ErrorCode::backend_unavailable:
      return "BACKEND_UNAVAILABLE";
    case ErrorCode::backend_failed:
      return "BACKEND_FAILED";
    case ErrorCode::abi_mismatch:
      return "ABI_MISMATCH";
    case ErrorCode::precision_unsupported:
      return "PRECISION_UNSUPPORTED";
    case ErrorCode::not_ready:
      return "NOT_READY";
    case ErrorCode::overloaded:
      return "OVERLOADED";
    case ErrorCode::cancelled:
      return "CANCELLED";
    case ErrorCode::deadline_exceeded:
      return "DEADLINE_EXCEEDED";
    case ErrorCode::shut_down:
      return "SHUT_DOWN";
    case ErrorCode::forked:
      return "FORKED";
    case ErrorCode::internal:
      return "INTERNAL";
  }
  return "UNKNOWN";
}

std::string_view name_of(Stage stage) noexcept {
  switch (stage) {
    case Stage::decode:
      return "decode";
    case Stage::preprocess:
      return "preprocess";
    case Stage::schedule:
      return "schedule";
    case Stage::backend:
      return "backend";
    case Stage::analyze:
      return "analyze";
    case Stage::result:
      return "result";
    case Stage::bundle:
      return "bundle";
    case Stage::model:
      return "model";
    case Stage::argument:
      return "argument";
  }
  return "unknown";
}

Error::Error(ErrorCode code, Stage stage, std::string message, std::string hint, std::chrono::milliseconds retry_after)
    : code_(code), stage_(stage), message_(std::move(message)), hint_(std::move(hint)), retry_after_(retry_after) {}

Error Error::about(std::string_view name) const {
  if (name.empty()) return *this;
  return {code_, stage_, fmt::format("{}: {}", name, message_), hint_, retry_after_};
}

}  // namespace mediscan
