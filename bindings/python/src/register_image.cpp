// Pictures: decoding from memory and from file, pixels in, pixels out.
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <mediscan/image.hpp>
#include <mediscan/system.hpp>
#include <optional>
#include <span>
#include <string>

#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

Decoder decoder_named(const std::string& name) {
  if (name == "auto") return Decoder::automatic;
  if (name == "turbo") return Decoder::turbo;
  if (name == "stb") return Decoder::stb;
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no decoder \"" + name + "\"",
              "give \"auto\", \"turbo\" or \"stb\"");
}

DecodeOptions decode_options(const std::string& decoder, bool apply_orientation, bool fast_decode,
                             std::uint64_t max_pixels, std::uint32_t max_side, std::uint64_t max_decoded_bytes,
                             std::uint64_t max_file_bytes) {
  return {{max_pixels, max_side, max_decoded_bytes, max_file_bytes},
          decoder_named(decoder),
          apply_orientation,
          fast_decode};
}

/// `bytes` is immutable and held by the caller, so it may be read without the GIL.
Image decode(const py::bytes& data, const DecodeOptions& options, const std::string& name) {
  const std::string_view view(data);
  return without_gil([&] { return Image::decode(std::as_bytes(std::span(view)), options, name); });
}

Image read(const py::bytes& path, const DecodeOptions& options) {
  return without_gil([&, file = path_of(path)] { return Image::read(file, options); });
}

/// The buffer's pixels as the library takes them; inputs.py makes every buffer fit.
PixelView pixel_view(const py::buffer_info& buffer, std::uint32_t bits) {
  const bool samples_fit = bits == 8 ? buffer.item_type_is_equivalent_to<std::uint8_t>()
                                     : buffer.item_type_is_equivalent_to<std::uint16_t>();
  const bool planar = buffer.ndim == 2;
  if (!samples_fit || (!planar && buffer.ndim != 3) || !PyBuffer_IsContiguous(buffer.view(), 'C')) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                "pixels are no C-contiguous buffer of height x width (x channels) uint8 or uint16 samples");
  }
  constexpr py::ssize_t longest = std::numeric_limits<std::uint32_t>::max();
  if (buffer.shape[0] > longest || buffer.shape[1] > longest) {
    throw Error(ErrorCode::limit_exceeded, Stage::decode, "pixels of more than 2^32 rows or columns (max_side)");
  }
  return {buffer.ptr, static_cast<std::uint32_t>(buffer.shape[1]), static_cast<std::uint32_t>(buffer.shape[0]),
          planar ? 1U : static_cast<std::uint32_t>(buffer.shape[2]), bits};
}

/// The buffer stays exported, and so in place, until the copy is made.
Image from_pixels(const py::buffer& pixels, std::uint32_t bits, const std::string& name, const DecodeOptions& options) {
  const py::buffer_info buffer = pixels.request();
  const PixelView view = pixel_view(buffer, bits);
  return without_gil([&] { return Image::from_pixels(view, name, options.limits); });
}

/// height x width, or height x width x 3, read-only; the view keeps the picture alive.
py::buffer_info buffer_of(Image& image) {
  const auto sample = static_cast<py::ssize_t>(image.bytes_per_sample());
  const auto row = static_cast<py::ssize_t>(image.row_bytes());
  std::vector<py::ssize_t> shape{image.height(), image.width()};
  std::vector<py::ssize_t> strides{row, sample * image.channels()};
  if (image.channels() == 3) {
    shape.push_back(3);
    strides.push_back(sample);
  }
  const auto dimensions = static_cast<py::ssize_t>(shape.size());
  // buffer_info wants a mutable pointer even for a read-only buffer.
  auto* const data = const_cast<std::byte*>(image.pixels().data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const std::string format =
      sample == 1 ? py::format_descriptor<std::uint8_t>::format() : py::format_descriptor<std::uint16_t>::format();
  return {data, sample, format, dimensions, std::move(shape), std::move(strides), true};
}

}  // namespace

void register_image(py::module_& module) {
  py::class_<DecodeOptions>(module, "DecodeOptions")
      .def(py::init(&decode_options), py::kw_only(), py::arg("decoder"), py::arg("apply_orientation"),
           py::arg("fast_decode"), py::arg("max_pixels"), py::arg("max_side"), py::arg("max_decoded_bytes"),
           py::arg("max_file_bytes"));

  py::class_<Image>(module, "Image", py::buffer_protocol())
      .def_static("decode", &decode, py::arg("data"), py::arg("options"), py::arg("name"))
      .def_static("read", &read, py::arg("path"), py::arg("options"))
      .def_static("from_pixels", &from_pixels, py::arg("pixels"), py::arg("bits"), py::arg("name"), py::arg("options"))
      .def("to_json", [](const Image& image) { return to_json(image); })
      .def_property_readonly("width", &Image::width)
      .def_property_readonly("height", &Image::height)
      .def_property_readonly("channels", &Image::channels)
      .def_property_readonly("bits", &Image::bits)
      .def_property_readonly("name", [](const Image& image) { return text(image.info().name); })
      .def_buffer(&buffer_of);
}

}  // namespace mediscan::python
