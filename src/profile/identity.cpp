#include "profile/identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backend/cpu.hpp"

namespace mediscan::profile {

Identity identity_here(const Bundle& bundle, int threads) {
  const auto& cpu = backend::this_cpu();
  Identity here{MEDISCAN_VERSION, bundle.weights_sha256(), bundle.manifest_sha256, cpu.model, {}, threads};
  if (cpu.avx2) here.features.emplace_back("avx2");
  if (cpu.bf16) here.features.emplace_back("bf16");
  if (cpu.vnni) here.features.emplace_back("vnni");
  return here;
}

std::optional<std::string> difference(const Identity& measured, const Identity& here) {
  if (measured.weights_sha256 != here.weights_sha256) return "it was made for other weights";
  if (measured.manifest_sha256 != here.manifest_sha256) return "it was made for another mediscan.json of these weights";
  if (measured.cpu != here.cpu) return fmt::format("it was made on another CPU, {}", measured.cpu);
  if (measured.features != here.features) {
    return fmt::format("it was made where the CPU has [{}], here it has [{}]", fmt::join(measured.features, ", "),
                       fmt::join(here.features, ", "));
  }
  if (measured.threads != here.threads) {
    return fmt::format("it was made for {} threads, here are {}", measured.threads, here.threads);
  }
  if (measured.library_version != here.library_version) {
    return fmt::format("it was made by MediScan {}, this is {}", measured.library_version, here.library_version);
  }
  return std::nullopt;
}

}  // namespace mediscan::profile
