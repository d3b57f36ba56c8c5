// The few batch sizes a session is warmed for. oneDNN builds primitives per shape, so work is cut into these sizes and
// no others.
#pragma once

#include <cstdint>
#include <vector>

namespace mediscan::schedule {

/// 1, 2, 4, ... below `max_batch`, then `max_batch` itself; rising. `max_batch` >= 1.
std::vector<std::uint32_t> batch_buckets(std::uint32_t max_batch);

/// The largest bucket that `waiting` pictures fill. `waiting` >= 1.
std::uint32_t next_batch(const std::vector<std::uint32_t>& buckets, std::size_t waiting);

/// The smallest bucket in which `waiting` pictures have room, the largest one when none has.
std::uint32_t smallest_that_holds(const std::vector<std::uint32_t>& buckets, std::size_t waiting);

}  // namespace mediscan::schedule
