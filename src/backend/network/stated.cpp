#include "backend/network/stated.hpp"

#include <fmt/format.h>

#include <mediscan/error.hpp>

namespace mediscan::backend {

void reject_stated(const char* network, const char* field, const std::string& why) {
  throw Error(ErrorCode::bundle_invalid, Stage::backend, fmt::format("architecture.{}: {}", field, why),
              fmt::format("see docs/bundle.md for what {} takes", network));
}

std::uint32_t stated_in_range(const char* network, const char* field, std::uint32_t value, std::uint32_t most) {
  if (value < 1 || value > most) reject_stated(network, field, fmt::format("found {}, expected 1 to {}", value, most));
  return value;
}

}  // namespace mediscan::backend
