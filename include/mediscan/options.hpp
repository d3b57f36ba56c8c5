// Every option a caller can set, with its default. Plain structs: set the fields you mean and leave the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace mediscan {

/// Bounds on untrusted input. A picture beyond one of them is LIMIT_EXCEEDED, named with the option's name.
struct Limits {
  std::uint64_t max_pixels = 64'000'000;           ///< width x height
  std::uint32_t max_side = 16'384;                 ///< width and height, each
  std::uint64_t max_decoded_bytes = 256ULL << 20;  ///< decoded pixels plus everything the decoder allocates
  std::uint64_t max_file_bytes = 64ULL << 20;      ///< encoded bytes
};

/// Which decoder reads JPEG and PNG.
enum class Decoder {
  automatic,  ///< libjpeg-turbo and libpng where they were built in, stb_image otherwise
  turbo,      ///< libjpeg-turbo and libpng, or UNSUPPORTED where they were not built in
  /// stb_image. PNG exactly as the others. JPEG within 3 levels of them, except where it may be far off: the last two
  /// columns of 4:2:2 pictures (stb_image 2.30 weights the wrong neighbour there), and pictures of up to 4 columns with
  /// subsampled colour.
  stb,
};

struct DecodeOptions {
  Limits limits{};  // the braces let designated initialisers leave it out
  Decoder decoder = Decoder::automatic;
  /// Turn the picture as its EXIF orientation says. Off by default, as in Pillow's Image.open: an orientation other
  /// than 1 is then reported as the warning EXIF_ORIENTATION and the pixels stay as stored.
  bool apply_orientation = false;
  /// Lets the analysis of an encoded JPEG (Analyzer::analyze and submit of bytes or a file) decode it at 1/2, 1/4 or
  /// 1/8 of its size, where the model's recipe then still shrinks it by 2 or more on both axes: faster for large
  /// pictures, and the scores may differ slightly from the exact ones. The result then has the warning FAST_DECODE,
  /// which names the size. Off by default: pixels are exact. Without effect on PNG, with Decoder::stb, where the recipe
  /// needs the full size, and for Image::decode and Image::read, which know no recipe.
  bool fast_decode = false;
};

/// What happens when no real backend can open a bundle.
enum class Fallback {
  never,  ///< the load fails with the reason
  mock,   ///< the mock backend answers; every result says `simulated` and why
};

/// What a profile (tune.hpp) is to make best.
enum class TuneGoal {
  latency,     ///< the time that one picture alone takes
  throughput,  ///< pictures a second when many wait
};

struct LoadOptions {
  std::string backend =
      "auto";  ///< "auto" (the best real backend that opens the bundle), or a registered backend's name
  std::string device = "auto";  ///< "auto", "cpu", "cuda", "cuda:1", ...
  /// "fp32", "bf16", "fp16", "int8", or "auto": the fastest that the device offers and the bundle allows, else fp32.
  /// Below fp32 only what the bundle allows (Bundle::precision), proven against fp32 at load: SELF_TEST_FAILED when it
  /// does not agree, or with "auto" the next precision, and ExecutionRecord::precision_reason says why.
  std::string precision = "fp32";
  Fallback fallback = Fallback::never;
  int max_batch = 8;  ///< largest batch handed to the backend, 1 to 64; batch sizes up to it are warmed at load
  /// How long a free lane may wait for a fuller batch, 0 to 1 s. 0, right for CPUs, never waits: it takes what is
  /// there.
  std::chrono::microseconds max_delay{0};
  /// So many sessions of the model, each with a thread of its own, share the model's queue, and the thread budget: 2
  /// lanes of a budget of 2 compute with one thread each. 1 to 64 and at most the budget; 0: what a profile says, else
  /// 1. Each holds the model in memory.
  int lanes = 0;
  /// Where a profile of `mediscan tune` may stand, which then chooses backend, device and precision where these are
  /// "auto", lanes where it is 0, and a max_batch smaller than the one given: "auto" (the file that MEDISCAN_PROFILE
  /// names, else the default place), "off", or a file. A profile of another machine, bundle, thread budget or version,
  /// or a damaged one, is left alone, and ModelStatus::warnings says why (PROFILE_IGNORED). docs/tune.md.
  std::string profile = "auto";
  /// Every picture runs in a batch of its own, so that its scores do not depend, not even in the last bit, on what
  /// else is analysed at the same time. docs/engine.md has its cost.
  bool batch_invariant = false;
  /// A backend that has not returned from one batch for so long is given up: the model is FAILED. 10 ms to 1 h.
  std::chrono::milliseconds hang_timeout{60'000};

  friend bool operator==(const LoadOptions&, const LoadOptions&) = default;
};

enum class LogLevel : std::int32_t { debug, info, warning, error };

/// Receives one log line without a trailing newline. Called from any thread, never with a lock held; must not throw.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

/// Where results of pictures analysed before are kept. A hit is marked `cached` in its record. The cache always fails
/// open: whatever happens to it, pictures are analysed.
struct CacheOptions {
  std::uint64_t memory_bytes = 0;  ///< of results kept in this process, least recently used leaves first; 0: none
  /// A Redis shared between processes: "redis://[[user]:password@]host[:port][/db]" or "unix:/path/to/socket". Empty:
  /// none.
  std::string redis;
  std::string redis_prefix = "mediscan:";  ///< begins every key there
  std::chrono::seconds redis_ttl{86'400};  ///< how long a value stays there
  /// Authenticates the values in Redis (HMAC-SHA-256, at least 16 bytes): a value that anyone else wrote is refused.
  /// Empty: whoever can write to that Redis can make results up; the log warns of it.
  std::string hmac_key;
  std::chrono::milliseconds connect_timeout{50};
  std::chrono::milliseconds operation_timeout{20};
};

struct ManagerOptions {
  /// Intra-op threads for the process; 0 takes what the scheduler affinity and the cgroup CPU quota allow.
  int threads = 0;
  /// The LibTorch to open: its libtorch_cpu.so, or a folder that holds it (also in lib/). Empty: search, see
  /// docs/backends.md.
  std::filesystem::path libtorch;
  /// Where log lines go. Empty: nowhere; the library itself never prints.
  LogCallback log;
  /// Bounds of what the manager has accepted and not finished, over all of its models. A job beyond one of them is
  /// OVERLOADED at once, with a hint when to try again.
  int max_jobs = 1024;                         ///< 1 to 1,000,000
  std::uint64_t max_job_bytes = 512ULL << 20;  ///< of pictures and tensors held by those jobs
  /// Bytes of weights that may be loaded at once; 0: no bound. The model that was idle longest gives its memory back
  /// first, and comes back when it is used.
  std::uint64_t max_model_bytes = 0;
  CacheOptions cache;
};

}  // namespace mediscan
