#include <doctest/doctest.h>

#include "image/sniff.hpp"
#include "pictures.hpp"

#include <string>

using namespace mediscan::test;
using namespace std::string_literals;
using mediscan::image::Kind;
using mediscan::image::sniff;

TEST_CASE("JPEG and PNG are told by their first bytes") {
  CHECK(sniff(bytes_of("\xff\xd8\xff\xe0"s)).kind == Kind::jpeg);
  CHECK(sniff(bytes_of("\x89PNG\r\n\x1a\n"s)).kind == Kind::png);
  CHECK(sniff(bytes_of("\x89PNG\n\x1a\n"s)).kind == Kind::png);  // damaged by a text transfer; the pre-check says so
}

TEST_CASE("other files are named") {
  struct Sample {
    std::string bytes;
    std::string what;
  };
  const std::vector<Sample> samples{
      {"%PDF-1.7\n", "a PDF document"},
      {std::string(128, '\0') + "DICM\2\0", "a DICOM file"},
      {"GIF89a", "a GIF picture"},
      {"II*\0\10\0\0\0"s, "a TIFF picture"},
      {"MM\0*\0\0\0\10"s, "a TIFF picture"},
      {"BM\x36\0\0\0"s, "a BMP picture"},
      {"RIFF\x10\0\0\0WEBPVP8 "s, "a WebP picture"},
      {"\0\0\0\x18"
       "ftypheic"s,
       "a HEIF picture"},
      {"\0\0\0\x18"
       "ftypavif"s,
       "an AVIF picture"},
      {"\0\0\0\x0cjP  \r\n\x87\n"s, "a JPEG 2000 picture"},
      {"\xff\x4f\xff\x51"s, "a JPEG 2000 picture"},
      {"\xff\x0a\x00"s, "a JPEG XL picture"},
      {"\0\0\0\x0cJXL \r\n\x87\n"s, "a JPEG XL picture"},
      {"PK\3\4\24\0"s, "a ZIP archive (or an Office document)"},
      {"\x1f\x8b\x08"s, "a gzip file"},
      {"  \r\n<!DOCTYPE HTML>"s, "an HTML page (an error page in place of the picture?)"},
      {"<?xml version=\"1.0\"?>"s, "an XML document"},
      {"{\"error\": \"not found\"}"s, "a text file"},
      {"\x7f"
       "ELF\2\1\1"s,
       "an ELF program or library"},
      {std::string(344, '\0') + "n+1\0"s, "a NIfTI volume"},
  };
  for (const auto& sample : samples) {
    CAPTURE(sample.what);
    const auto sniffed = sniff(bytes_of(sample.bytes));
    CHECK(sniffed.kind == Kind::other);
    CHECK(sniffed.what == sample.what);
  }
}

TEST_CASE("what is not recognised has no name") {
  CHECK(sniff({}).what.empty());
  CHECK(sniff(bytes_of("\1\2\3\4"s)).what.empty());
}
