// The record of truth: puts together what was seen, what ran and what it said. Nothing in it is assumed; every field is
// handed in by the room that knows.
#pragma once

#include <chrono>
#include <mediscan/result.hpp>
#include <span>

#include "image/excerpt.hpp"
#include "model/loaded_model.hpp"

namespace mediscan::analyze {

/// What one picture's run measured.
struct RunRecord {
  double preprocess_ms = 0;
  double queue_ms = 0;
  double inference_ms = 0;  ///< of the batch
  std::uint32_t batch_size = 0;
  std::chrono::steady_clock::time_point since;  ///< when the work on this picture began
  double earlier_ms = 0;                        ///< decoding before that
};

/// Throws what findings_of throws.
Result result_of(const model::LoadedModel& model, const image::Excerpt& picture, std::span<const float> logits,
                 const RunRecord& run);

}  // namespace mediscan::analyze
