// No more threads inside parallel regions than the process has. A second OpenMP team that starts while the first one's
// workers still spin on the same cores runs 1.2 to 1.8 times slower (measured, see docs/architecture.md), so lanes with
// more than one thread take turns, first come, first served; those that fit beside each other may run together.
#pragma once

#include <cstdint>
#include <utility>

namespace mediscan::schedule {

/// Held while it lives, unless it was revoked: the owner may hang in foreign code, and the others must go on.
class ComputeTurn {
 public:
  ComputeTurn() = default;
  explicit ComputeTurn(std::uint64_t number) noexcept : number_(number) {}
  ComputeTurn(ComputeTurn&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
  ComputeTurn& operator=(ComputeTurn&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ComputeTurn(const ComputeTurn&) = delete;
  ComputeTurn& operator=(const ComputeTurn&) = delete;
  ~ComputeTurn();

  /// For revoke_compute; 0 for a lane that needs no turn.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  std::uint64_t number_ = 0;
};

/// Waits for the turn: until `threads` and those of all who have one are at most `budget`, or nobody has one. A lane of
/// one thread needs none and gets an empty one.
[[nodiscard]] ComputeTurn enter_compute(int threads, int budget = 0);

/// Gives the turn of this number to the next, if it still holds. From any thread.
void revoke_compute(std::uint64_t number) noexcept;

}  // namespace mediscan::schedule
