// How a handle of mediscan_completions becomes the queue behind it.
#pragma once

#include <mediscan/mediscan.h>
#include <mediscan/job.hpp>

#include <memory>

namespace mediscan::capi {

/// Throws INVALID_ARGUMENT, and FORKED in a child made by fork() after the queue was made.
std::shared_ptr<CompletionQueue> queue_of(const mediscan_completions* handle);

}  // namespace mediscan::capi
