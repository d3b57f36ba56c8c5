#include "backend/onednn/objects.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

namespace mediscan::backend::onednn {
namespace {

/// Strides of NHWC memory in the order batch, channels, height, width.
std::array<std::int64_t, 4> nhwc_strides(std::span<const std::int64_t> sizes) {
  const std::int64_t channels = sizes[1];
  return {channels * sizes[2] * sizes[3], 1, channels * sizes[3], channels};
}

Description with_strides(std::span<const std::int64_t> sizes, DataType type, std::span<const std::int64_t> strides) {
  dnnl_memory_desc* made = nullptr;
  check(libdnnl().dnnl_memory_desc_create_with_strides(&made, static_cast<int>(sizes.size()), sizes.data(),
                                                       static_cast<Enum>(type), strides.data()),
        "a description of memory");
  return Description(made);
}

Engine engine_of_cpu() {
  dnnl_engine* made = nullptr;
  check(libdnnl().dnnl_engine_create(&made, engine_cpu, 0), "an engine of the CPU");
  return Engine(made);
}

}  // namespace

void check(Status status, std::string_view what) {
  if (status == success) return;
  if (status == out_of_memory) {
    throw Error(ErrorCode::out_of_memory, Stage::backend, fmt::format("oneDNN has no memory for {}", what),
                "lower max_batch or give the process more memory");
  }
  if (status == unimplemented)
    throw Error(ErrorCode::unsupported, Stage::backend, fmt::format("this oneDNN has no kernel for {}", what));
  throw Error(ErrorCode::backend_failed, Stage::backend, fmt::format("oneDNN made no {}: status {}", what, status));
}

Processor::Processor() : Processor(std::make_shared<const Engine>(engine_of_cpu())) {}

Processor::Processor(std::shared_ptr<const Engine> shared) : engine(std::move(shared)) {
  dnnl_stream* made = nullptr;
  check(libdnnl().dnnl_stream_create(&made, engine->get(), stream_in_order), "a stream of the CPU");
  stream = Stream(made);
}

Processor Processor::for_another_thread() const { return Processor(engine); }

Description dense(std::span<const std::int64_t> sizes, DataType type) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * sizes[i];
  return with_strides(sizes, type, strides);
}

Description nhwc(std::span<const std::int64_t> sizes, DataType type) {
  return with_strides(sizes, type, nhwc_strides(sizes));
}

Description any_order(std::span<const std::int64_t> sizes, DataType type) {
  dnnl_memory_desc* made = nullptr;
  check(libdnnl().dnnl_memory_desc_create_with_tag(&made, static_cast<int>(sizes.size()), sizes.data(),
                                                   static_cast<Enum>(type), tag_any),
        "a description of memory");
  return Description(made);
}

Description copy_of(const dnnl_memory_desc* description) {
  dnnl_memory_desc* made = nullptr;
  check(libdnnl().dnnl_memory_desc_clone(&made, description), "a description of memory");
  return Description(made);
}

bool same(const dnnl_memory_desc* a, const dnnl_memory_desc* b) noexcept {
  return libdnnl().dnnl_memory_desc_equal(a, b) != 0;
}

std::size_t bytes_of(const dnnl_memory_desc* description) noexcept {
  return description == nullptr ? 0 : libdnnl().dnnl_memory_desc_get_size(description);
}

Memory memory_at(const dnnl_memory_desc* description, const Processor& processor, void* data) {
  dnnl_memory* made = nullptr;
  check(libdnnl().dnnl_memory_create(&made, description, processor.engine->get(), data), "a memory");
  return Memory(made);
}

void place(const Memory& memory, void* data) {
  check(libdnnl().dnnl_memory_set_data_handle(memory.get(), data), "place of a memory");
}

Attributes plain_attributes() {
  dnnl_primitive_attr* made = nullptr;
  check(libdnnl().dnnl_primitive_attr_create(&made), "attributes");
  Attributes attributes(made);
  check(libdnnl().dnnl_primitive_attr_set_scratchpad_mode(made, scratchpad_user), "scratchpad of the caller's");
  return attributes;
}

Primitive primitive_of(const PrimitiveDescription& description, std::string_view what) {
  dnnl_primitive* made = nullptr;
  check(libdnnl().dnnl_primitive_create(&made, description.get()), what);
  return Primitive(made);
}

void reorder(const dnnl_memory_desc* from_description, void* from, const dnnl_memory_desc* to_description, void* to,
             const Processor& processor) {
  dnnl_primitive_desc* made = nullptr;
  check(libdnnl().dnnl_reorder_primitive_desc_create(&made, from_description, processor.engine->get(), to_description,
                                                     processor.engine->get(), nullptr),
        "a reorder of weights");
  const PrimitiveDescription description(made);
  const Primitive primitive = primitive_of(description, "a reorder of weights");
  const Memory source = memory_at(from_description, processor, from);
  const Memory target = memory_at(to_description, processor, to);
  const std::array arguments{Argument{arg_src, source.get()}, Argument{arg_dst, target.get()}};
  check(libdnnl().dnnl_primitive_execute(primitive.get(), processor.stream.get(), arguments.size(), arguments.data()),
        "a reorder of weights");
  check(libdnnl().dnnl_stream_wait(processor.stream.get()), "a reorder of weights");
}

}  // namespace mediscan::backend::onednn
