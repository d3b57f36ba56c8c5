#include "analyze/completion_queue.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>

#include "base/home_process.hpp"

namespace mediscan {

struct CompletionQueue::Impl {
  Impl() : descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (descriptor >= 0) return;
    throw Error(ErrorCode::io_error, Stage::schedule, fmt::format("no eventfd: {}", std::strerror(errno)),
                "raise the limit on open files (ulimit -n)");
  }
  ~Impl() { ::close(descriptor); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const base::HomeProcess home;
  const int descriptor;
  std::mutex mutex;
  std::deque<std::uint64_t> tags;
};

CompletionQueue::CompletionQueue() : impl_(std::make_shared<Impl>()) {}
CompletionQueue::~CompletionQueue() = default;

int CompletionQueue::fd() const noexcept { return impl_->descriptor; }

std::size_t CompletionQueue::take(std::span<std::uint64_t> tags) {
  impl_->home.require(Stage::schedule, "this completion queue");  // the descriptor is the parent's as well
  const std::scoped_lock lock(impl_->mutex);
  std::size_t taken = 0;
  while (taken < tags.size() && !impl_->tags.empty()) {
    tags[taken++] = impl_->tags.front();
    impl_->tags.pop_front();
  }
  if (impl_->tags.empty()) {
    std::uint64_t count = 0;
    static_cast<void>(::read(impl_->descriptor, &count, sizeof count));  // EAGAIN when it was 0 already
  }
  return taken;
}

namespace analyze {

void push_tag(const CompletionQueue& queue, std::uint64_t tag) noexcept {
  CompletionQueue::Impl& shared = *queue.impl();
  try {
    const std::scoped_lock lock(shared.mutex);
    shared.tags.push_back(tag);
    if (shared.tags.size() > 1) return;  // it is readable already
    const std::uint64_t one = 1;
    static_cast<void>(::write(shared.descriptor, &one, sizeof one));  // cannot overflow: it is 0
  } catch (const std::exception&) {
  }
}

}  // namespace analyze
}  // namespace mediscan
