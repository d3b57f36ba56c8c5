// Calls of the C ABI as a test wants to read them: handles that release themselves, errors as values.
#pragma once

#include <mediscan/mediscan.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace mediscan::test {

inline mediscan_status release(mediscan_manager* handle) { return mediscan_manager_release(handle); }
inline mediscan_status release(mediscan_model* handle) { return mediscan_model_release(handle); }
inline mediscan_status release(mediscan_image* handle) { return mediscan_image_release(handle); }
inline mediscan_status release(mediscan_result* handle) { return mediscan_result_release(handle); }
inline mediscan_status release(mediscan_error* handle) { return mediscan_error_release(handle); }
inline mediscan_status release(mediscan_job* handle) { return mediscan_job_release(handle); }
inline mediscan_status release(mediscan_completions* handle) { return mediscan_completions_release(handle); }

/// A handle that the test owns.
template <class CType>
struct Handle {
  CType* get = nullptr;

  Handle() = default;
  Handle(Handle&& other) noexcept : get(std::exchange(other.get, nullptr)) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() { release(get); }
};

/// Options as their _init function makes them.
template <class Options>
Options defaults(void (*init)(Options*, std::size_t)) {
  Options options;
  init(&options, sizeof options);
  return options;
}

/// What a failed call said.
struct Failure {
  mediscan_status status = MEDISCAN_OK;
  std::string message;
  std::string hint;
};

/// Calls `function(&error)` and reads the error it gave.
template <class Function>
Failure failure_of(Function&& function) {
  Handle<mediscan_error> error;
  Failure failure;
  failure.status = function(&error.get);
  failure.message = mediscan_error_message(error.get);
  failure.hint = mediscan_error_hint(error.get);
  return failure;
}

/// The text of a call that gives one to its caller.
template <class Function>
std::string text_from(Function&& function) {
  char* text = nullptr;
  if (function(&text) != MEDISCAN_OK) return {};
  std::string copy = text;
  mediscan_string_free(text);
  return copy;
}

/// The bytes of a file.
inline std::string bytes_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace mediscan::test
