// mediscan_error, and the way exceptions become one.
#include "capi/boundary.hpp"

#include <algorithm>
#include <exception>

namespace mediscan::capi {

mediscan_status report(const Error& failure, mediscan_error** error) noexcept {
  if (error != nullptr) {
    try {
      *error = new_handle<mediscan_error>(std::make_unique<Error>(failure));
    } catch (...) {  // NOLINT(bugprone-empty-catch): without memory the status alone must do
    }
  }
  return static_cast<mediscan_status>(failure.code());
}

Error error_in_flight() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_memory, Stage::argument, "out of memory", "analyse fewer or smaller pictures at once"};
  } catch (const std::exception& error) {
    return {ErrorCode::internal, Stage::argument, error.what(), "this is a fault of MediScan: please report it"};
  } catch (...) {
    return {ErrorCode::internal, Stage::argument, "something that is no std::exception was thrown",
            "this is a fault of MediScan or of a backend: please report it"};
  }
}

namespace {

/// The text lives in the error, which the caller's reference keeps.
template <class Text>
const char* text_of_error(const mediscan_error* error, Text&& text) noexcept {
  const auto pin = TableOf<mediscan_error>::table().pin(error);
  return pin ? text(*pin) : "";
}

}  // namespace
}  // namespace mediscan::capi

using namespace mediscan::capi;

mediscan_status mediscan_error_status(const mediscan_error* error) {
  const auto pin = TableOf<mediscan_error>::table().pin(error);
  return pin ? static_cast<mediscan_status>(pin->code()) : MEDISCAN_INVALID_ARGUMENT;
}

const char* mediscan_error_stage(const mediscan_error* error) {
  // name_of gives views of literals, which end in NUL.
  return text_of_error(error, [](const mediscan::Error& e) { return mediscan::name_of(e.stage()).data(); });
}

const char* mediscan_error_message(const mediscan_error* error) {
  return text_of_error(error, [](const mediscan::Error& e) { return e.message().c_str(); });
}

const char* mediscan_error_hint(const mediscan_error* error) {
  return text_of_error(error, [](const mediscan::Error& e) { return e.hint().c_str(); });
}

uint64_t mediscan_error_retry_after_ms(const mediscan_error* error) {
  const auto pin = TableOf<mediscan_error>::table().pin(error);
  return pin ? static_cast<uint64_t>(std::max<std::int64_t>(0, pin->retry_after().count())) : 0;
}

mediscan_status mediscan_error_release(mediscan_error* error) { return release(error); }
