#include "base/large_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace mediscan::base {
namespace {

constexpr std::size_t smallest_large = std::size_t{128} << 10;  // as malloc's own threshold for mmap
constexpr std::size_t huge_page = std::size_t{2} << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool recycle = false;  // the sanitizers know malloc's blocks, and where each ends
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool recycle = false;
#else
constexpr bool recycle = true;
#endif
#else
constexpr bool recycle = true;
#endif

/// Blocks come in eight sizes for each power of two, so that pictures of about the same size share them and less than
/// an eighth is never used.
std::size_t rounded(std::size_t size) {
  const std::size_t step = std::bit_floor(size) / 8;
  return (size + step - 1) / step * step;
}

/// Large blocks ask the kernel for huge pages: touching a 12-megapixel picture for the first time costs 9000 page
/// faults otherwise, a good part of the time of decoding it.
std::byte* map(std::size_t size) {
  void* block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  if (size >= 2 * huge_page) ::madvise(block, size, MADV_HUGEPAGE);  // advice: not taking it is no failure
  return static_cast<std::byte*>(block);
}

class Kept {
 public:
  /// A block of this size that is free, or null.
  std::byte* take(std::size_t size) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto found = free_.find(size);
    if (found == free_.end() || found->second.empty()) return nullptr;
    std::byte* block = found->second.back();
    found->second.pop_back();
    bytes_ -= size;
    return block;
  }

  /// False when it is not kept. When there is no room, the blocks of the size that was freed longest ago make it.
  bool keep(std::byte* block, std::size_t size) noexcept {
    if (size > max_kept_bytes / 2) return false;
    std::vector<std::pair<std::byte*, std::size_t>> out;
    bool kept = false;
    try {
      const std::scoped_lock lock(mutex_);
      while (bytes_ + size > max_kept_bytes) {
        const auto other = std::find_if(free_.begin(), free_.end(), [](const auto& e) { return !e.second.empty(); });
        if (other == free_.end()) break;
        out.emplace_back(other->second.back(), other->first);
        bytes_ -= other->first;
        other->second.pop_back();
      }
      free_[size].push_back(block);
      bytes_ += size;
      kept = true;
    } catch (const std::bad_alloc&) {  // no memory to remember it by
    }
    for (const auto& [gone, bytes] : out) ::munmap(gone, bytes);
    return kept;
  }

  [[nodiscard]] std::size_t bytes() noexcept {
    const std::scoped_lock lock(mutex_);
    return bytes_;
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> free_;  // few sizes: some eighty up to 128 MiB
  std::size_t bytes_ = 0;
};

/// Never destroyed: pictures may outlive the statics.
Kept& kept() {
  static auto* const instance = new Kept;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

}  // namespace

LargeMemory allocate_large(std::size_t size) {
  if (!recycle || size < smallest_large) {
    // NOLINTNEXTLINE(*-no-malloc,*-owning-memory): FreeLarge frees it
    auto* block = static_cast<std::byte*>(std::malloc(std::max<std::size_t>(size, 1)));
    if (block == nullptr) throw std::bad_alloc();
    return {block, {size}};
  }
  const std::size_t whole = rounded(size);
  std::byte* block = kept().take(whole);
  return {block != nullptr ? block : map(whole), {size}};
}

void FreeLarge::operator()(std::byte* block) const noexcept {
  if (!recycle || size < smallest_large) {
    std::free(block);  // NOLINT(*-no-malloc,*-owning-memory): allocate_large's malloc
    return;
  }
  const std::size_t whole = rounded(size);
  if (!kept().keep(block, whole)) ::munmap(block, whole);
}

std::shared_ptr<float[]> allocate_floats(std::size_t count) {
  LargeMemory memory = allocate_large(count * sizeof(float));
  auto* numbers = reinterpret_cast<float*>(memory.get());
  return {numbers, [owner = std::make_shared<LargeMemory>(std::move(memory))](float*) {}};
}

std::size_t kept_bytes() noexcept { return kept().bytes(); }

}  // namespace mediscan::base
