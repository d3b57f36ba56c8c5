// The errors of this room, each with the hint that belongs to it. They are returned, not thrown, so that a `throw`
// stands where it happens.
#pragma once

#include <mediscan/error.hpp>

#include <string>

namespace mediscan::image {

/// CORRUPT_IMAGE: the bytes contradict their own format.
Error corrupt(std::string message);

/// TRUNCATED_IMAGE: the bytes stop before the picture does.
Error truncated(std::string message);

/// UNSUPPORTED_FORMAT: well-formed, as far as one can see, but nothing this build reads.
Error unsupported_format(std::string message,
                         std::string hint = "convert the picture to an 8-bit JPEG or an 8- or 16-bit PNG");

/// OUT_OF_MEMORY: the system refused what the limits allowed.
Error out_of_memory();

}  // namespace mediscan::image
