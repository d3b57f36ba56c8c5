// The built-in backends. They enter the registry by the same door as anyone's.
#pragma once

#include <mediscan/backend.hpp>
#include <memory>

#include "backend/quantizable.hpp"

namespace mediscan::backend {

std::shared_ptr<Backend> make_mock_backend();
std::shared_ptr<Backend> make_torch_backend();
std::shared_ptr<Backend> make_onednn_backend();

/// The network of a bundle, opened so that it can be quantised; `device` and `precision` of the request do not count.
/// Throws what Backend::open throws, and UNSUPPORTED for an architecture that has no int8 and for weights that are
/// quantised already.
std::unique_ptr<Quantizable> open_torch_quantizable(const OpenRequest& request);

}  // namespace mediscan::backend
