// The built-in backends. They enter the registry by the same door as anyone's.
#pragma once

#include <mediscan/backend.hpp>
#include <memory>

namespace mediscan::backend {

std::shared_ptr<Backend> make_mock_backend();
std::shared_ptr<Backend> make_torch_backend();

}  // namespace mediscan::backend
