// The abstract Backend: implement it, register it, and MediScan runs on yours. The built-in ones (torch, onednn, mock)
// come through this same door. examples/cpp/custom_backend.cpp is a complete one.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <mediscan/export.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mediscan {

/// A device a backend looked for, usable or not.
struct DeviceInfo {
  std::string name;  ///< "cpu", "cuda:0", ...
  bool usable = false;
  std::string detail;                   ///< model of the device when usable, else why it is not
  std::vector<std::string> precisions;  ///< what open() accepts there, fastest first: precision "auto" goes by it
};

/// A place where a backend's runtime was looked for and what was found.
struct Probe {
  std::string place;
  bool usable = false;
  std::string detail;
};

/// What a backend can do on this machine.
struct BackendInfo {
  std::string name;
  std::string version;  ///< of the runtime, e.g. "2.15.0"; empty when not available
  bool available = false;
  bool simulated = false;
  std::string reason;  ///< why not available; empty when it is
  std::vector<DeviceInfo> devices;
  std::vector<Probe> probes;
};

/// The weights of a bundle, read and hash-checked by the core. The bytes live until open() returns.
struct WeightsView {
  std::string file;
  std::string format;
  std::string sha256;
  std::span<const std::byte> bytes;
};

struct OpenRequest {
  const Bundle& bundle;
  std::span<const WeightsView> weights;
  std::string device;              ///< "auto" or a name from DeviceInfo
  std::string precision;           ///< "fp32", "bf16", "fp16", "int8"
  int threads = 1;                 ///< intra-op threads this session may use
  int max_batch = 1;               ///< largest batch run() will be given
  std::filesystem::path libtorch;  ///< ManagerOptions::libtorch; other backends ignore it
};

/// `batch` pictures, one after the other, in one of two forms. Owned by the core.
struct BatchInput {
  /// Tensors: float32, each channels x height x width in `layout`. Null when `samples` is not.
  const float* data = nullptr;
  std::uint32_t batch = 0;
  std::uint32_t channels = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  Layout layout = Layout::nchw;
  /// Samples before scale, mean and std: bytes, each height x width x channels whatever `layout` says.
  /// values_of_bytes() of the bundle's recipe says what they are in the tensor. Only for a session that
  /// takes_samples().
  const std::uint8_t* samples = nullptr;
};

/// `batch` x `outputs` float32 logits, row-major, to be written by run(). Owned by the core.
struct BatchOutput {
  float* logits = nullptr;
  std::uint32_t batch = 0;
  std::uint32_t outputs = 0;
};

/// An opened model on a device. Created, used and destroyed on one thread (its lane), never on two at once.
class MEDISCAN_API Session {
 public:
  virtual ~Session();
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Writes the logits of a batch of 1 to max_batch. May return early by throwing CANCELLED once `cancelled` is true.
  /// Any other exception becomes BACKEND_FAILED unless it is an Error already; the session stays usable after one.
  virtual void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) = 0;

  [[nodiscard]] virtual std::string device() const = 0;     ///< what really runs: "cpu", "cuda:0"
  [[nodiscard]] virtual std::string precision() const = 0;  ///< what really runs: "fp32"
  /// Bytes that the opened model holds, for ManagerOptions::max_model_bytes; 0 when not known: then the size of the
  /// weights counts.
  [[nodiscard]] virtual std::uint64_t memory_bytes() const { return 0; }
  /// False when run() only waits for a device. Batches that compute on more than one of the CPU's threads take turns
  /// with those of other models, and this one's need not then.
  [[nodiscard]] virtual bool computes_on_cpu() const { return true; }
  /// True when run() takes either form of BatchInput. Pictures whose samples are bytes until the recipe's last step
  /// then come as such, a quarter of the memory; others, as those of 16 bits, come as tensors.
  [[nodiscard]] virtual bool takes_samples() const { return false; }
  /// What whoever runs the machine should know of how this session computes, e.g. that it found less memory than it was
  /// opened for; goes to the log after the self-test. Empty when there is nothing.
  [[nodiscard]] virtual std::string remark() const { return {}; }
};

/// A runtime for networks. All members may be called from any thread.
class MEDISCAN_API Backend {
 public:
  virtual ~Backend();
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual std::string name() const = 0;
  /// True when scores are not computed from weights. Such results are marked and `auto` never picks it.
  [[nodiscard]] virtual bool simulated() const { return false; }
  /// True when open() needs the weights read and hashed; false spares their reading (mock).
  [[nodiscard]] virtual bool needs_weights() const { return true; }
  /// What it finds on this machine. Never throws; slow work (opening a runtime) may be done here and must be kept.
  [[nodiscard]] virtual BackendInfo probe(const std::filesystem::path& libtorch) const = 0;
  /// Opens a bundle. Throws BACKEND_UNAVAILABLE, PRECISION_UNSUPPORTED, UNSUPPORTED (architecture, format),
  /// BUNDLE_INVALID (missing, extra or misshapen tensors, by name), OUT_OF_MEMORY.
  virtual std::unique_ptr<Session> open(const OpenRequest& request) = 0;
};

/// Makes a backend known to every manager of the process. Later ones come after earlier ones in `auto`, all of them
/// after torch and onednn. Throws INVALID_ARGUMENT for null, an empty or reserved name ("auto"), or one that is taken.
/// Thread-safe.
MEDISCAN_API void register_backend(std::shared_ptr<Backend> backend);

/// Registered backends in the order `auto` tries them, mock last. Thread-safe.
MEDISCAN_API std::vector<std::shared_ptr<Backend>> registered_backends();

}  // namespace mediscan
