// A MediScan process that Python steers: one JSON request a line on standard input, one JSON answer a line on standard
// output. It uses the public API alone. For the parity suite and the benchmarks, which must put the very same tensors
// through both sides.
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <mediscan/mediscan.hpp>

#include "capture.hpp"

namespace {

using nlohmann::json;

std::vector<char> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_floats(const std::string& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

template <class Action>
double milliseconds(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// A backend session opened by hand, so that tensors go in as they are.
struct OpenSession {
  mediscan::Bundle bundle;
  std::unique_ptr<mediscan::Session> session;
};

class Driver {
 public:
  Driver() { mediscan::register_backend(std::make_shared<CaptureBackend>(captured_)); }

  json answer(const json& request) {
    const std::string op = request.at("op");
    if (op == "info") return json::parse(mediscan::to_json(mediscan::system_report()));
    if (op == "preprocess") return preprocess(request);
    if (op == "open") return open(request);
    if (op == "close") return close(request);
    if (op == "forward") return forward(request);
    if (op == "load") return load(request);
    if (op == "unload") return unload(request);
    if (op == "analyze") return analyze(request);
    throw std::runtime_error("unknown op " + op);
  }

 private:
  static mediscan::DecodeOptions decode_options(const json& request) {
    mediscan::DecodeOptions options;
    if (request.value("decoder", "auto") == "stb") options.decoder = mediscan::Decoder::stb;
    options.apply_orientation = request.value("apply_orientation", false);
    options.fast_decode = request.value("fast_decode", false);
    return options;
  }

  static json preprocess(const json& request) {
    const auto bundle = mediscan::Bundle::read(request.at("bundle").get<std::string>());
    const auto image = mediscan::Image::read(request.at("picture").get<std::string>(), decode_options(request));
    mediscan::Tensor tensor;
    const double ms = milliseconds([&] { tensor = mediscan::preprocess(image, bundle.input); });
    write_floats(request.at("out"), tensor.values);
    return {{"channels", tensor.channels}, {"height", tensor.height}, {"width", tensor.width}, {"ms", ms}};
  }

  json open(const json& request) {
    auto opened = std::make_unique<OpenSession>();
    opened->bundle = mediscan::Bundle::read(request.at("bundle").get<std::string>());
    std::vector<std::vector<char>> files;
    std::vector<mediscan::WeightsView> views;
    for (const auto& weights : opened->bundle.weights) {
      files.push_back(read_all((opened->bundle.directory / weights.file).string()));
      views.push_back({weights.file, weights.format, weights.sha256, std::as_bytes(std::span(files.back()))});
    }
    const std::string name = request.value("backend", "torch");
    for (const auto& backend : mediscan::registered_backends()) {
      if (backend->name() != name) continue;
      opened->session = backend->open({opened->bundle,
                                       views,
                                       request.value("device", "cpu"),
                                       request.value("precision", "fp32"),
                                       request.value("threads", 2),
                                       request.value("max_batch", 8),
                                       {}});
      const std::string version = backend->probe({}).version;
      sessions_[next_] = std::move(opened);
      return {{"id", next_++}, {"version", version}};
    }
    throw std::runtime_error("no backend " + name);
  }

  json close(const json& request) {
    sessions_.erase(request.at("id").get<int>());
    return json::object();
  }

  /// `repeat` timed runs of one batch; the logits of the last go to `out`.
  json forward(const json& request) {
    OpenSession& opened = *sessions_.at(request.at("id").get<int>());
    const auto raw = read_all(request.at("tensor"));
    std::vector<float> tensor(raw.size() / sizeof(float));
    std::copy(raw.begin(), raw.end(), reinterpret_cast<char*>(tensor.data()));
    const auto [height, width] = opened.bundle.input_size();
    const auto batch = request.at("batch").get<std::uint32_t>();
    const std::uint32_t outputs = opened.bundle.architecture.outputs;
    const mediscan::BatchInput input{tensor.data(), batch, opened.bundle.architecture.in_channels,
                                     height,        width, mediscan::Layout::nchw};
    if (tensor.size() != std::size_t{batch} * input.channels * height * width) throw std::runtime_error("tensor size");
    std::vector<float> logits(std::size_t{batch} * outputs);
    const std::atomic<bool> never{false};
    json times = json::array();
    for (int i = 0; i < request.value("repeat", 1); ++i) {
      times.push_back(milliseconds([&] { opened.session->run(input, {logits.data(), batch, outputs}, never); }));
    }
    if (request.contains("out")) write_floats(request.at("out"), logits);
    return {{"ms", times}};
  }

  json load(const json& request) {
    mediscan::LoadOptions options;
    options.backend = request.value("backend", "torch");
    options.max_batch = request.value("max_batch", 8);
    options.precision = request.value("precision", "fp32");
    options.profile = "off";  // what this user has tuned is not what is compared
    if (!manager_) {
      mediscan::ManagerOptions manager;
      manager.threads = request.value("threads", 0);
      manager_.emplace(manager);
    }
    std::optional<mediscan::Model> model;
    const double ms = milliseconds([&] { model = manager_->load(request.at("bundle").get<std::string>(), options); });
    models_.emplace(next_, *model);
    return {{"id", next_++}, {"ms", ms}, {"status", json::parse(mediscan::to_json(model->status()))}};
  }

  json unload(const json& request) {
    const auto found = models_.find(request.at("id").get<int>());
    const bool done = manager_->unload(found->second);
    models_.erase(found);
    return {{"unloaded", done}, {"resident_bytes", mediscan::system_report().resident_bytes}};
  }

  /// Bytes to findings, `repeat` times; the file is read once, outside the clock. `prepare_ms` is decoding and
  /// preprocessing alone. With a model of the backend "capture" the tensor of the last goes to `out`.
  json analyze(const json& request) {
    const mediscan::Analyzer analyzer(models_.at(request.at("id").get<int>()));
    const auto bytes = read_all(request.at("picture"));
    json times = json::array();
    json prepare_times = json::array();
    std::string result;
    for (int i = 0; i < request.value("repeat", 1); ++i) {
      std::optional<mediscan::Result> last;
      times.push_back(milliseconds(
          [&] { last = analyzer.analyze(std::as_bytes(std::span(bytes)), {.decode = decode_options(request)}); }));
      prepare_times.push_back(last->timing_ms.decode + last->timing_ms.preprocess);
      result = mediscan::to_json(*last);
    }
    if (request.contains("out")) write_floats(request.at("out"), captured_->values());
    return {{"ms", times},
            {"prepare_ms", prepare_times},
            {"result", json::parse(result)},
            {"resident_bytes", mediscan::system_report().resident_bytes}};
  }

  std::shared_ptr<Captured> captured_ = std::make_shared<Captured>();
  std::optional<mediscan::ModelManager> manager_;
  std::map<int, std::unique_ptr<OpenSession>> sessions_;
  std::map<int, mediscan::Model> models_;
  int next_ = 1;
};

}  // namespace

int main() {
  Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    json reply;
    try {
      reply = driver.answer(json::parse(line));
    } catch (const mediscan::Error& error) {
      reply = {{"error", error.message()}, {"code", mediscan::name_of(error.code())}};
    } catch (const std::exception& error) {
      reply = {{"error", error.what()}, {"code", "DRIVER"}};
    }
    std::cout << reply.dump() << std::endl;
  }
}
