#include "backend/onednn/packing.hpp"

#include <utility>

namespace mediscan::backend::onednn {

Packing::Packing(std::vector<float> plain, std::vector<std::int64_t> sizes)
    : sizes_(std::move(sizes)), floats_(std::move(plain)) {}

Packing::Packing(std::vector<std::int8_t> plain, std::vector<std::int64_t> sizes)
    : sizes_(std::move(sizes)), type_(DataType::s8), bytes_(std::move(plain)) {}

dnnl_memory* Packing::in_order(const dnnl_memory_desc* wanted, const Processor& processor) {
  for (const Order& order : orders_) {
    if (same(order.description.get(), wanted)) return order.memory.get();
  }
  Order made;
  made.description = copy_of(wanted);
  made.place = made.numbers.reserve_bytes(static_cast<std::int64_t>(bytes_of(wanted)));
  made.memory = memory_at(wanted, processor, made.place);
  if (type_ == DataType::f32 && !orders_.empty()) {
    const Order& first = orders_.front();
    reorder(first.description.get(), first.place, wanted, made.place, processor);
  } else {
    void* plain = type_ == DataType::f32 ? static_cast<void*>(floats_.data()) : static_cast<void*>(bytes_.data());
    reorder(dense(sizes_, type_).get(), plain, wanted, made.place, processor);
    floats_ = {};
  }
  return orders_.emplace_back(std::move(made)).memory.get();
}

std::uint64_t Packing::bytes() const noexcept {
  std::uint64_t sum = floats_.size() * sizeof(float) + bytes_.size();
  for (const Order& order : orders_) sum += bytes_of(order.description.get());
  return sum;
}

}  // namespace mediscan::backend::onednn
