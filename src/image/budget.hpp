// An allocator that refuses beyond a number of bytes. It is what decoders that allocate as their input says are given.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mediscan::image {

/// Not thread-safe; one serves one decode. Memory from it is returned to the same one, and comes zeroed: a decoder that
/// leaves a pixel unwritten must not hand out what the process had there before.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t limit) : limit_(limit) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  /// Null when the budget or the system has no more; which of both, exceeded() tells.
  void* allocate(std::size_t size) noexcept;
  /// As realloc: the old block stays valid when this returns null.
  void* reallocate(void* block, std::size_t size) noexcept;
  void release(void* block) noexcept;

  /// True once a request went beyond the budget.
  [[nodiscard]] bool exceeded() const { return exceeded_; }
  /// True once the system refused a request that was within the budget.
  [[nodiscard]] bool system_refused() const { return system_refused_; }
  [[nodiscard]] std::uint64_t in_use() const { return in_use_; }
  [[nodiscard]] std::uint64_t peak() const { return peak_; }

 private:
  std::uint64_t limit_;
  std::uint64_t in_use_ = 0;
  std::uint64_t peak_ = 0;
  bool exceeded_ = false;
  bool system_refused_ = false;
};

}  // namespace mediscan::image
