// libFuzzer harness: any bytes as a safetensors file are either tensors that cover the data without hole or overlap, or
// a BUNDLE_INVALID whose message is valid UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mediscan/error.hpp>
#include <nlohmann/json.hpp>
#include <span>

#include "bundle/safetensors.hpp"

namespace {

void check_tensors(const mediscan::bundle::Safetensors& read, std::span<const std::byte> file) {
  const std::byte* covered = nullptr;
  for (const auto& tensor : read.tensors()) {
    std::uint64_t elements = 1;
    for (const auto side : tensor.shape) elements *= static_cast<std::uint64_t>(side);
    if (elements * size_of(tensor.dtype) != tensor.bytes.size()) std::abort();
    if (covered != nullptr && tensor.bytes.data() != covered) std::abort();
    covered = tensor.bytes.data() + tensor.bytes.size();
    if (tensor.bytes.data() < file.data() || covered > file.data() + file.size()) std::abort();
    if (read.find(tensor.name) != &tensor) std::abort();
  }
  if (covered != nullptr && covered != file.data() + file.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    check_tensors(mediscan::bundle::Safetensors::parse(file, "fuzz"), file);
  } catch (const mediscan::Error& error) {
    if (error.code() != mediscan::ErrorCode::bundle_invalid) std::abort();
    (void)nlohmann::json(error.message()).dump();  // throws for invalid UTF-8
  }
  return 0;
}
