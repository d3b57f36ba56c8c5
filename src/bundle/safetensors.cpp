// The format as https://github.com/huggingface/safetensors states it: 8 bytes of header length, a JSON header, the
// data. Which tensors a network needs, and of what shape, is its backend's matter.
#include "bundle/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mediscan/error.hpp>

#include "bundle/json_reader.hpp"
#include "bundle/names.hpp"

namespace mediscan::bundle {
namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t max_header_bytes = 100'000'000;  // the reference implementation's cap
constexpr std::size_t max_dimensions = 64;               // as many as PyTorch's tensors can have
constexpr JsonLimits header_limits{.max_depth = 8, .max_values = 2'000'000};

constexpr std::array dtype_names{
    Named<Dtype>{Dtype::boolean, "BOOL"},    Named<Dtype>{Dtype::u8, "U8"},           Named<Dtype>{Dtype::i8, "I8"},
    Named<Dtype>{Dtype::u16, "U16"},         Named<Dtype>{Dtype::i16, "I16"},         Named<Dtype>{Dtype::u32, "U32"},
    Named<Dtype>{Dtype::i32, "I32"},         Named<Dtype>{Dtype::u64, "U64"},         Named<Dtype>{Dtype::i64, "I64"},
    Named<Dtype>{Dtype::f8_e4m3, "F8_E4M3"}, Named<Dtype>{Dtype::f8_e5m2, "F8_E5M2"}, Named<Dtype>{Dtype::f16, "F16"},
    Named<Dtype>{Dtype::bf16, "BF16"},       Named<Dtype>{Dtype::f32, "F32"},         Named<Dtype>{Dtype::f64, "F64"}};

[[noreturn]] void throw_file(std::string_view name, std::string_view what) {
  throw Error(ErrorCode::bundle_invalid, Stage::bundle, fmt::format("{}: {}", name, what),
              "the file is damaged, cut short or no safetensors file: copy or export it again");
}

/// The header's bytes; what follows them is the data.
std::span<const std::byte> header_of(std::span<const std::byte> file, std::string_view name) {
  if (file.size() < length_bytes) {
    throw_file(name, fmt::format("{} bytes are too few for a safetensors file, expected at least {}", file.size(),
                                 length_bytes));
  }
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = (length << 8U) | std::to_integer<std::uint64_t>(file[i]);
  if (length > max_header_bytes) {
    throw_file(name, fmt::format("header length is {}, expected at most {}", length, max_header_bytes));
  }
  if (length > file.size() - length_bytes) {
    throw_file(name, fmt::format("header length is {}, but the file has only {} bytes after it", length,
                                 file.size() - length_bytes));
  }
  const auto header = file.subspan(length_bytes, static_cast<std::size_t>(length));
  if (header.empty() || header.front() != std::byte{'{'}) throw_file(name, "header does not begin with \"{\"");
  return header;
}

/// A tensor as the header states it.
struct Stated {
  TensorEntry entry;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string path;  ///< of its data_offsets
};

/// Bytes of a tensor; zero-sized sides count as one while the product is checked, so that strides made from it cannot
/// overflow either.
std::uint64_t byte_count(const JsonReader& shape_reader, const std::vector<std::int64_t>& shape, Dtype dtype) {
  std::uint64_t all_but_zeros = size_of(dtype);
  bool empty = false;
  for (const std::int64_t side : shape) {
    empty = empty || side == 0;
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(side, 1));
    if (all_but_zeros > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / factor) {
      shape_reader.fail_found("larger than 64 bits can count", "sizes whose product fits 63 bits");
    }
    all_but_zeros *= factor;
  }
  return empty ? 0 : all_but_zeros;
}

Stated read_tensor(const JsonReader& reader, std::string name) {
  reader.expect_fields({"dtype", "shape", "data_offsets"});
  Stated stated;
  stated.entry.name = std::move(name);
  stated.entry.dtype = choice_of(reader.field("dtype"), dtype_names);
  const JsonReader shape = reader.field("shape");
  for (const auto& side : shape.elements(0, max_dimensions)) {
    stated.entry.shape.push_back(static_cast<std::int64_t>(side.integer(0, std::numeric_limits<std::int64_t>::max())));
  }
  const JsonReader offsets = reader.field("data_offsets");
  const auto range = offsets.elements(2, 2);
  stated.begin = range[0].integer(0, std::numeric_limits<std::int64_t>::max());
  stated.end = range[1].integer(0, std::numeric_limits<std::int64_t>::max());
  stated.path = offsets.path();
  if (stated.begin > stated.end) {
    offsets.fail_found(fmt::format("[{}, {}]", stated.begin, stated.end), "a begin that is not after its end");
  }
  const std::uint64_t needed = byte_count(shape, stated.entry.shape, stated.entry.dtype);
  if (stated.end - stated.begin != needed) {
    offsets.fail_found(fmt::format("a range of {} bytes", stated.end - stated.begin),
                       fmt::format("{} bytes for this shape of {}", needed, name_of(stated.entry.dtype)));
  }
  return stated;
}

std::map<std::string, std::string> read_metadata(const JsonReader& reader) {
  if (!reader.value().is_object()) reader.fail("an object of strings");
  std::map<std::string, std::string> metadata;
  for (const auto& item : reader.value().items()) metadata.emplace(item.key(), reader.field(item.key()).any_text());
  return metadata;
}

/// The ranges, in order, must cover the data from its first byte to its last.
void place(std::vector<Stated>& tensors, std::span<const std::byte> data, std::string_view document) {
  std::sort(tensors.begin(), tensors.end(), [](const Stated& a, const Stated& b) {
    return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
  });
  std::uint64_t covered = 0;
  for (auto& tensor : tensors) {
    if (tensor.begin != covered) {
      throw_invalid(
          document, tensor.path, fmt::format("[{}, {}]", tensor.begin, tensor.end),
          fmt::format("a begin of {} ({} between tensors)", covered, tensor.begin > covered ? "a hole" : "an overlap"));
    }
    if (tensor.end > data.size()) {
      throw_invalid(document, tensor.path, fmt::format("[{}, {}]", tensor.begin, tensor.end),
                    fmt::format("an end within the {} bytes of data (is the file cut short?)", data.size()));
    }
    tensor.entry.bytes =
        data.subspan(static_cast<std::size_t>(tensor.begin), static_cast<std::size_t>(tensor.end - tensor.begin));
    covered = tensor.end;
  }
  if (covered != data.size()) {
    throw_invalid(document, "the data", fmt::format("{} bytes long", data.size()),
                  fmt::format("{} bytes, the end of the last tensor", covered));
  }
}

}  // namespace

std::string_view name_of(Dtype dtype) noexcept { return name_in(dtype_names, dtype); }

std::size_t size_of(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::boolean:
    case Dtype::u8:
    case Dtype::i8:
    case Dtype::f8_e4m3:
    case Dtype::f8_e5m2:
      return 1;
    case Dtype::u16:
    case Dtype::i16:
    case Dtype::f16:
    case Dtype::bf16:
      return 2;
    case Dtype::u32:
    case Dtype::i32:
    case Dtype::f32:
      return 4;
    case Dtype::u64:
    case Dtype::i64:
    case Dtype::f64:
      return 8;
  }
  return 0;
}

Safetensors Safetensors::parse(std::span<const std::byte> file, std::string_view name) {
  const auto header = header_of(file, name);
  const std::string document = fmt::format("{}: header", name);
  const nlohmann::json tree = parse_json(header, document, header_limits);
  const JsonReader root(tree, document);
  Safetensors result;
  std::vector<Stated> tensors;
  for (const auto& item : tree.items()) {
    if (item.key() == "__metadata__") {
      result.metadata_ = read_metadata(root.field(item.key()));
    } else {
      tensors.push_back(read_tensor(root.field(item.key()), item.key()));
    }
  }
  place(tensors, file.subspan(length_bytes + header.size()), document);
  for (auto& tensor : tensors) {
    result.index_.emplace(tensor.entry.name, result.tensors_.size());
    result.tensors_.push_back(std::move(tensor.entry));
  }
  return result;
}

const TensorEntry* Safetensors::find(std::string_view name) const noexcept {
  const auto at = index_.find(name);
  return at == index_.end() ? nullptr : &tensors_[at->second];
}

}  // namespace mediscan::bundle
