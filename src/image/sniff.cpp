#include "image/sniff.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace mediscan::image {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  std::string_view what;
};

// The longer of two signatures that begin alike stands first.
constexpr std::array signatures{
    Signature{0, "%PDF-"sv, "a PDF document"},
    Signature{128, "DICM"sv, "a DICOM file"},
    Signature{0, "GIF8"sv, "a GIF picture"},
    Signature{0, "II*\0"sv, "a TIFF picture"},
    Signature{0, "MM\0*"sv, "a TIFF picture"},
    Signature{0, "II+\0"sv, "a BigTIFF picture"},
    Signature{0, "MM\0+"sv, "a BigTIFF picture"},
    Signature{0, "\0\0\0\x0cjP  \r\n\x87\n"sv, "a JPEG 2000 picture"},
    Signature{0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
    Signature{0, "\0\0\0\x0cJXL \r\n\x87\n"sv, "a JPEG XL picture"},
    Signature{0, "\xff\x0a"sv, "a JPEG XL picture"},
    Signature{4, "ftypavi"sv, "an AVIF picture"},
    Signature{4, "ftyphei"sv, "a HEIF picture"},
    Signature{4, "ftyphev"sv, "a HEIF picture"},
    Signature{4, "ftypmif1"sv, "a HEIF picture"},
    Signature{4, "ftypmsf1"sv, "a HEIF picture"},
    Signature{4, "ftyp"sv, "an MP4 or QuickTime video"},
    Signature{0, "8BPS"sv, "a Photoshop document"},
    Signature{344, "n+1\0"sv, "a NIfTI volume"},
    Signature{0, "\x93NUMPY"sv, "a NumPy array"},
    Signature{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
    Signature{0, "PK\x03\x04"sv, "a ZIP archive (or an Office document)"},
    Signature{0, "\x1f\x8b"sv, "a gzip file"},
    Signature{0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    Signature{0, "\x28\xb5\x2f\xfd"sv, "a Zstandard file"},
    Signature{0,
              "\x7f"
              "ELF"sv,
              "an ELF program or library"},
    Signature{0, "BM"sv, "a BMP picture"},
    Signature{0, "MZ"sv, "a Windows program"},
};

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()),
          bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(), [](char want, char got) {
           return want == static_cast<char>(std::tolower(static_cast<unsigned char>(got)));
         });
}

std::string_view name_of_markup(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf"sv);
  if (first == std::string_view::npos) return {};
  const auto content = text.substr(first);
  for (const auto tag : {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv}) {
    if (starts_with_ignoring_case(content, tag)) return "an HTML page (an error page in place of the picture?)";
  }
  if (starts_with_ignoring_case(content, "<svg"sv)) return "an SVG drawing";
  if (starts_with_ignoring_case(content, "<?xml"sv)) return "an XML document";
  return {};
}

/// No control characters but white space; bytes over 127 may belong to any encoding.
bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto value = static_cast<unsigned char>(c);
    return (value >= 32 && value != 127) || (value >= 9 && value <= 13);
  });
}

}  // namespace

Sniffed sniff(Bytes bytes) {
  const auto text = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4096)));
  if (text.starts_with("\x89PNG"sv)) return {Kind::png, "a PNG picture"};
  if (text.starts_with("\xff\xd8"sv)) return {Kind::jpeg, "a JPEG picture"};
  if (text.starts_with("RIFF"sv) && text.size() >= 12 && text.substr(8, 4) == "WEBP"sv)
    return {Kind::other, "a WebP picture"};
  for (const auto& signature : signatures) {
    if (text.size() > signature.offset && text.substr(signature.offset).starts_with(signature.bytes)) {
      return {Kind::other, signature.what};
    }
  }
  if (const auto markup = name_of_markup(text); !markup.empty()) return {Kind::other, markup};
  if (!text.empty() && is_text(text)) return {Kind::other, "a text file"};
  return {};
}

}  // namespace mediscan::image
