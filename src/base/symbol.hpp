// A function of a library that was opened at run time.
#pragma once

#include <dlfcn.h>

namespace mediscan::base {

/// Sets a pointer to the function of this name that `scope`, of dlopen or RTLD_DEFAULT, or a library that it depends on
/// has; null and false where there is none. That it is of the pointer's type is the caller's to know.
template <class Function>
bool resolve_symbol(void* scope, const char* name, Function*& function) noexcept {
  function = reinterpret_cast<Function*>(::dlsym(scope, name));
  return function != nullptr;
}

}  // namespace mediscan::base
