// Checking the numbers that a manifest states for "resnet" and "densenet". The bundle room checks them as JSON; a
// Bundle made by hand meets them here first.
#pragma once

#include <cstdint>
#include <string>

namespace mediscan::backend {

/// Throws BUNDLE_INVALID about architecture.`field` of `network`.
[[noreturn]] void reject_stated(const char* network, const char* field, const std::string& why);

/// `value` when it is 1 to `most`; throws as reject_stated otherwise.
std::uint32_t stated_in_range(const char* network, const char* field, std::uint32_t value, std::uint32_t most);

}  // namespace mediscan::backend
