// The proof that a loaded network is the one that was trained: the bundle's own picture must give the bundle's own
// logits, or below fp32 what the bundle's logits decide. The same runs warm every batch size in use.
#pragma once

#include <cstdint>
#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <string_view>
#include <vector>

namespace mediscan::model {

/// The self-test picture of a bundle, several times one after the other, as tensors and, where wanted, as samples.
class SelfTestPictures {
 public:
  /// Throws what decoding and preprocessing throw, as BUNDLE_INVALID about the self-test picture.
  SelfTestPictures(const Bundle& bundle, std::uint32_t copies, bool with_samples = true);

  /// False where they were not wanted, and for a picture or a recipe whose samples are no bytes.
  [[nodiscard]] bool has_samples() const noexcept { return !samples_.empty(); }
  /// The first `batch` of them: as samples if that is wanted and they have them. Valid while this lives.
  [[nodiscard]] BatchInput first(std::uint32_t batch, bool as_samples) const noexcept;

 private:
  BatchInput form_;  // but for the pictures themselves
  std::shared_ptr<float[]> tensors_;
  std::vector<std::uint8_t> samples_;
};

using RunBatch = std::function<void(const BatchInput&, const BatchOutput&)>;

/// What the session says it runs in.
struct Proven {
  std::string_view precision = "fp32";
  bool simulated = false;  ///< the runs happen and nothing is compared
  bool takes_samples =
      false;  ///< the picture comes as samples if it has them, and at the first batch size as tensor too
};

/// Runs the self-test picture at every batch size, each row compared: at fp32 logit by logit; below it, for every
/// available label, the decision, which must be the same, and the probability, within the bundle's
/// probability_tolerance. Throws SELF_TEST_FAILED naming the label, both values and the tolerance; and what decoding
/// and preprocessing throw, as BUNDLE_INVALID about the self-test picture.
SelfTestRecord self_test(const Bundle& bundle, const std::vector<std::uint32_t>& batch_sizes, const Proven& session,
                         const RunBatch& run);

}  // namespace mediscan::model
