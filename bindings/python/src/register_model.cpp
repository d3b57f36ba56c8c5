// Models and their manager: loading, analysing, preprocessing, unloading. Everything here may block, so the GIL is
// away.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <mediscan/analyzer.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/preprocess.hpp>
#include <mediscan/system.hpp>
#include <string>
#include <vector>

#include "errors.hpp"
#include "log_queue.hpp"
#include "registers.hpp"
#include "result_caster.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

using AnalyzerPointer = std::shared_ptr<Analyzer>;

std::shared_ptr<ModelManager> make_manager(int threads, const py::bytes& libtorch) {
  return without_gil([options = ManagerOptions{threads, path_of(libtorch), queueing_log()}] {
    return make_object<ModelManager>(options);
  });
}

Fallback fallback_named(const std::string& name) {
  if (name == "never") return Fallback::never;
  if (name == "mock") return Fallback::mock;
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no fallback \"" + name + "\"",
              "give \"never\" or \"mock\"");
}

AnalyzerPointer load(ModelManager& manager, const py::bytes& bundle, const std::string& backend,
                     const std::string& device, const std::string& precision, const std::string& fallback,
                     int max_batch) {
  const LoadOptions options{backend, device, precision, fallback_named(fallback), max_batch};
  return without_gil([&, folder = path_of(bundle)] { return make_object<Analyzer>(manager.load(folder, options)); });
}

std::vector<std::string> status_of_all(const ModelManager& manager) {
  return without_gil([&] {
    std::vector<std::string> all;
    for (const ModelStatus& status : manager.status()) all.push_back(to_json(status));
    return all;
  });
}

Result analyze(const Analyzer& analyzer, const Image& image) {
  return without_gil([&] { return analyzer.analyze(image); });
}

py::typing::List<ResultOrError> analyze_batch(const Analyzer& analyzer, const std::vector<Image>& images) {
  const auto outcomes = without_gil([&] { return analyzer.analyze_batch(images); });
  py::typing::List<ResultOrError> list;
  for (const auto& outcome : outcomes) {
    list.append(outcome ? python_result(outcome.value()) : exception_of(outcome.error()));
  }
  return list;
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

}  // namespace

void register_model(py::module_& module) {
  py::class_<Tensor>(module, "Tensor", py::buffer_protocol()).def_buffer(&buffer_of);

  py::class_<Analyzer, AnalyzerPointer>(module, "Analyzer")
      .def("analyze", &analyze, py::arg("image"))
      .def("analyze_batch", &analyze_batch, py::arg("images"))
      .def("preprocess", &tensor_of, py::arg("image"))
      .def("as_skin", [](const Analyzer& of) { return make_object<Analyzer>(SkinAnalyzer(of.model())); })
      .def("as_radiology", [](const Analyzer& of) { return make_object<Analyzer>(RadiologyAnalyzer(of.model())); })
      .def("status_json", [](const Analyzer& of) { return to_json(of.model().status()); })
      .def("bundle_json", [](const Analyzer& of) { return to_json(of.model().bundle()); });

  py::class_<ModelManager, std::shared_ptr<ModelManager>>(module, "ModelManager")
      .def(py::init(&make_manager), py::kw_only(), py::arg("threads"), py::arg("libtorch"))
      .def("load", &load, py::arg("bundle"), py::kw_only(), py::arg("backend"), py::arg("device"), py::arg("precision"),
           py::arg("fallback"), py::arg("max_batch"))
      .def(
          "unload",
          [](ModelManager& manager, const Analyzer& analyzer) {
            return without_gil([&] { return manager.unload(analyzer.model()); });
          },
          py::arg("model"))
      .def("status_json", &status_of_all);
}

}  // namespace mediscan::python
