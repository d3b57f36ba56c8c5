// Which backends the process knows, in the order `auto` tries them: torch, onednn, then those registered by the
// host, mock last.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "backend/builtin.hpp"

namespace mediscan {

Session::~Session() = default;
Backend::~Backend() = default;

namespace {

struct Registry {
  std::mutex mutex;
  std::vector<std::shared_ptr<Backend>> backends;
};

/// Never destroyed: sessions may still be closing on their lanes while the process's statics are torn down.
Registry& registry() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the process has one, and it guards itself
  static auto* const instance = [] {
    auto* made = new Registry;
    made->backends = {backend::make_torch_backend(), backend::make_onednn_backend(), backend::make_mock_backend()};
    return made;
  }();
  return *instance;
}

}  // namespace

void register_backend(std::shared_ptr<Backend> backend) {
  if (!backend) throw Error(ErrorCode::invalid_argument, Stage::backend, "register_backend was given a null pointer");
  const std::string name = backend->name();
  if (name.empty() || name == "auto") {
    throw Error(ErrorCode::invalid_argument, Stage::backend, fmt::format("a backend cannot be called \"{}\"", name),
                "give it a name of its own; \"auto\" is reserved");
  }
  Registry& known = registry();
  const std::scoped_lock lock(known.mutex);
  const bool taken = std::any_of(known.backends.begin(), known.backends.end(),
                                 [&](const auto& other) { return other->name() == name; });
  if (taken) {
    throw Error(ErrorCode::invalid_argument, Stage::backend,
                fmt::format("a backend called \"{}\" is registered already", name),
                "register each backend once, under a name of its own");
  }
  known.backends.insert(known.backends.end() - 1, std::move(backend));
}

std::vector<std::shared_ptr<Backend>> registered_backends() {
  Registry& known = registry();
  const std::scoped_lock lock(known.mutex);
  return known.backends;
}

}  // namespace mediscan
