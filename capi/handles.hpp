// Handles of the C ABI: numbers that look like pointers. A table knows which of them are alive, so that a stale, doubly
// released, mismatched or invented one is found out without touching memory that is not ours. Not for what objects do.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace mediscan::capi {

static_assert(sizeof(void*) == 8, "a handle needs 64 bits");

/// What stands in a handle's top byte. Non-zero, and below 128 so that a handle is a positive number. Part of no
/// promise.
enum class Kind : std::uint8_t {
  manager = 0x21,
  model = 0x22,
  image = 0x23,
  result = 0x24,
  error = 0x25,
  job = 0x26,
  completions = 0x27
};

/// The objects of one C type. A handle is kind (8 bits), generation (32), slot (24). A slot's generation grows each
/// time its object dies, so an old handle never fits a new object. Lock-free, hence usable in a child made by fork().
template <class Object, Kind kind>
class Handles {
 public:
  /// Keeps an object alive for the duration of a call, even if another thread releases its last reference meanwhile.
  class Pin {
   public:
    Pin() = default;
    Pin(Handles* table, std::uint32_t index) noexcept : table_(table), index_(index) {}
    Pin(Pin&& other) noexcept : table_(std::exchange(other.table_, nullptr)), index_(other.index_) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
      if (table_ != nullptr) table_->change(index_, [](State& state) { --state.pins; });
    }
    explicit operator bool() const noexcept { return table_ != nullptr; }
    Object& operator*() const noexcept { return *table_->slot(index_).object; }
    Object* operator->() const noexcept { return table_->slot(index_).object.get(); }

   private:
    Handles* table_ = nullptr;
    std::uint32_t index_ = 0;
  };

  /// Never destroyed: a program may release handles while its statics are being destroyed.
  static Handles& table() {
    static auto* const instance = new Handles;
    return *instance;
  }

  /// A handle with one reference. Throws std::bad_alloc, also when all 16 million slots are in use.
  void* insert(std::unique_ptr<Object> object) {
    const std::uint32_t index = take_slot();
    Slot& free = slot(index);
    free.object = std::move(object);
    State state = unpack(free.state.load(std::memory_order_relaxed));
    state.references = 1;
    free.state.store(pack(state), std::memory_order_release);
    return to_handle(state.generation, index);
  }

  /// Empty when the handle is not alive.
  Pin pin(const void* handle) noexcept {
    const bool done = try_change(handle, [](State& state) {
      if (state.pins == most) return false;
      ++state.pins;
      return true;
    });
    return done ? Pin(this, index_of(handle)) : Pin();
  }

  /// False when the handle is not alive, or has 65535 references.
  bool retain(const void* handle) noexcept {
    return try_change(handle, [](State& state) {
      if (state.references == most) return false;
      ++state.references;
      return true;
    });
  }

  /// False when the handle is not alive. The object dies with the last reference and the last pin.
  bool release(const void* handle) noexcept {
    bool last = false;
    const bool done = try_change(handle, [&](State& state) {
      --state.references;
      last = state.references == 0 && state.pins == 0;
      return true;
    });
    if (last) retire(index_of(handle));
    return done;
  }

 private:
  static constexpr std::uint16_t most = 0xFFFF;
  static constexpr std::uint32_t slots_a_chunk = 1U << 12;
  static constexpr std::uint32_t chunks = 1U << 12;
  static constexpr std::uint32_t no_slot = 0xFFFF'FFFF;

  /// One 64-bit word, so that it changes as a whole.
  struct State {
    std::uint32_t generation = 0;
    std::uint16_t references = 0;
    std::uint16_t pins = 0;
  };
  static std::uint64_t pack(State s) noexcept {
    return std::uint64_t{s.generation} << 32 | std::uint64_t{s.references} << 16 | s.pins;
  }
  static State unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint16_t>(word >> 16),
            static_cast<std::uint16_t>(word)};
  }

  struct Slot {
    std::atomic<std::uint64_t> state{0};
    std::unique_ptr<Object> object;
    std::atomic<std::uint32_t> next_free{no_slot};
  };
  using Chunk = std::array<Slot, slots_a_chunk>;

  static void* to_handle(std::uint32_t generation, std::uint32_t index) noexcept {
    const auto value = std::uint64_t{static_cast<std::uint8_t>(kind)} << 56 | std::uint64_t{generation} << 24 | index;
    return reinterpret_cast<void*>(value);  // NOLINT(performance-no-int-to-ptr): never dereferenced
  }
  static std::uint32_t index_of(const void* handle) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle) & 0xFF'FFFF);
  }

  Slot& slot(std::uint32_t index) noexcept {
    return (*chunks_[index / slots_a_chunk].load(std::memory_order_acquire))[index % slots_a_chunk];
  }

  /// Applies `action` to the state of a handle that is alive; false when it is not, or when `action` says so.
  template <class Action>
  bool try_change(const void* handle, Action&& action) noexcept {
    const auto value = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(handle));
    const std::uint32_t index = index_of(handle);
    if (value >> 56 != static_cast<std::uint8_t>(kind) || index >= fresh_.load(std::memory_order_acquire)) return false;
    if (chunks_[index / slots_a_chunk].load(std::memory_order_acquire) == nullptr) return false;
    auto& word = slot(index).state;
    std::uint64_t seen = word.load(std::memory_order_acquire);
    for (;;) {
      State state = unpack(seen);
      if (state.generation != static_cast<std::uint32_t>(value >> 24) || state.references == 0 || !action(state))
        return false;
      if (word.compare_exchange_weak(seen, pack(state), std::memory_order_acq_rel, std::memory_order_acquire))
        return true;
    }
  }

  /// Applies `action` to a slot that the caller holds a pin on.
  template <class Action>
  void change(std::uint32_t index, Action&& action) noexcept {
    auto& word = slot(index).state;
    std::uint64_t seen = word.load(std::memory_order_acquire);
    State state;
    do {
      state = unpack(seen);
      action(state);
    } while (!word.compare_exchange_weak(seen, pack(state), std::memory_order_acq_rel, std::memory_order_acquire));
    if (state.references == 0 && state.pins == 0) retire(index);
  }

  /// Nobody refers to the slot any more: its object dies, then the slot waits for another.
  void retire(std::uint32_t index) noexcept {
    Slot& old = slot(index);
    old.object.reset();
    State state = unpack(old.state.load(std::memory_order_relaxed));
    ++state.generation;
    old.state.store(pack(state), std::memory_order_release);
    std::uint64_t head = free_.load(std::memory_order_acquire);
    do {
      old.next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    } while (!free_.compare_exchange_weak(head, next_tag(head) | index, std::memory_order_acq_rel,
                                          std::memory_order_acquire));
  }

  std::uint32_t take_slot() {
    std::uint64_t head = free_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(head) != no_slot) {
      const auto index = static_cast<std::uint32_t>(head);
      const std::uint32_t next = slot(index).next_free.load(std::memory_order_relaxed);
      if (free_.compare_exchange_weak(head, next_tag(head) | next, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return index;
      }
    }
    return fresh_slot();
  }

  std::uint32_t fresh_slot() {
    std::uint32_t index = fresh_.load(std::memory_order_acquire);
    for (;;) {
      if (index == slots_a_chunk * chunks) throw std::bad_alloc();
      auto& chunk = chunks_[index / slots_a_chunk];
      if (chunk.load(std::memory_order_acquire) == nullptr) {
        auto made = std::make_unique<Chunk>();
        Chunk* none = nullptr;
        if (chunk.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel))
          static_cast<void>(made.release());
      }
      if (fresh_.compare_exchange_weak(index, index + 1, std::memory_order_acq_rel, std::memory_order_acquire))
        return index;
    }
  }

  /// The free list's head counts its changes, so that a slot that left and came back is not mistaken for one that
  /// stayed.
  static std::uint64_t next_tag(std::uint64_t head) noexcept {
    return (head & ~std::uint64_t{no_slot}) + (std::uint64_t{1} << 32);
  }

  std::array<std::atomic<Chunk*>, chunks> chunks_{};
  std::atomic<std::uint32_t> fresh_{0};
  std::atomic<std::uint64_t> free_{no_slot};  // tag in the upper half, slot in the lower
};

}  // namespace mediscan::capi
