#include "backend/cpu.hpp"

#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace mediscan::backend {
namespace {

std::string after_colon(const std::string& line) {
  const auto colon = line.find(": ");
  return colon == std::string::npos ? std::string{} : line.substr(colon + 2);
}

}  // namespace

Cpu cpu_from(std::istream& cpuinfo) {
  Cpu cpu;
  std::set<std::string, std::less<>> flags;  // the kernel leaves out what it does not enable
  std::string line;
  while (std::getline(cpuinfo, line) && !line.empty()) {  // an empty line ends the first processor
    if (line.starts_with("model name") && !after_colon(line).empty()) cpu.model = after_colon(line);
    if (!line.starts_with("flags")) continue;
    std::istringstream words(after_colon(line));
    for (std::string word; words >> word;) flags.insert(std::move(word));
  }
  const auto has = [&](std::string_view flag) { return flags.contains(flag); };
  cpu.avx2 = has("avx2");
  cpu.bf16 = has("avx512_bf16") || has("amx_bf16");
  cpu.vnni = has("avx512_vnni") || has("avx_vnni") || has("amx_int8");
  return cpu;
}

const Cpu& this_cpu() {
  static const Cpu cpu = [] {
    std::ifstream in("/proc/cpuinfo");
    return cpu_from(in);
  }();
  return cpu;
}

}  // namespace mediscan::backend
