// mediscan.json as bytes to a Bundle. Where the bytes come from is Bundle::read's matter.
#pragma once

#include <cstddef>
#include <filesystem>
#include <mediscan/bundle.hpp>
#include <span>
#include <string_view>

namespace mediscan::bundle {

inline constexpr std::size_t max_manifest_bytes = 1U << 20U;

/// Throws BUNDLE_INVALID. `directory` becomes the bundle's directory and begins the messages; it is not looked at.
Bundle parse_manifest(std::span<const std::byte> bytes, const std::filesystem::path& directory);

/// BUNDLE_INVALID for a manifest beyond max_manifest_bytes.
[[noreturn]] void throw_too_large(std::string_view document);

}  // namespace mediscan::bundle
