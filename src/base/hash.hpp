// SHA-256 of bytes as lower-case hex. The digest itself is OpenSSL's.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mediscan::base {

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

}  // namespace mediscan::base
