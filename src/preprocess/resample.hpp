// Pillow's two-pass resize, streamed: each wanted output row is made from a small ring of horizontally resized rows and
// handed to a sink while it is still in the first-level cache. Only rows and columns that the wanted window needs are
// computed.
//
// 8-bit: sum of sample x integer weight + 2^21, shifted right by 22, clipped to 0..255, after each pass. float32
// (Pillow's mode "F"): sum of sample x double weight in double in the order of the positions, rounded to float32 after
// each pass. A pass that would change nothing is skipped.
#pragma once

#include <cstdint>
#include <functional>

#include "preprocess/coefficients.hpp"
#include "preprocess/rows.hpp"

namespace mediscan::recipe {

/// Both axes, each with its wanted range.
struct Resize {
  AxisResize across;
  AxisResize down;
};

/// Receives wanted rows in order: `y` counts from 0, `row` has across.count x channels samples and is valid during the
/// call.
template <class Sample>
using RowSink = std::function<void(std::uint32_t y, const Sample* row)>;

void resample(RowSource<std::uint8_t>& source, const Resize& resize, const Kernels& kernels,
              const RowSink<std::uint8_t>& sink);
void resample(RowSource<float>& source, const Resize& resize, const RowSink<float>& sink);

}  // namespace mediscan::recipe
