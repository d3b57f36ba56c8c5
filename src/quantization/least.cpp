#include "quantization/least.hpp"

#include <algorithm>

namespace mediscan::quantization {

std::optional<std::size_t> least_that(std::size_t most, const std::function<bool(std::size_t)>& does) {
  if (most == 0) return std::nullopt;
  std::size_t refused = 0;
  std::size_t tried = 1;
  while (!does(tried)) {
    if (tried == most) return std::nullopt;
    refused = tried;
    tried = std::min(most, 2 * tried);
  }
  std::size_t best = tried;
  while (best - refused > 1) {
    const std::size_t middle = refused + (best - refused) / 2;
    (does(middle) ? best : refused) = middle;
  }
  return best;
}

}  // namespace mediscan::quantization
