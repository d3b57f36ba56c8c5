#include <doctest/doctest.h>

#include <mediscan/backend.hpp>

#include "backend/builtin.hpp"
#include "errors.hpp"
#include "scripted_backend.hpp"

namespace mediscan {
namespace {

class NamedBackend final : public Backend {
 public:
  explicit NamedBackend(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override { return {}; }
  std::unique_ptr<Session> open(const OpenRequest& /*request*/) override { return nullptr; }

 private:
  std::string name_;
};

TEST_CASE("torch is tried first, then onednn, a host's backend after them, mock stays last") {
  register_backend(std::make_shared<NamedBackend>("hosts-own"));
  const auto backends = registered_backends();
  REQUIRE(backends.size() >= 4);
  CHECK(backends[0]->name() == "torch");
  CHECK(backends[1]->name() == "onednn");
  CHECK(backends[backends.size() - 2]->name() == "hosts-own");
  CHECK(backends.back()->name() == "mock");
}

TEST_CASE("null, nameless, reserved and taken names are refused") {
  const auto code_for = [](std::shared_ptr<Backend> backend) {
    return test::error_of([&] { register_backend(std::move(backend)); }).code();
  };
  CHECK(code_for(nullptr) == ErrorCode::invalid_argument);
  CHECK(code_for(std::make_shared<NamedBackend>("")) == ErrorCode::invalid_argument);
  CHECK(code_for(std::make_shared<NamedBackend>("auto")) == ErrorCode::invalid_argument);
  CHECK(code_for(std::make_shared<NamedBackend>("mock")) == ErrorCode::invalid_argument);
  const Error taken = test::error_of([] { register_backend(std::make_shared<NamedBackend>("torch")); });
  CHECK(test::contains(taken.message(), "\"torch\""));
}

}  // namespace
}  // namespace mediscan
