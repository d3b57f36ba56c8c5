#include "backend/onednn/crew.hpp"

#include <exception>
#include <mutex>

#include "backend/onednn/thread_scope.hpp"

namespace mediscan::backend::onednn {
namespace {

/// The share of the threads' time that a batch must use, all pictures taking as long.
constexpr double least_use = 0.85;

}  // namespace

Crew::Crew(const Processor& processor, int threads, AddNetwork add_network) : add_network_(std::move(add_network)) {
  for (int i = 0; i < threads; ++i) seats_.push_back(std::make_unique<Seat>(processor.for_another_thread()));
}

bool Crew::takes(std::int64_t batch) const noexcept {
  const auto seats = static_cast<std::int64_t>(seats_.size());
  if (seats == 1 || batch < seats) return false;
  const std::int64_t turns = (batch + seats - 1) / seats;
  return static_cast<double>(batch) / static_cast<double>(turns * seats) >= least_use;
}

void Crew::prepare(Size size) {
  if (usual_ == Size{0, 0}) usual_ = size;
  const ThreadScope one(1);  // oneDNN divides a primitive's work when it is made
  for (const auto& seat : seats_) {
    if (seat->plans.contains(size)) continue;
    if (size != usual_) std::erase_if(seat->plans, [&](const auto& plan) { return plan.first != usual_; });
    Plan plan(seat->processor, seat->arena, 1);
    add_network_(plan, size);
    seat->plans.emplace(size, std::move(plan));
  }
}

// NOLINTNEXTLINE(readability-non-const-parameter): the plans write there
void Crew::run(const float* pictures, std::int64_t batch, std::int64_t channels, Size size, float* logits,
               std::int64_t outputs, const std::atomic<bool>& cancelled) {
  struct Work {
    std::vector<Plan*> plans;  // a seat's each
    const float* pictures;
    std::int64_t batch;
    std::int64_t numbers;  // of a picture
    float* logits;
    std::int64_t outputs;
    const std::atomic<bool>& cancelled;
    std::atomic<std::int64_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;  // the first; guarded by the mutex
  };
  Work work{{}, pictures, batch, channels * size.first * size.second, logits, outputs, cancelled, {}, {}, {}};
  for (const auto& seat : seats_) work.plans.push_back(&seat->plans.at(size));
  const auto do_pictures = [](int seat, void* context) noexcept {
    Work& shared = *static_cast<Work*>(context);
    try {
      for (std::int64_t i = shared.next++; i < shared.batch; i = shared.next++) {
        shared.plans[static_cast<std::size_t>(seat)]->run(shared.pictures + i * shared.numbers,
                                                          shared.logits + i * shared.outputs, shared.cancelled);
      }
    } catch (...) {
      shared.next = shared.batch;  // the others need not go on
      const std::scoped_lock lock(shared.mutex);
      if (!shared.failure) shared.failure = std::current_exception();
    }
  };
  run_team(static_cast<int>(seats_.size()), do_pictures, &work);
  if (work.failure) std::rethrow_exception(work.failure);
}

std::uint64_t Crew::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& seat : seats_) sum += seat->arena.bytes();
  return sum;
}

}  // namespace mediscan::backend::onednn
