#include <dlfcn.h>
#include <doctest/doctest.h>
#include <elf.h>
#include <gnu/libc-version.h>

#include <cstdio>
#include <cstring>
#include <variant>
#include <vector>

#include "backend/elf.hpp"
#include "base/file.hpp"
#include "errors.hpp"

namespace mediscan::backend {
namespace {

using test::contains;

/// The C library that this test runs on: an ELF file whose contents are known. Found by a function that no sanitizer
/// stands in for.
std::vector<std::byte> c_library() {
  Dl_info info{};
  REQUIRE(::dladdr(reinterpret_cast<const void*>(&::gnu_get_libc_version), &info) != 0);
  return base::read_file(info.dli_fname, 64ULL << 20, "test", Stage::backend);
}

std::string fault_of(std::span<const std::byte> bytes) {
  const auto opened = ElfLibrary::open(bytes);
  const auto* fault = std::get_if<std::string>(&opened);
  return fault == nullptr ? "" : *fault;
}

/// The library with one 16-bit field of its ELF header changed.
std::vector<std::byte> with_field(std::size_t offset, std::uint16_t value) {
  auto bytes = c_library();
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

TEST_CASE("a library's own name and the functions it exports are read from its file") {
  const auto bytes = c_library();
  const auto opened = ElfLibrary::open(bytes);
  REQUIRE(std::holds_alternative<ElfLibrary>(opened));
  const auto& library = std::get<ElfLibrary>(opened);
  CHECK(library.soname() == "libc.so.6");
  CHECK(library.exports("puts"));
  CHECK(library.exports("malloc"));
  CHECK_FALSE(library.exports("torch_call_dispatcher"));
  CHECK_FALSE(library.exports(""));
}

TEST_CASE("what is no ELF file, or not all of one, is told apart") {
  const std::string text = "this is a text file that somebody named libtorch_cpu.so";
  CHECK(fault_of(std::as_bytes(std::span(text))) == "is not an ELF file");
  CHECK(fault_of({}) == "is not an ELF file");
  const auto bytes = c_library();
  CHECK(contains(fault_of(std::span(bytes).first(20)), "truncated"));
  CHECK(contains(fault_of(std::span(bytes).first(70)), "truncated"));
  CHECK(contains(fault_of(std::span(bytes).first(bytes.size() / 2)), "truncated"));
  CHECK(contains(fault_of(std::span(bytes).first(bytes.size() - 1)), "truncated"));
}

TEST_CASE("no cut of a library's file is read beyond its end") {
  const auto bytes = c_library();
  for (std::size_t size = 0; size < bytes.size(); size += bytes.size() / 200) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(fault_of(cut).empty());
  }
}

TEST_CASE("a library for another machine, and a program, are named as such") {
  CHECK(contains(fault_of(with_field(offsetof(Elf64_Ehdr, e_machine), EM_S390)), "is for s390x"));
  CHECK(contains(fault_of(with_field(offsetof(Elf64_Ehdr, e_type), ET_EXEC)), "not a shared library"));
}

}  // namespace
}  // namespace mediscan::backend
