// The edge where C++ ends: exceptions become statuses, and nothing else comes through. Every fallible C function is one
// call of boundary().
#pragma once

#include <new>

#include "capi/objects.hpp"

namespace mediscan::capi {

/// Gives `failure` to the caller, if it asked and there is memory for it; returns its status.
mediscan_status report(const Error& failure, mediscan_error** error) noexcept;

/// The exception in flight as an Error.
Error error_in_flight();

/// Runs `action`; what it throws becomes the returned status and *error.
template <class Action>
mediscan_status boundary(mediscan_error** error, Action&& action) noexcept {
  try {
    action();
    return MEDISCAN_OK;
  } catch (...) {
    try {
      return report(error_in_flight(), error);
    } catch (...) {  // no memory for the error's own text
      return MEDISCAN_OUT_OF_MEMORY;
    }
  }
}

}  // namespace mediscan::capi
