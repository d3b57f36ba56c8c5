// A batch shared out picture by picture: each thread takes one and computes the whole network for it, then the next.
// Threads that share every layer wait for each other after each; these wait at the end alone, and one that the machine
// holds up takes fewer pictures.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "backend/onednn/arena.hpp"
#include "backend/onednn/objects.hpp"
#include "backend/onednn/plan.hpp"

namespace mediscan::backend::onednn {

class Crew {
 public:
  /// Height and width of a picture.
  using Size = std::pair<std::int64_t, std::int64_t>;
  /// Adds the network for one picture of this size to a plan.
  using AddNetwork = std::function<void(Plan&, Size)>;

  /// Of `threads` seats. `processor` is of the weights that `add_network` adds.
  Crew(const Processor& processor, int threads, AddNetwork add_network);

  /// Whether a batch is shared out rather than computed by all threads together: when next to no thread is idle at its
  /// end, which is when the last pictures are as many as the threads or few beside the others.
  [[nodiscard]] bool takes(std::int64_t batch) const noexcept;

  /// Makes every seat's plan for pictures of this size; those of the size that was asked for first are kept, of others
  /// the last one's. Throws as Plan::add.
  void prepare(Size size);

  /// `pictures` is float32 and NHWC. Inside a ThreadScope. Throws CANCELLED, and what a layer throws.
  void run(const float* pictures, std::int64_t batch, std::int64_t channels, Size size, float* logits,
           std::int64_t outputs, const std::atomic<bool>& cancelled);

  /// Of what the seats compute in.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  /// One thread's: what it runs, and what that needs for itself.
  struct Seat {
    explicit Seat(Processor own) : processor(std::move(own)) {}
    Processor processor;
    Arena arena;
    std::map<Size, Plan> plans;
  };

  std::vector<std::unique_ptr<Seat>> seats_;
  AddNetwork add_network_;
  Size usual_{0, 0};
};

}  // namespace mediscan::backend::onednn
