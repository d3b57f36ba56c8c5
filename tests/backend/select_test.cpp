#include "backend/select.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "backend/builtin.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"

namespace mediscan::backend {
namespace {

using test::error_of;

/// Opens, or throws what it is given.
class OneAnswer final : public Backend {
 public:
  OneAnswer(std::string name, std::function<void()> act) : name_(std::move(name)), act_(std::move(act)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override { return {}; }
  std::unique_ptr<Session> open(const OpenRequest& request) override {
    act_();
    return make_mock_backend()->open(request);
  }

 private:
  std::string name_;
  std::function<void()> act_;
};

std::shared_ptr<Backend> refusing(const std::string& name, ErrorCode code) {
  return std::make_shared<OneAnswer>(name, [=] { throw Error(code, Stage::backend, name + " cannot"); });
}
std::shared_ptr<Backend> willing(const std::string& name) {
  return std::make_shared<OneAnswer>(name, [] {});
}

struct Fixture {
  test::TemporaryBundle folder;
  Bundle bundle = Bundle::read(folder.path());
  int weights_read = 0;

  Opened open(const LoadOptions& options, const std::vector<std::shared_ptr<Backend>>& backends) {
    const OpenContext context{bundle,
                              [this]() -> std::span<const WeightsView> {
                                ++weights_read;
                                return {};
                              },
                              1,
                              {},
                              {}};
    return open_session(context, options, backends);
  }
};

LoadOptions options_for(const std::string& backend, Fallback fallback = Fallback::never) {
  LoadOptions options;
  options.backend = backend;
  options.fallback = fallback;
  return options;
}

TEST_CASE("auto takes the first real backend that opens the bundle") {
  Fixture fixture;
  const auto opened = fixture.open(
      options_for("auto"), {refusing("a", ErrorCode::unsupported), willing("b"), willing("c"), make_mock_backend()});
  CHECK(opened.backend->name() == "b");
  CHECK_FALSE(opened.fallback_reason.has_value());
}

TEST_CASE("auto never takes mock by itself: the refusals are quoted and the hint names the doctor") {
  Fixture fixture;
  const Error error = error_of([&] {
    fixture.open(options_for("auto"), {refusing("a", ErrorCode::precision_unsupported),
                                       refusing("b", ErrorCode::unsupported), make_mock_backend()});
  });
  CHECK(error.code() == ErrorCode::backend_unavailable);
  CHECK(test::contains(error.message(), "a cannot"));
  CHECK(test::contains(error.message(), "b cannot"));
  CHECK(test::contains(error.hint(), "doctor"));
}

TEST_CASE("a backend that is not on this machine does not hide why the others refused") {
  Fixture fixture;
  const auto code_for = [&](std::vector<std::shared_ptr<Backend>> backends) {
    backends.push_back(make_mock_backend());
    const Error error = error_of([&] { fixture.open(options_for("auto"), backends); });
    CHECK(test::contains(error.message(), "a cannot"));
    CHECK(test::contains(error.message(), "b cannot"));
    return error.code();
  };
  const auto unavailable = ErrorCode::backend_unavailable;
  CHECK(code_for({refusing("a", unavailable), refusing("b", ErrorCode::precision_unsupported)}) ==
        ErrorCode::precision_unsupported);
  CHECK(code_for({refusing("a", ErrorCode::unsupported), refusing("b", unavailable),
                  refusing("c", ErrorCode::unsupported)}) == ErrorCode::unsupported);
  CHECK(code_for({refusing("a", unavailable), refusing("b", unavailable)}) == unavailable);
}

TEST_CASE("a single refusal keeps its code") {
  Fixture fixture;
  const Error error = error_of([&] {
    fixture.open(options_for("auto"), {refusing("a", ErrorCode::precision_unsupported), make_mock_backend()});
  });
  CHECK(error.code() == ErrorCode::precision_unsupported);
  CHECK(error.message() == "a cannot");
}

TEST_CASE("with no real backend at all, auto says so") {
  Fixture fixture;
  CHECK(error_of([&] { fixture.open(options_for("auto"), {make_mock_backend()}); }).code() ==
        ErrorCode::backend_unavailable);
}

TEST_CASE("mock stands in only when the caller allowed it, and the reason goes along") {
  Fixture fixture;
  LoadOptions options = options_for("a", Fallback::mock);
  options.device = "cuda:3";
  options.precision = "bf16";
  fixture.bundle.precision = PrecisionSpec{{"bf16"}, 0.01};
  const auto opened = fixture.open(options, {refusing("a", ErrorCode::backend_unavailable), make_mock_backend()});
  CHECK(opened.backend->name() == "mock");
  CHECK(opened.fallback_reason == "a cannot");
}

TEST_CASE("a named backend is the only one tried") {
  Fixture fixture;
  CHECK(error_of([&] {
          fixture.open(options_for("a"), {refusing("a", ErrorCode::unsupported), willing("b"), make_mock_backend()});
        }).message() == "a cannot");
}

TEST_CASE("a fault of the bundle ends the search, whatever the fallback") {
  Fixture fixture;
  for (const ErrorCode code : {ErrorCode::bundle_invalid, ErrorCode::hash_mismatch, ErrorCode::out_of_memory}) {
    CHECK(error_of([&] {
            fixture.open(options_for("auto", Fallback::mock), {refusing("a", code), willing("b"), make_mock_backend()});
          }).code() == code);
  }
}

TEST_CASE("an unknown backend is NOT_FOUND and the known ones are listed, fallback or not") {
  Fixture fixture;
  const Error error = error_of([&] {
    fixture.open(options_for("tensorflow", Fallback::mock), {willing("a"), make_mock_backend()});
  });
  CHECK(error.code() == ErrorCode::not_found);
  CHECK(test::contains(error.hint(), "\"a\", \"mock\""));
}

/// Lists these precisions on its device and opens those of `opens`, remembering what it was asked for.
class Precise final : public Backend {
 public:
  Precise(std::vector<std::string> lists, std::vector<std::string> opens)
      : lists_(std::move(lists)), opens_(std::move(opens)) {}
  [[nodiscard]] std::string name() const override { return "precise"; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.devices = {{"gone:0", false, "unplugged", {"int8"}}, {"chip:0", true, "a test's", lists_}};
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& request) override {
    asked.push_back(request.precision);
    if (std::ranges::find(opens_, request.precision) == opens_.end()) {
      throw Error(ErrorCode::precision_unsupported, Stage::backend, "this chip has no " + request.precision);
    }
    return make_mock_backend()->open({request.bundle, request.weights, "auto", "fp32", 1, 1, {}});
  }
  std::vector<std::string> asked;

 private:
  std::vector<std::string> lists_;
  std::vector<std::string> opens_;
};

using Names = std::vector<std::string>;

struct PreciseFixture : Fixture {
  /// Opened with precision "auto"; what was asked for stands in `asked`.
  Opened open_auto(const Names& lists, const Names& opens, const std::string& device = "auto") {
    LoadOptions options = options_for("precise");
    options.precision = "auto";
    options.device = device;
    const auto backend = std::make_shared<Precise>(lists, opens);
    const OpenContext context{bundle, [] { return std::span<const WeightsView>{}; }, 1, {}, left};
    try {
      Opened opened = open_session(context, options, {backend, make_mock_backend()});
      asked = backend->asked;
      return opened;
    } catch (...) {
      asked = backend->asked;
      throw;
    }
  }
  Names asked;
  std::vector<LeftPrecision> left;
};

TEST_CASE("precision auto is fp32 for a bundle that allows nothing else, whatever the device offers") {
  PreciseFixture fixture;
  CHECK(fixture.open_auto({"int8", "bf16", "fp32"}, {"int8", "bf16", "fp32"}).left.empty());
  CHECK(fixture.asked == Names{"fp32"});
}

TEST_CASE("precision auto takes the first that the device lists and the bundle allows") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"bf16", "int8"}, 0.01};
  fixture.open_auto({"int8", "bf16", "fp32"}, {"int8", "bf16", "fp32"});
  CHECK(fixture.asked == Names{"int8"});
  fixture.bundle.precision->allowed = {"bf16"};
  fixture.open_auto({"int8", "bf16", "fp32"}, {"int8", "bf16", "fp32"});
  CHECK(fixture.asked == Names{"bf16"});
  fixture.open_auto({"fp32", "bf16"}, {"fp32", "bf16"});  // a device on which fp32 is faster
  CHECK(fixture.asked == Names{"fp32"});
}

TEST_CASE("what the bundle allows and the device does not offer is left with the device's own reason") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"bf16", "int8"}, 0.01};
  const Opened opened = fixture.open_auto({"bf16", "fp32"}, {"fp32"});
  CHECK(fixture.asked == Names{"int8", "bf16", "fp32"});
  CHECK(reason_of(opened.left) == "int8: this chip has no int8; bf16: this chip has no bf16");
  CHECK_FALSE(reason_of({}).has_value());
}

TEST_CASE("a precision that was left before is not opened again, and stays in the reason") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"bf16", "int8"}, 0.01};
  fixture.left = {{"int8", "did not agree"}};
  const Opened opened = fixture.open_auto({"int8", "bf16", "fp32"}, {"int8", "bf16", "fp32"});
  CHECK(fixture.asked == Names{"bf16"});
  CHECK(reason_of(opened.left) == "int8: did not agree");
}

TEST_CASE("a bundle that fp32 cannot open is opened at what the device lists behind fp32") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"int8"}, 0.01};
  const Opened opened = fixture.open_auto({"fp32", "int8"}, {"int8"});
  CHECK(fixture.asked == Names{"fp32", "int8"});
  CHECK(opened.left.empty());  // fp32 is no faster precision that was left
}

TEST_CASE("precision auto looks at the device that was asked for, by its kind when it has no number") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"int8"}, 0.01};
  fixture.open_auto({"int8", "fp32"}, {"int8", "fp32"}, "chip");
  CHECK(fixture.asked == Names{"int8"});
}

TEST_CASE("when no precision opens the bundle the refusal is the backend's") {
  PreciseFixture fixture;
  fixture.bundle.precision = PrecisionSpec{{"int8"}, 0.01};
  const Error error = error_of([&] { fixture.open_auto({"int8", "fp32"}, {}); });
  CHECK(error.code() == ErrorCode::precision_unsupported);
  CHECK(test::contains(error.message(), "this chip has no fp32"));
}

/// Two usable devices; each opens what it lists, and `broken` fails.
class TwoDevices final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "two"; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.devices = {{"gpu:0", true, "a test's", {"fp16", "fp32"}}, {"chip", true, "a test's", {"int8", "fp32"}}};
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& request) override {
    asked.push_back(request.device + " " + request.precision);
    if (request.device == broken) throw Error(ErrorCode::out_of_memory, Stage::backend, "no memory on " + broken);
    const bool opens = request.device == "gpu:0"
                           ? request.precision == "fp16" || (floats && request.precision == "fp32")
                           : request.precision == (floats ? "fp32" : "int8");
    if (!opens) throw Error(ErrorCode::precision_unsupported, Stage::backend, request.device + " refuses");
    return make_mock_backend()->open({request.bundle, request.weights, "auto", "fp32", 1, 1, {}});
  }
  bool floats = true;  // the weights are no quantised ones
  std::string broken;
  Names asked;
};

TEST_CASE("device auto is the first that the backend lists, and the next only for weights that are not for it") {
  Fixture fixture;
  LoadOptions options = options_for("two");
  options.precision = "auto";
  const auto backend = std::make_shared<TwoDevices>();
  fixture.bundle.precision = PrecisionSpec{{"fp16", "int8"}, 0.01};
  fixture.open(options, {backend});
  CHECK(backend->asked == Names{"gpu:0 int8", "gpu:0 fp16"});

  backend->asked.clear();
  backend->floats = false;
  fixture.bundle.precision->allowed = {"int8"};
  fixture.open(options, {backend});
  CHECK(backend->asked == Names{"gpu:0 int8", "gpu:0 fp32", "chip int8"});

  backend->asked.clear();
  options.precision = "int8";
  fixture.open(options, {backend});
  CHECK(backend->asked == Names{"gpu:0 int8", "chip int8"});
}

TEST_CASE("a device that fails, or that was asked for by name, is never replaced by another") {
  Fixture fixture;
  LoadOptions options = options_for("two");
  const auto backend = std::make_shared<TwoDevices>();
  backend->broken = "gpu:0";
  CHECK(error_of([&] { fixture.open(options, {backend}); }).code() == ErrorCode::out_of_memory);
  CHECK(backend->asked == Names{"gpu:0 fp32"});
  backend->asked.clear();
  backend->broken.clear();
  backend->floats = false;
  options.device = "gpu:0";
  CHECK(error_of([&] { fixture.open(options, {backend}); }).code() == ErrorCode::precision_unsupported);
  CHECK(backend->asked == Names{"gpu:0 fp32"});
}

TEST_CASE("a precision below fp32 needs the bundle's leave, fallback or not") {
  Fixture fixture;
  LoadOptions options = options_for("a", Fallback::mock);
  options.precision = "int8";
  const auto refused = [&] { return error_of([&] { fixture.open(options, {willing("a"), make_mock_backend()}); }); };
  CHECK(refused().code() == ErrorCode::precision_unsupported);
  CHECK(test::contains(refused().message(), "allows fp32 alone, not int8"));
  CHECK(test::contains(refused().hint(), "mediscan.json"));
  fixture.bundle.precision = PrecisionSpec{{"bf16"}, 0.01};
  CHECK(test::contains(refused().message(), "allows fp32 and bf16, not int8"));
}

TEST_CASE("weights are read for a backend that needs them and spared for mock") {
  Fixture fixture;
  fixture.open(options_for("mock"), {willing("a"), make_mock_backend()});
  CHECK(fixture.weights_read == 0);
  fixture.open(options_for("a"), {willing("a"), make_mock_backend()});
  CHECK(fixture.weights_read == 1);
}

TEST_CASE("whatever a backend throws while opening is an Error that names it") {
  Fixture fixture;
  const auto thrown_by = [&](std::function<void()> act) {
    return error_of([&] {
      fixture.open(options_for("a"), {std::make_shared<OneAnswer>("a", act), make_mock_backend()});
    });
  };
  const Error standard = thrown_by([] { throw std::runtime_error("no luck"); });
  CHECK(standard.code() == ErrorCode::backend_failed);
  CHECK(standard.message() == "backend a: no luck");
  CHECK(thrown_by([] { throw 7; }).code() == ErrorCode::backend_failed);
  CHECK(thrown_by([] { throw std::bad_alloc(); }).code() == ErrorCode::out_of_memory);
}

}  // namespace
}  // namespace mediscan::backend
