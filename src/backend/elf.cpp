#include "backend/elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace mediscan::backend {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
constexpr std::string_view this_machine_name = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
constexpr std::string_view this_machine_name = "aarch64";
#else
constexpr std::uint16_t this_machine = EM_NONE;
constexpr std::string_view this_machine_name = "an architecture without LibTorch";
#endif

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "32-bit x86";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390x";
    case EM_RISCV:
      return "RISC-V";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

/// Where the last thing that the headers speak of ends.
std::uint64_t end_of_contents(const Elf64_Ehdr& header, std::span<const Elf64_Phdr> segments) {
  std::uint64_t end = header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_LOAD) end = std::max(end, segment.p_offset + segment.p_filesz);
  }
  return end;
}

std::uint32_t gnu_hash_of(std::string_view name) {
  std::uint32_t hash = 5381;  // the GNU hash function: h * 33 + c
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

}  // namespace

template <class T>
std::optional<T> ElfLibrary::read(std::uint64_t offset) const {
  if (offset > file_.size() || file_.size() - offset < sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, file_.data() + offset, sizeof(T));
  return value;
}

std::string_view ElfLibrary::text_at(std::uint64_t offset) const {
  if (offset >= file_.size()) return {};
  const char* begin = reinterpret_cast<const char*>(file_.data() + offset);
  return {begin, ::strnlen(begin, file_.size() - offset)};
}

std::optional<std::uint64_t> ElfLibrary::offset_of(std::uint64_t address) const {
  const auto header = *read<Elf64_Ehdr>(0);
  for (std::uint16_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = read<Elf64_Phdr>(header.e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type != PT_LOAD) continue;
    if (address >= segment->p_vaddr && address - segment->p_vaddr < segment->p_filesz) {
      return segment->p_offset + (address - segment->p_vaddr);
    }
  }
  return std::nullopt;
}

bool ElfLibrary::read_dynamic_section() {
  const auto header = *read<Elf64_Ehdr>(0);
  for (std::uint16_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = read<Elf64_Phdr>(header.e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type != PT_DYNAMIC) continue;
    for (std::uint64_t at = 0; at < segment->p_filesz; at += sizeof(Elf64_Dyn)) {
      const auto entry = read<Elf64_Dyn>(segment->p_offset + at);
      if (!entry || entry->d_tag == DT_NULL) break;
      if (entry->d_tag == DT_SYMTAB) symbols_ = offset_of(entry->d_un.d_ptr).value_or(0);
      if (entry->d_tag == DT_STRTAB) strings_ = offset_of(entry->d_un.d_ptr).value_or(0);
      if (entry->d_tag == DT_GNU_HASH) gnu_hash_ = offset_of(entry->d_un.d_ptr).value_or(0);
      if (entry->d_tag == DT_SONAME) soname_ = entry->d_un.d_val;
    }
  }
  return symbols_ != 0 && strings_ != 0;
}

std::variant<ElfLibrary, std::string> ElfLibrary::open(std::span<const std::byte> file) {
  ElfLibrary library(file);
  const auto header = library.read<Elf64_Ehdr>(0);
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return "is not an ELF file";
  if (!header) return fmt::format("is truncated: {} bytes, not even an ELF header", file.size());
  if (header->e_machine != this_machine || header->e_ident[EI_CLASS] != ELFCLASS64) {
    return fmt::format("is for {}, this process needs {}", machine_name(header->e_machine), this_machine_name);
  }
  if (header->e_type != ET_DYN) return "is an ELF file but not a shared library";
  std::vector<Elf64_Phdr> segments;
  for (std::uint16_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = library.read<Elf64_Phdr>(header->e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!segment) return fmt::format("is truncated: {} bytes, its program headers lie beyond", file.size());
    segments.push_back(*segment);
  }
  const std::uint64_t end = end_of_contents(*header, segments);
  if (end > file.size()) return fmt::format("is truncated: {} bytes of {} are there", file.size(), end);
  if (!library.read_dynamic_section()) return "is an ELF file without dynamic symbols";
  return library;
}

std::string_view ElfLibrary::soname() const { return soname_ == 0 ? std::string_view{} : text_at(strings_ + soname_); }

// The lookup of a DT_GNU_HASH table: header, Bloom filter, buckets, chains whose last entry has bit 0 set.
bool ElfLibrary::exports(std::string_view function) const {
  struct Header {
    std::uint32_t buckets, first_symbol, bloom_words, bloom_shift;
  };
  const auto header = gnu_hash_ == 0 ? std::nullopt : read<Header>(gnu_hash_);
  if (!header || header->buckets == 0) return false;
  const std::uint32_t hash = gnu_hash_of(function);
  const std::uint64_t buckets = gnu_hash_ + sizeof(Header) + std::uint64_t{header->bloom_words} * sizeof(std::uint64_t);
  const std::uint64_t chains = buckets + std::uint64_t{header->buckets} * sizeof(std::uint32_t);
  const auto bucket = read<std::uint32_t>(buckets + std::uint64_t{hash % header->buckets} * sizeof(std::uint32_t));
  if (!bucket || *bucket < header->first_symbol) return false;
  for (std::uint64_t symbol = *bucket;; ++symbol) {
    const auto chain = read<std::uint32_t>(chains + (symbol - header->first_symbol) * sizeof(std::uint32_t));
    if (!chain) return false;
    if ((*chain | 1U) == (hash | 1U)) {
      const auto entry = read<Elf64_Sym>(symbols_ + symbol * sizeof(Elf64_Sym));
      if (entry && entry->st_shndx != SHN_UNDEF && text_at(strings_ + entry->st_name) == function) return true;
    }
    if ((*chain & 1U) != 0) return false;
  }
}

}  // namespace mediscan::backend
