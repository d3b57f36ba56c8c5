// A runtime's library, opened at run time: found on this machine, loaded once and for good, and reported. What the
// library must be and have, its backend says; nothing here knows one by name.
#pragma once

#include <mediscan/backend.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/library_search.hpp"
#include "base/home_process.hpp"

namespace mediscan::backend {

/// What a search found. A library that opened once stays for the life of the process; later searches report it.
struct RuntimeReport {
  bool available = false;
  std::string version;            ///< "2.15.0"
  std::filesystem::path library;  ///< the file in use
  std::string reason;             ///< why none is available
  std::string hint;               ///< what to do about it
  std::vector<Probe> probes;      ///< every place tried, in order
};

/// A library that was loaded: its version, or why it cannot be used.
struct TakenLibrary {
  std::string version;
  std::optional<std::string> fault;
};

/// What a runtime's library is called, how it is recognised, and what is said when there is none.
struct RuntimeKind {
  std::string name;           ///< "LibTorch"
  std::string oldest;         ///< "2.11"
  std::string threads;        ///< whose threads fork() does not take along: "LibTorch", "OpenMP"
  std::string install_hint;   ///< what to do when there is none
  std::string no_other_copy;  ///< what to do when the process has one that cannot be used
  std::function<std::optional<std::filesystem::path>()> mapped;  ///< the copy that is in the process, by whomever
  std::function<Inspection(const Place&)> inspect;               ///< what lies at a place
  std::function<std::optional<std::string>(const std::filesystem::path&)> fault_of_file;
  std::function<std::string(const std::string&)> explain;  ///< the loader's words, with what to do
  std::function<TakenLibrary(void*)> take;                 ///< resolves the functions of a loaded library
};

/// The one library of its kind in this process. Thread-safe. Make it once and never destroy it: what it opened outlives
/// static destruction too.
class RuntimeLibrary {
 public:
  explicit RuntimeLibrary(RuntimeKind kind) : kind_(std::move(kind)) {}

  /// Opens it at the first of the places where it can be, or finds it open. A copy that is mapped already is used
  /// whatever the places, and the report says so of `named`, the place that the caller asked for (empty: none). Throws
  /// for want of memory alone.
  RuntimeReport find(const std::vector<Place>& places, const std::filesystem::path& named);

 private:
  std::optional<std::string> load(const std::filesystem::path& library, int extra_flags);
  RuntimeReport success(std::vector<Probe> probes) const;
  RuntimeReport use_mapped(const std::filesystem::path& library, const std::filesystem::path& named);

  const RuntimeKind kind_;
  std::mutex mutex_;        // guards all below
  base::HomeProcess home_;  // where the library was opened
  std::optional<std::filesystem::path> library_;
  std::string version_;
  std::map<std::filesystem::path, std::string> failed_;  // refused once loaded: one half-loaded is not tried twice
};

/// What a backend of this name says of itself: what `find` found, and with it the devices. Never throws.
BackendInfo backend_info(const std::string& name, const std::function<RuntimeReport()>& find,
                         const std::function<std::vector<DeviceInfo>(const RuntimeReport&)>& devices);

/// Throws INVALID_ARGUMENT for a request of no thread or no picture.
void require_numbers(const OpenRequest& request);

}  // namespace mediscan::backend
