// How the end of a job reaches a CompletionQueue. Internal to the analyze room.
#pragma once

#include <cstdint>
#include <mediscan/job.hpp>

namespace mediscan::analyze {

/// Never blocks and never fails for want of a reader. Without memory for the tag it is lost, as nothing can be done.
void push_tag(const CompletionQueue& queue, std::uint64_t tag) noexcept;

}  // namespace mediscan::analyze
