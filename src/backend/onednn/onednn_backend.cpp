// The onednn backend: oneDNN at run time behind the Backend interface. Finding oneDNN and the networks themselves are
// in their own files; this one wires them together.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <variant>

#include "backend/batch_limits.hpp"
#include "backend/builtin.hpp"
#include "backend/cpu.hpp"
#include "backend/network/fitting.hpp"
#include "backend/onednn/crew.hpp"
#include "backend/onednn/densenet.hpp"
#include "backend/onednn/libdnnl.hpp"
#include "backend/onednn/plan.hpp"
#include "backend/onednn/resnet.hpp"
#include "backend/onednn/thread_scope.hpp"

namespace mediscan::backend {
namespace onednn {
namespace {

DeviceInfo find_cpu() {
  DeviceInfo cpu{"cpu", true, this_cpu().model, {}};
  if (this_cpu().avx2) cpu.precisions.emplace_back("int8");
  cpu.precisions.emplace_back("fp32");
  return cpu;
}

/// Whether int8 was asked for. Throws BACKEND_UNAVAILABLE (device), PRECISION_UNSUPPORTED.
bool require_offered(const std::string& device, const std::string& precision) {
  if (device != "auto" && device != "cpu") {
    throw Error(ErrorCode::backend_unavailable, Stage::backend,
                fmt::format("the onednn backend knows no device \"{}\"", device), "choose auto or cpu");
  }
  const auto offered = find_cpu().precisions;
  if (std::ranges::find(offered, precision) == offered.end()) {
    throw Error(ErrorCode::precision_unsupported, Stage::backend,
                fmt::format("the onednn backend does not offer precision {} on this CPU, it offers {}", precision,
                            fmt::join(offered, ", ")),
                "choose precision fp32");
  }
  return precision == "int8";
}

using Network = std::variant<ResNet, DenseNet>;

/// The network of a bundle with its weights taken, every fault of them checked.
Network build(const OpenRequest& request, bool quantized) {
  const Architecture& architecture = request.bundle.architecture;
  if (architecture.in_channels == 0 || architecture.outputs == 0) {
    throw Error(ErrorCode::bundle_invalid, Stage::backend, "architecture: in_channels and outputs must be at least 1");
  }
  const auto resnet = ResNetConfig::from(architecture);
  const auto densenet = DenseNetConfig::from(architecture);
  if (!resnet && !densenet) refuse_architecture(architecture.name);
  Weights weights(request.weights);
  require_fitting(weights, quantized ? Precision::int8 : Precision::fp32);
  const bool narrow = !this_cpu().vnni;
  Network network = resnet ? Network(ResNet(weights, *resnet, quantized, narrow))
                           : Network(DenseNet(weights, *densenet, quantized, narrow));
  weights.check();
  return network;
}

std::int64_t minimum_side(const Network& network) {
  const auto* densenet = std::get_if<DenseNet>(&network);
  return densenet == nullptr ? 1 : densenet->minimum_side();
}

class OnednnSession final : public Session {
 public:
  OnednnSession(const OpenRequest& request, bool quantized)
      : precision_(request.precision),
        threads_(request.threads),
        network_(build(request, quantized)),
        limits_{static_cast<std::uint32_t>(request.max_batch), request.bundle.architecture.in_channels,
                request.bundle.architecture.outputs, minimum_side(network_)},
        size_(request.bundle.input_size()),
        crew_(processor_, threads_, [this](Plan& plan, Crew::Size size) { add_network(plan, 1, size); }) {
    const ThreadScope scope(threads_);
    for (std::uint32_t batch = 1; batch < limits_.max_batch; batch *= 2) prepare(batch, size_.first, size_.second);
    prepare(limits_.max_batch, size_.first, size_.second);
  }

  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) override {
    limits_.require(input, output);
    const ThreadScope scope(threads_);
    prepare(input.batch, input.height, input.width);
    const float* pictures = channels_last(input);
    if (crew_.takes(input.batch)) {
      crew_.run(pictures, input.batch, input.channels, {input.height, input.width}, output.logits, output.outputs,
                cancelled);
    } else {
      plans_.at({input.batch, input.height, input.width}).run(pictures, output.logits, cancelled);
    }
  }

  [[nodiscard]] std::string device() const override { return "cpu"; }
  [[nodiscard]] std::string precision() const override { return precision_; }
  [[nodiscard]] std::uint64_t memory_bytes() const override {
    return arena_.bytes() + crew_.bytes() + std::visit([](const auto& network) { return network.bytes(); }, network_);
  }

 private:
  /// Makes what a batch runs, unless that is there. Of the bundle's picture size one plan is kept for every batch that
  /// is not shared out, of other sizes the last that ran.
  void prepare(std::uint32_t batch, std::uint32_t height, std::uint32_t width) {
    if (crew_.takes(batch)) return crew_.prepare({height, width});
    const std::tuple key(batch, height, width);
    if (plans_.contains(key)) return;
    if (!is_usual(key)) std::erase_if(plans_, [&](const auto& plan) { return !is_usual(plan.first); });
    Plan plan(processor_, arena_, threads_);
    add_network(plan, batch, {height, width});
    plans_.emplace(key, std::move(plan));
  }
  void add_network(Plan& plan, std::int64_t batch, Crew::Size size) {
    const Activation pictures{Slot::pictures, batch, limits_.channels, size.first, size.second, DataType::f32, {}};
    std::visit([&](auto& network) { network.add_to(plan, pictures); }, network_);
  }
  [[nodiscard]] bool is_usual(const std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>& key) const {
    return std::pair(std::get<1>(key), std::get<2>(key)) == size_;
  }

  /// The pictures where they lie when they are NHWC already, else rearranged.
  const float* channels_last(const BatchInput& input) {
    if (input.layout == Layout::nhwc || input.channels == 1) return input.data;
    const std::int64_t channels = input.channels;
    const std::int64_t area = std::int64_t{input.height} * input.width;
    float* to = pictures_.reserve(input.batch * channels * area);
    parallel_for(input.batch * area, rearranged_per_part, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        const float* from = input.data + pixel / area * area * channels + pixel % area;
        for (std::int64_t c = 0; c < channels; ++c) to[pixel * channels + c] = from[c * area];
      }
    });
    return to;
  }

  static constexpr std::int64_t rearranged_per_part = 16384;  // pixels worth another thread's start

  std::string precision_;
  int threads_;
  Processor processor_;  // before what is made of it
  Network network_;
  BatchLimits limits_;
  std::pair<std::uint32_t, std::uint32_t> size_;  // height and width of the bundle's pictures
  Crew crew_;
  Arena arena_;
  Scratch pictures_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Plan> plans_;  // by batch, height, width
};

class OnednnBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "onednn"; }

  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    return backend_info(name(), find_libdnnl, [](const RuntimeReport&) { return std::vector{find_cpu()}; });
  }

  std::unique_ptr<Session> open(const OpenRequest& request) override {
    require_numbers(request);
    const RuntimeReport report = find_libdnnl();
    if (!report.available)
      throw Error(ErrorCode::backend_unavailable, Stage::backend, "onednn: " + report.reason, report.hint);
    return std::make_unique<OnednnSession>(request, require_offered(request.device, request.precision));
  }
};

}  // namespace
}  // namespace onednn

std::shared_ptr<Backend> make_onednn_backend() { return std::make_shared<onednn::OnednnBackend>(); }

}  // namespace mediscan::backend
