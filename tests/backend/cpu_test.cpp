#include "backend/cpu.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace mediscan::backend {
namespace {

Cpu cpu_with(const std::string& flags) {
  std::istringstream cpuinfo("processor\t: 0\nmodel name\t: Some CPU @ 3.00GHz\nflags\t\t: " + flags +
                             "\nbugs\t\t: spectre\n\nprocessor\t: 1\nflags\t\t: avx2 avx512_bf16 avx512_vnni\n");
  return cpu_from(cpuinfo);
}

TEST_CASE("what a CPU computes with is read from the kernel's flags, as whole words, of its first processor") {
  const Cpu zen3 = cpu_with("fpu sse4_2 avx avx2 fma");  // flags as machines of each kind have them
  CHECK(zen3.model == "Some CPU @ 3.00GHz");
  CHECK(zen3.avx2);
  CHECK_FALSE(zen3.bf16);
  CHECK_FALSE(zen3.vnni);
  const Cpu zen4 = cpu_with("avx2 avx512f avx512_bf16 avx512_vnni");
  CHECK(zen4.bf16);
  CHECK(zen4.vnni);
  const Cpu ice_lake = cpu_with("avx2 avx512f avx512_vnni");
  CHECK_FALSE(ice_lake.bf16);
  CHECK(ice_lake.vnni);
  const Cpu alder_lake = cpu_with("avx2 avx_vnni");
  CHECK_FALSE(alder_lake.bf16);
  CHECK(alder_lake.vnni);
  const Cpu sapphire_rapids = cpu_with("avx2 amx_bf16 amx_tile amx_int8");
  CHECK(sapphire_rapids.bf16);
  CHECK(sapphire_rapids.vnni);
  CHECK_FALSE(cpu_with("avx512_bf16x").bf16);
}

TEST_CASE("a machine that tells nothing has nothing") {
  std::istringstream empty;
  const Cpu cpu = cpu_from(empty);
  CHECK(cpu.model == "CPU");
  CHECK_FALSE(cpu.avx2);
  CHECK_FALSE(cpu.bf16);
  CHECK_FALSE(cpu.vnni);
}

TEST_CASE("this machine's CPU is read once") { CHECK(&this_cpu() == &this_cpu()); }

}  // namespace
}  // namespace mediscan::backend
