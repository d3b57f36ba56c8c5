#include "image/reduction.hpp"

namespace mediscan::image {

std::uint32_t divisor_for(const Sides& sides, const std::optional<Sides>& enough, bool in_whole_pixels) {
  if (!enough) return 1;
  for (const std::uint32_t divisor : {8U, 4U, 2U}) {
    const bool is_enough = sides.width >= std::uint64_t{enough->width} * divisor &&
                           sides.height >= std::uint64_t{enough->height} * divisor;
    if (is_enough && (!in_whole_pixels || divides(divisor, sides))) return divisor;
  }
  return 1;
}

}  // namespace mediscan::image
