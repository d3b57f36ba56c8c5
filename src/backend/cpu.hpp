// What this machine's processor can compute with, as far as precisions depend on it. Not for choosing kernels: oneDNN
// does that by itself.
#pragma once

#include <istream>
#include <string>

namespace mediscan::backend {

struct Cpu {
  std::string model = "CPU";  ///< as the kernel names it
  bool avx2 = false;
  bool bf16 = false;  ///< multiplies bfloat16: avx512_bf16 or amx_bf16
  bool vnni = false;  ///< sums products of 8-bit integers without saturating: avx512_vnni, avx_vnni or amx_int8
};

/// Reads /proc/cpuinfo, of which the first processor speaks for all.
Cpu cpu_from(std::istream& cpuinfo);

/// This machine's; read once.
const Cpu& this_cpu();

}  // namespace mediscan::backend
