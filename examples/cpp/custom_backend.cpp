// A backend of your own, complete: it opens bundles of one architecture, "mean_color_linear", a linear classifier on
// the mean colour of a picture. Everything else (decoding, preprocessing, hashes, self-test, records) is MediScan's,
// the same as for the backends it ships.
//
//   custom_backend examples/cpp/mean-color PICTURE...
#include <mediscan/mediscan.hpp>

#include <array>
#include <charconv>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using mediscan::Error;
using mediscan::ErrorCode;
using mediscan::Stage;

/// The float32 values of one tensor of a safetensors file: 8 bytes of header length, a JSON header, the data. MediScan
/// has checked the file's hash; that it is well formed is for its reader to check. (A real backend would use a JSON
/// library here.)
std::vector<float> read_tensor(const mediscan::WeightsView& file, const std::string& name, std::size_t count) {
  const auto fail = [&](const char* why) {
    return Error(ErrorCode::bundle_invalid, Stage::backend, file.file + ": tensor " + name + " " + why);
  };
  std::uint64_t header_size = 0;
  if (file.bytes.size() < sizeof(header_size)) throw fail("cannot be there: the file is too short");
  std::memcpy(&header_size, file.bytes.data(), sizeof(header_size));
  if (header_size > file.bytes.size() - sizeof(header_size))
    throw fail("cannot be there: the header is longer than the file");
  const std::string_view header(reinterpret_cast<const char*>(file.bytes.data()) + sizeof(header_size), header_size);
  const auto data = file.bytes.subspan(sizeof(header_size) + header_size);

  constexpr std::string_view key = "\"data_offsets\":[";
  const auto entry = header.find('"' + name + "\":{\"dtype\":\"F32\"");
  const auto offsets = entry == std::string_view::npos ? entry : header.find(key, entry);
  if (offsets == std::string_view::npos) throw fail("is missing, or is not F32");
  std::size_t begin = 0;
  std::from_chars(header.data() + offsets + key.size(), header.data() + header.size(), begin);
  const std::size_t bytes = count * sizeof(float);
  if (begin > data.size() || data.size() - begin < bytes) throw fail("lies beyond the end of the file");
  std::vector<float> values(count);
  std::memcpy(values.data(), data.data() + begin, bytes);
  return values;
}

/// An opened model. MediScan makes it, uses it and destroys it on one thread, so it needs no lock.
class MeanColorSession final : public mediscan::Session {
 public:
  explicit MeanColorSession(const mediscan::OpenRequest& request)
      : outputs_(request.bundle.architecture.outputs),
        weight_(read_tensor(request.weights.front(), "weight", std::size_t{outputs_} * 3)),
        bias_(read_tensor(request.weights.front(), "bias", outputs_)) {}

  void run(const mediscan::BatchInput& input, const mediscan::BatchOutput& output,
           const std::atomic<bool>& cancelled) override {
    if (input.channels != 3 || output.outputs != outputs_ || output.batch != input.batch) {
      throw Error(ErrorCode::invalid_argument, Stage::backend, "a batch that does not fit this network");
    }
    for (std::uint32_t picture = 0; picture < input.batch; ++picture) {
      if (cancelled) throw Error(ErrorCode::cancelled, Stage::backend, "cancelled between two pictures");
      const std::array<float, 3> mean = mean_color(input, picture);
      for (std::uint32_t o = 0; o < outputs_; ++o) {
        float logit = bias_[o];
        for (std::size_t c = 0; c < mean.size(); ++c) logit += weight_[o * mean.size() + c] * mean[c];
        output.logits[std::size_t{picture} * outputs_ + o] = logit;
      }
    }
  }

  [[nodiscard]] std::string device() const override { return "cpu"; }
  [[nodiscard]] std::string precision() const override { return "fp32"; }

 private:
  static std::array<float, 3> mean_color(const mediscan::BatchInput& input, std::uint32_t picture) {
    const std::size_t area = std::size_t{input.height} * input.width;
    const float* values = input.data + picture * area * 3;
    const bool nhwc = input.layout == mediscan::Layout::nhwc;
    std::array<double, 3> sum{};
    for (std::size_t pixel = 0; pixel < area; ++pixel) {
      for (std::size_t c = 0; c < 3; ++c) sum[c] += values[nhwc ? pixel * 3 + c : c * area + pixel];
    }
    std::array<float, 3> mean{};
    for (std::size_t c = 0; c < 3; ++c) mean[c] = static_cast<float>(sum[c] / static_cast<double>(area));
    return mean;
  }

  std::uint32_t outputs_;
  std::vector<float> weight_;  // outputs x 3
  std::vector<float> bias_;
};

/// What MediScan asks about a runtime: what is there, and will it open this bundle.
class MeanColorBackend final : public mediscan::Backend {
 public:
  [[nodiscard]] std::string name() const override { return "mean-color"; }

  [[nodiscard]] mediscan::BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    mediscan::BackendInfo info;
    info.name = name();
    info.version = "1.0";
    info.available = true;
    info.devices = {{"cpu", true, "any", {"fp32"}}};
    return info;
  }

  std::unique_ptr<mediscan::Session> open(const mediscan::OpenRequest& request) override {
    const mediscan::Architecture& architecture = request.bundle.architecture;
    // UNSUPPORTED lets `auto` go on to the next backend; BUNDLE_INVALID ends the search.
    if (architecture.name != "mean_color_linear") {
      throw Error(ErrorCode::unsupported, Stage::backend,
                  "mean-color knows no architecture \"" + architecture.name + '"');
    }
    if (architecture.in_channels != 3 || request.weights.size() != 1) {
      throw Error(ErrorCode::bundle_invalid, Stage::backend, "mean_color_linear takes 3 channels and one weights file");
    }
    if (request.device != "auto" && request.device != "cpu") {
      throw Error(ErrorCode::backend_unavailable, Stage::backend, "mean-color has no device \"" + request.device + '"',
                  "choose auto or cpu");
    }
    if (request.precision != "fp32") {
      throw Error(ErrorCode::precision_unsupported, Stage::backend,
                  "mean-color computes in fp32, not " + request.precision);
    }
    return std::make_unique<MeanColorSession>(request);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: custom_backend BUNDLE PICTURE...\n";
    return 2;
  }
  try {
    mediscan::register_backend(std::make_shared<MeanColorBackend>());
    mediscan::ModelManager manager;
    const mediscan::Analyzer analyzer{manager.load(arguments[1])};
    for (int i = 2; i < count; ++i) {
      const auto result = analyzer.analyze(mediscan::Image::read(arguments[i]));
      std::cout << result.input.name << " (" << result.execution.backend << ' ' << result.execution.backend_version
                << ", " << result.execution.device << ")\n";
      for (const auto& finding : result.findings) {
        std::cout << "  " << std::left << std::setw(14) << finding.label << std::fixed << std::setprecision(3)
                  << finding.probability.value_or(0) << '\n';
      }
    }
  } catch (const Error& error) {
    std::cerr << mediscan::name_of(error.code()) << ": " << error.message() << '\n';
    if (!error.hint().empty()) std::cerr << "  " << error.hint() << '\n';
    return 1;
  }
  return 0;
}
