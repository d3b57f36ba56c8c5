// oneDNN's objects with owners: what is made is destroyed, and a call that fails throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "backend/onednn/constants.hpp"
#include "backend/onednn/libdnnl.hpp"

namespace mediscan::backend::onednn {

/// Throws OUT_OF_MEMORY, UNSUPPORTED for what oneDNN has no kernel for, or BACKEND_FAILED, unless the status is
/// success. `what` is what was tried: "a convolution of 64 to 256 channels".
void check(Status status, std::string_view what);

/// Owns one object of oneDNN's, or none.
template <class Object, Status (*Functions::*destroy)(Object*)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Object* object) noexcept : object_(object) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (object_ != nullptr) (libdnnl().*destroy)(object_);
  }
  [[nodiscard]] Object* get() const noexcept { return object_; }

 private:
  Object* object_ = nullptr;
};

using Engine = Owned<dnnl_engine, &Functions::dnnl_engine_destroy>;
using Stream = Owned<dnnl_stream, &Functions::dnnl_stream_destroy>;
using Description = Owned<dnnl_memory_desc, &Functions::dnnl_memory_desc_destroy>;
using Memory = Owned<dnnl_memory, &Functions::dnnl_memory_destroy>;
using Attributes = Owned<dnnl_primitive_attr, &Functions::dnnl_primitive_attr_destroy>;
using PostOps = Owned<dnnl_post_ops, &Functions::dnnl_post_ops_destroy>;
using PrimitiveDescription = Owned<dnnl_primitive_desc, &Functions::dnnl_primitive_desc_destroy>;
using Primitive = Owned<dnnl_primitive, &Functions::dnnl_primitive_destroy>;

/// The CPU, and the order in which one thread's work runs on it.
struct Processor {
  Processor();
  /// The same CPU, so that weights serve on both, for another thread.
  [[nodiscard]] Processor for_another_thread() const;

  std::shared_ptr<const Engine> engine;
  Stream stream;

 private:
  explicit Processor(std::shared_ptr<const Engine> shared);
};

/// Row-major numbers of these sizes.
Description dense(std::span<const std::int64_t> sizes, DataType type);
/// Pictures of batch x channels x height x width in NHWC memory.
Description nhwc(std::span<const std::int64_t> sizes, DataType type);
/// In whatever order oneDNN likes best.
Description any_order(std::span<const std::int64_t> sizes, DataType type);
Description copy_of(const dnnl_memory_desc* description);
bool same(const dnnl_memory_desc* a, const dnnl_memory_desc* b) noexcept;
std::size_t bytes_of(const dnnl_memory_desc* description) noexcept;

/// Numbers at `data`, which outlives the object; null when they are given later (place).
Memory memory_at(const dnnl_memory_desc* description, const Processor& processor, void* data);
void place(const Memory& memory, void* data);

/// Attributes of a primitive whose scratch memory is the caller's.
Attributes plain_attributes();
Primitive primitive_of(const PrimitiveDescription& description, std::string_view what);

/// Rearranges numbers once, now.
void reorder(const dnnl_memory_desc* from_description, void* from, const dnnl_memory_desc* to_description, void* to,
             const Processor& processor);

}  // namespace mediscan::backend::onednn
