// The one error type of MediScan, its pinned codes, and Outcome<T> for calls in which one failure must not end the
// others.
#pragma once

#include <mediscan/export.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace mediscan {

/// What went wrong. The numbers are part of the binary promise: they are never changed or reused, only added to.
enum class ErrorCode : std::int32_t {
  invalid_argument = 10,
  not_found = 11,
  unsupported = 12,
  io_error = 13,
  empty_input = 20,
  unsupported_format = 21,
  corrupt_image = 22,
  truncated_image = 23,
  limit_exceeded = 24,
  out_of_memory = 30,
  bundle_invalid = 40,
  hash_mismatch = 41,
  self_test_failed = 42,
  backend_unavailable = 50,
  backend_failed = 51,
  abi_mismatch = 52,
  precision_unsupported = 53,
  not_ready = 60,
  overloaded = 61,
  cancelled = 62,
  deadline_exceeded = 63,
  shut_down = 64,
  forked = 65,
  internal = 90,
};

/// Where on the straight line from bytes to record it went wrong.
enum class Stage : std::int32_t { decode, preprocess, schedule, backend, analyze, result, bundle, model, argument };

/// Upper-case name of a code, e.g. "TRUNCATED_IMAGE"; "UNKNOWN" for a number that is no code. Never throws.
MEDISCAN_API std::string_view name_of(ErrorCode code) noexcept;

/// Lower-case name of a stage, e.g. "decode". Never throws.
MEDISCAN_API std::string_view name_of(Stage stage) noexcept;

/// Every failure that MediScan reports. `message()` says what and where in one sentence, `hint()` what to do about it
/// (may be empty). Immutable; safe to share between threads.
class MEDISCAN_API Error : public std::exception {
 public:
  Error(ErrorCode code, Stage stage, std::string message, std::string hint = {},
        std::chrono::milliseconds retry_after = {});

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  /// When the same call may succeed, for OVERLOADED and NOT_READY where that can be told; 0 otherwise.
  [[nodiscard]] std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

  /// The same error with "NAME: " before its message, for callers that know what the bytes were called.
  [[nodiscard]] Error about(std::string_view name) const;

 private:
  ErrorCode code_;
  Stage stage_;
  std::string message_;
  std::string hint_;
  std::chrono::milliseconds retry_after_;
};

/// Either a value or the Error that stands in its place.
template <class T>
class Outcome {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): reads as a value
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): or as an error
  Outcome(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws the Error when there is none.
  [[nodiscard]] const T& value() const& {
    if (!has_value()) throw std::get<1>(state_);
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    if (!has_value()) throw std::get<1>(state_);
    return std::get<0>(std::move(state_));
  }
  /// The error; only valid when has_value() is false (std::bad_variant_access otherwise).
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace mediscan
