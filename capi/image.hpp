// How encoded bytes and their options are read, for every function that takes them.
#pragma once

#include <mediscan/mediscan.h>
#include <mediscan/options.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace mediscan::capi {

/// Throws INVALID_ARGUMENT.
DecodeOptions decode_options(const mediscan_decode_options* given);

/// The name in the options; "" when there is none.
std::string name_in(const mediscan_decode_options* given);

/// NULL is fine for no bytes at all: what decodes them says EMPTY_INPUT.
std::span<const std::byte> bytes_of(const void* data, std::size_t length);

}  // namespace mediscan::capi
