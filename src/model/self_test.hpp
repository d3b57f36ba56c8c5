// The proof that a loaded network is the one that was trained: the bundle's own picture must give the bundle's own
// logits. The same runs warm every batch size in use.
#pragma once

#include <cstdint>
#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/model_manager.hpp>
#include <vector>

namespace mediscan::model {

using RunBatch = std::function<void(const BatchInput&, const BatchOutput&)>;

/// Runs the self-test picture at every batch size, each row compared. Throws SELF_TEST_FAILED naming the label, both
/// logits and the tolerance; and what decoding and preprocessing throw, as BUNDLE_INVALID about the self-test picture.
/// With `simulated` the runs happen and nothing is compared.
SelfTestRecord self_test(const Bundle& bundle, const std::vector<std::uint32_t>& batch_sizes, bool simulated,
                         const RunBatch& run);

}  // namespace mediscan::model
