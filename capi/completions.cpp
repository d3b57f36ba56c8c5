// mediscan_completions.
#include "capi/completions.hpp"

#include <unistd.h>

#include <span>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

namespace mediscan::capi {

std::shared_ptr<CompletionQueue> queue_of(const mediscan_completions* handle) {
  const auto pin = object_of(handle);
  if (pin->process == ::getpid()) return pin->queue;
  throw Error(ErrorCode::forked, Stage::schedule, "these mediscan_completions belong to the parent of this process",
              "create completions after fork(), in the process that uses them");
}

}  // namespace mediscan::capi

using namespace mediscan::capi;

mediscan_status mediscan_completions_create(mediscan_completions** completions, mediscan_error** error) {
  return boundary(error, [&] {
    require(completions, "completions");
    auto queue = std::make_shared<mediscan::CompletionQueue>();
    *completions = new_handle<mediscan_completions>(
        std::make_unique<CompletionsObject>(CompletionsObject{std::move(queue), ::getpid()}));
  });
}

int32_t mediscan_completions_fd(const mediscan_completions* completions) {
  const auto pin = TableOf<mediscan_completions>::table().pin(completions);
  return pin ? pin->queue->fd() : -1;
}

mediscan_status mediscan_completions_take(mediscan_completions* completions, uint64_t* tags, size_t capacity,
                                          size_t* count, mediscan_error** error) {
  return boundary(error, [&] {
    require(count, "count");
    if (capacity != 0) require(tags, "tags");
    *count = queue_of(completions)->take(std::span(tags, capacity));
  });
}

mediscan_status mediscan_completions_retain(mediscan_completions* completions) { return retain(completions); }
mediscan_status mediscan_completions_release(mediscan_completions* completions) { return release(completions); }
