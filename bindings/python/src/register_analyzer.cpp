// Analyses: at once, handed in for later, or of many. Everything here may block, so the GIL is away.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <mediscan/analyzer.hpp>
#include <mediscan/preprocess.hpp>
#include <mediscan/system.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "errors.hpp"
#include "registers.hpp"
#include "result_caster.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

/// Encoded bytes, which are immutable and held by the caller, or a decoded picture.
using Picture = std::variant<const Image*, py::bytes>;

Priority priority_named(const std::string& name) {
  for (const auto& [priority, its_name] :
       {std::pair{Priority::normal, "normal"}, {Priority::high, "high"}, {Priority::low, "low"}}) {
    if (name == its_name) return priority;
  }
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no priority \"" + name + "\"",
              "give \"low\", \"normal\" or \"high\"");
}

std::chrono::nanoseconds timeout_of(const std::optional<double>& seconds) {
  if (!seconds) return {};
  if (!(*seconds > 0)) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "timeout is not a number of seconds above 0",
                "leave it out, or give None, for a job that has all the time it takes");
  }
  return duration_of(*seconds);
}

JobOptions job_options(std::string name, const DecodeOptions& decode, const std::optional<double>& timeout,
                       const std::string& priority, bool cache) {
  JobOptions options;
  options.name = std::move(name);
  options.decode = decode;
  options.timeout = timeout_of(timeout);
  options.priority = priority_named(priority);
  options.cache = cache;
  return options;
}

/// What `call` says of a picture, without the GIL.
template <class Call>
auto with_picture(const Picture& picture, Call&& call) {
  if (const auto* image = std::get_if<const Image*>(&picture)) return without_gil([&] { return call(**image); });
  const std::string_view view(std::get<py::bytes>(picture));
  return without_gil([&] { return call(std::as_bytes(std::span(view))); });
}

Result analyze(const Analyzer& analyzer, const Picture& picture, std::string name, const DecodeOptions& decode,
               const std::optional<double>& timeout, const std::string& priority, bool cache) {
  const JobOptions options = job_options(std::move(name), decode, timeout, priority, cache);
  return with_picture(picture, [&](const auto& of) { return analyzer.analyze(of, options); });
}

std::shared_ptr<Job> submit(const Analyzer& analyzer, const Picture& picture, std::string name,
                            const DecodeOptions& decode, const std::optional<double>& timeout,
                            const std::string& priority, bool cache,
                            std::optional<std::shared_ptr<CompletionQueue>> completions, std::uint64_t tag) {
  JobOptions options = job_options(std::move(name), decode, timeout, priority, cache);
  if (completions) options.completions = *std::move(completions);
  options.tag = tag;
  return with_picture(picture, [&](const auto& of) { return make_object<Job>(analyzer.submit(of, options)); });
}

Tensor tensor_of(const Analyzer& analyzer, const Image& image) {
  return without_gil([&] { return preprocess(image, analyzer.model().bundle().input); });
}

py::buffer_info buffer_of(Tensor& tensor) {
  constexpr py::ssize_t value = sizeof(float);
  const py::ssize_t channels = tensor.channels;
  const py::ssize_t height = tensor.height;
  const py::ssize_t width = tensor.width;
  if (tensor.layout == Layout::nchw) {
    return {tensor.values.data(), {channels, height, width}, {height * width * value, width * value, value}};
  }
  return {tensor.values.data(), {height, width, channels}, {width * channels * value, channels * value, value}};
}

/// True when no load is in flight any more.
bool wait(const Analyzer& analyzer, std::optional<double> seconds) {
  return wait_in_slices(seconds, [&](std::chrono::nanoseconds slice) { return analyzer.model().wait_for(slice); });
}

}  // namespace

void register_analyzer(py::module_& module) {
  py::class_<Tensor>(module, "Tensor", py::buffer_protocol()).def_buffer(&buffer_of);

  py::class_<Analyzer, std::shared_ptr<Analyzer>>(module, "Analyzer")
      .def("analyze", &analyze, py::arg("picture").none(false), py::arg("name"), py::arg("decode"), py::arg("timeout"),
           py::arg("priority"), py::arg("cache"))
      .def("submit", &submit, py::arg("picture").none(false), py::arg("name"), py::arg("decode"), py::arg("timeout"),
           py::arg("priority"), py::arg("cache"), py::arg("completions"), py::arg("tag"))
      .def("preprocess", &tensor_of, py::arg("image"))
      .def("as_skin", [](const Analyzer& of) { return make_object<Analyzer>(SkinAnalyzer(of.model())); })
      .def("as_radiology", [](const Analyzer& of) { return make_object<Analyzer>(RadiologyAnalyzer(of.model())); })
      .def("status_json", [](const Analyzer& of) { return to_json(of.model().status()); })
      .def("wait", &wait, py::arg("seconds"))
      .def("raise_failure", [](const Analyzer& of) { without_gil([&] { of.model().wait(); }); })
      .def("bundle_json", [](const Analyzer& of) { return to_json(of.model().bundle()); });
}

}  // namespace mediscan::python
