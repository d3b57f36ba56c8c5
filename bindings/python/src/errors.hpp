// MediScan's errors as Python's exceptions: the classes are Python's (mediscan/errors.py), chosen there by number.
#pragma once

#include <pybind11/pybind11.h>
#include <mediscan/error.hpp>

namespace mediscan::python {

namespace py = pybind11;

/// An instance of the exception class of `error`'s code. Not raised.
py::object exception_of(const Error& error);

}  // namespace mediscan::python
