#include "backend/torch/packing.hpp"

#include <cstring>

namespace mediscan::backend::torch {

bool same_packing(const Tensor& one, const Tensor& other) {
  const auto description = [](const Tensor& packed) { return call("mkldnn::_get_mkldnn_serialized_md", "", packed); };
  const Tensor a = description(one);
  const Tensor b = description(other);
  const auto bytes = static_cast<std::size_t>(a.sizes().front());
  return a.sizes().front() == b.sizes().front() && std::memcmp(a.bytes(), b.bytes(), bytes) == 0;
}

}  // namespace mediscan::backend::torch
