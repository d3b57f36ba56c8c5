// What stands behind each C type, and how a handle becomes it. Not for what the functions do.
#pragma once

#include <mediscan/mediscan.h>
#include <mediscan/analyzer.hpp>
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>
#include <mediscan/job.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/result.hpp>

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "capi/handles.hpp"

namespace mediscan::capi {

struct ManagerObject {
  std::shared_ptr<ModelManager> manager;
};
struct ModelObject {
  Analyzer analyzer;
};
struct ImageObject {
  Image image;
};
struct ResultObject {
  std::shared_ptr<const Result> result;  // a job's own, or the caller's alone
  std::once_flag json_made;
  std::string json;
};
struct JobObject {
  std::optional<Job> job;  // of a handle that a caller has, always there
  std::once_flag job_known;
};
struct CompletionsObject {
  std::shared_ptr<CompletionQueue> queue;
  pid_t process;  // a child made by fork() has the same eventfd, and would take the parent's tags for its own
};

template <class CType>
struct HandleOf;
template <>
struct HandleOf<mediscan_manager> {
  using Table = Handles<ManagerObject, Kind::manager>;
  static constexpr const char* name = "mediscan_manager";
};
template <>
struct HandleOf<mediscan_model> {
  using Table = Handles<ModelObject, Kind::model>;
  static constexpr const char* name = "mediscan_model";
};
template <>
struct HandleOf<mediscan_image> {
  using Table = Handles<ImageObject, Kind::image>;
  static constexpr const char* name = "mediscan_image";
};
template <>
struct HandleOf<mediscan_result> {
  using Table = Handles<ResultObject, Kind::result>;
  static constexpr const char* name = "mediscan_result";
};
template <>
struct HandleOf<mediscan_error> {
  using Table = Handles<Error, Kind::error>;
  static constexpr const char* name = "mediscan_error";
};

template <>
struct HandleOf<mediscan_job> {
  using Table = Handles<JobObject, Kind::job>;
  static constexpr const char* name = "mediscan_job";
};
template <>
struct HandleOf<mediscan_completions> {
  using Table = Handles<CompletionsObject, Kind::completions>;
  static constexpr const char* name = "mediscan_completions";
};

template <class CType>
using TableOf = typename HandleOf<CType>::Table;

/// The object of a handle for the duration of a call. Throws INVALID_ARGUMENT.
template <class CType>
typename TableOf<CType>::Pin object_of(const CType* handle) {
  auto pin = TableOf<CType>::table().pin(handle);
  if (pin) return pin;
  const std::string what = std::string(HandleOf<CType>::name) +
                           (handle == nullptr ? " is NULL" : " is no handle of that kind that is alive");
  throw Error(
      ErrorCode::invalid_argument, Stage::argument, what,
      handle == nullptr ? "did an earlier call fail?" : "it was released already, or is a handle of something else");
}

/// A new handle with one reference. Throws std::bad_alloc.
template <class CType, class Object>
CType* new_handle(std::unique_ptr<Object> object) {
  return static_cast<CType*>(TableOf<CType>::table().insert(std::move(object)));
}

inline mediscan_result* new_result(std::shared_ptr<const Result> result) {
  auto object = std::make_unique<ResultObject>();
  object->result = std::move(result);
  return new_handle<mediscan_result>(std::move(object));
}

template <class CType>
mediscan_status retain(CType* handle) noexcept {
  return TableOf<CType>::table().retain(handle) ? MEDISCAN_OK : MEDISCAN_INVALID_ARGUMENT;
}

template <class CType>
mediscan_status release(CType* handle) noexcept {
  return handle == nullptr || TableOf<CType>::table().release(handle) ? MEDISCAN_OK : MEDISCAN_INVALID_ARGUMENT;
}

}  // namespace mediscan::capi
