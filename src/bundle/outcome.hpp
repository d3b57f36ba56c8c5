// What a bundle makes of a picture's logits: probabilities by its activation, and what they decide. One place for it,
// so that results and the self-test at lower precisions judge alike. Not for what is shown of it.
#pragma once

#include <mediscan/bundle.hpp>

#include <optional>
#include <span>
#include <vector>

namespace mediscan::bundle {

/// Of one label. All of it is meaningless for a label that is not available.
struct Outcome {
  double probability = 0;
  bool decision = false;  ///< multiclass: the top class, the first of equals; multilabel: at its threshold or over it
  std::optional<double> threshold;  ///< on `probability`; none for multiclass
};

/// One a label, in the bundle's order. `logits` are as many, and finite where they count (logit_counts).
std::vector<Outcome> outcomes_of(const Bundle& bundle, std::span<const float> logits);

/// Whether the logit of this label has a part in any outcome: a softmax has every logit in its denominator, while an
/// untrained sigmoid head may hold anything.
bool logit_counts(const Bundle& bundle, const Label& label) noexcept;

/// torchxrayvision's op_norm (torchxrayvision/models.py): 0.5 becomes the operating point. `threshold` in (0, 1).
double scale_to_operating_point(double probability, double threshold) noexcept;

}  // namespace mediscan::bundle
