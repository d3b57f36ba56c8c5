// Weights in the orders that oneDNN's kernels read fastest. Each order is made once, whoever asks for it, and kept.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/network/kernels.hpp"
#include "backend/onednn/objects.hpp"

namespace mediscan::backend::onednn {

class Packing {
 public:
  Packing() = default;
  /// Row-major; as many numbers as the sizes say.
  Packing(std::vector<float> plain, std::vector<std::int64_t> sizes);
  Packing(std::vector<std::int8_t> plain, std::vector<std::int64_t> sizes);

  [[nodiscard]] const std::vector<std::int64_t>& sizes() const noexcept { return sizes_; }
  [[nodiscard]] DataType type() const noexcept { return type_; }

  /// The weights in this order. Owned by the object, and stays where it is. The float32 ones are kept in their first
  /// order alone from then on, since an order can be made of another; bytes are kept plain as well, since their orders
  /// hold sums that cannot.
  dnnl_memory* in_order(const dnnl_memory_desc* wanted, const Processor& processor);

  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  struct Order {
    Description description;
    Scratch numbers;
    void* place = nullptr;
    Memory memory;
  };

  std::vector<std::int64_t> sizes_;
  DataType type_ = DataType::f32;
  std::vector<float> floats_;  // until packed
  std::vector<std::int8_t> bytes_;
  std::vector<Order> orders_;
};

}  // namespace mediscan::backend::onednn
