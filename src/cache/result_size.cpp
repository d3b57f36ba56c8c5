#include "cache/result_size.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace mediscan::cache {
namespace {

std::size_t of(const std::string& text) noexcept {
  static const std::size_t inside = std::string().capacity();  // short strings live in the object
  return text.capacity() <= inside ? 0 : heap_block(text.capacity() + 1);
}

std::size_t of(const std::optional<std::string>& text) noexcept { return text ? of(*text) : 0; }

template <class T>
std::size_t block_of(const std::vector<T>& list) noexcept {
  return list.capacity() == 0 ? 0 : heap_block(list.capacity() * sizeof(T));
}

std::size_t of(const Finding& finding) noexcept { return of(finding.code) + of(finding.label) + of(finding.snomed); }

std::size_t of(const ExecutionRecord& execution) noexcept {
  return of(execution.backend) + of(execution.backend_version) + of(execution.device) + of(execution.precision) +
         of(execution.fallback_reason) + of(execution.precision_reason) + of(execution.profile_reason);
}

std::size_t of(const Summary& summary) noexcept {
  std::size_t bytes = 0;
  if (summary.skin) bytes += of(summary.skin->top_code) + of(summary.skin->top_label);
  if (summary.radiology) {
    bytes += block_of(summary.radiology->positive_codes);
    for (const auto& code : summary.radiology->positive_codes) bytes += of(code);
  }
  return bytes;
}

}  // namespace

std::size_t heap_block(std::size_t size) noexcept {
  constexpr std::size_t header = 8, grain = 16, least = 32;  // glibc malloc on 64 bits
  return std::max(least, (size + header + grain - 1) / grain * grain);
}

std::size_t heap_bytes(const Result& result) noexcept {
  std::size_t bytes = of(result.input.name) + of(result.input.sha256) + of(result.input.format) +
                      of(result.model.name) + of(result.model.version) + of(result.model.sha256) +
                      of(result.model.manifest_sha256) + of(result.preprocess_sha256) + of(result.execution) +
                      of(result.summary) + of(result.library_version) + of(result.notice);
  bytes += block_of(result.findings) + block_of(result.warnings);
  for (const auto& finding : result.findings) bytes += of(finding);
  for (const auto& warning : result.warnings) bytes += of(warning.code) + of(warning.message);
  return bytes;
}

}  // namespace mediscan::cache
