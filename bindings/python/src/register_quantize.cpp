// From a float32 bundle to its int8 sibling.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <mediscan/quantize.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {

/// The exception of a picture that could not be used, not raised.
class PictureError : public py::object {
  using py::object::object;
};

}  // namespace mediscan::python

namespace pybind11::detail {

template <>
struct handle_type_name<mediscan::python::PictureError> {
  static constexpr auto name = const_name("mediscan.errors.Error");
};

}  // namespace pybind11::detail

namespace mediscan::python {
namespace {

using Unused = py::typing::Tuple<py::bytes, PictureError>;  // path and error
using Report = py::typing::Tuple<py::str, py::typing::List<Unused>>;

Calibration calibration_named(const std::string& name) {
  constexpr std::array all{Calibration::min_max, Calibration::percentile, Calibration::mse, Calibration::entropy};
  for (const Calibration each : all) {
    if (name_of(each) == name) return each;
  }
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no calibration \"" + name + "\"",
              "give \"mse\", \"entropy\", \"percentile\" or \"min_max\"");
}

QuantizeOptions quantize_options(const std::string& calibration, double percentile, double probability_tolerance,
                                 std::optional<double> min_agreement, std::optional<std::uint32_t> keep_higher,
                                 int threads, const py::bytes& libtorch, const DecodeOptions& decode) {
  QuantizeOptions options;
  options.calibration = calibration_named(calibration);
  options.percentile = percentile;
  options.probability_tolerance = probability_tolerance;
  options.min_agreement = min_agreement;
  options.keep_higher = keep_higher;
  options.threads = threads;
  options.libtorch = path_of(libtorch);
  options.decode = decode;
  return options;
}

/// Tells `callback`, where there is one, and lets Ctrl-C and what `callback` raises end the work.
QuantizeProgress telling(const py::object& callback) {
  return [&callback](std::string_view phase, double done) {
    const py::gil_scoped_acquire held;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!callback.is_none()) callback(text(phase), done);
  };
}

/// The report as JSON, and the pictures that could not be used.
Report quantize_bundle(const py::bytes& bundle, const py::bytes& destination, const std::vector<py::bytes>& pictures,
                       QuantizeOptions options, const py::object& progress) {
  options.progress = telling(progress);
  std::vector<std::filesystem::path> paths;
  for (const py::bytes& picture : pictures) paths.push_back(path_of(picture));
  const QuantizeReport report = without_gil(
      [&, from = path_of(bundle), to = path_of(destination)] { return quantize(from, to, paths, options); });
  py::typing::List<Unused> unused;
  for (const UnusedPicture& picture : report.unused) {
    unused.append(py::make_tuple(py::bytes(picture.path.string()), exception_of(picture.error)));
  }
  return py::make_tuple(text(to_json(report)), unused);
}

}  // namespace

void register_quantize(py::module_& module) {
  py::class_<QuantizeOptions>(module, "QuantizeOptions")
      .def(py::init(&quantize_options), py::kw_only(), py::arg("calibration"), py::arg("percentile"),
           py::arg("probability_tolerance"), py::arg("min_agreement"), py::arg("keep_higher"), py::arg("threads"),
           py::arg("libtorch"), py::arg("decode"));
  module.def("quantize", &quantize_bundle, py::arg("bundle"), py::arg("destination"), py::arg("pictures"),
             py::arg("options"), py::arg("progress"));
}

}  // namespace mediscan::python
