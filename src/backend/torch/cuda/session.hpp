// A model on a CUDA device: batches go up through page-locked memory, run as a captured graph for each batch size in
// use, and their logits come back. Written against an interface of functions, so that it runs without a device in the
// tests.
#pragma once

#include <mediscan/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/torch/cuda/arena.hpp"
#include "backend/torch/cuda/library.hpp"
#include "backend/torch/cuda/pinned.hpp"
#include "backend/torch/cuda/stream.hpp"
#include "backend/torch/eager.hpp"

namespace mediscan::backend::torch {

/// Where a CUDA session runs and how.
struct CudaTarget {
  const CudaFunctions& cuda;  ///< outlives every session
  EagerPlace place;           ///< of the device
  std::string device;         ///< "cuda:0"
  std::string no_graphs;      ///< why batches are not to be captured as graphs; empty: they are
  AllocateBytes allocate;     ///< for captures
};

/// The target of "cuda:N" in fp32 or fp16, for a device that find_cuda_devices() listed as usable.
CudaTarget cuda_target(const std::string& device, Precision precision);

class CudaSession final : public Session {
 public:
  /// Takes the weights to the device. Throws as Backend::open.
  CudaSession(const OpenRequest& request, CudaTarget target);
  ~CudaSession() override;
  CudaSession(const CudaSession&) = delete;
  CudaSession& operator=(const CudaSession&) = delete;

  /// A batch that the device has no memory for runs in smaller parts, and so do all later ones; OUT_OF_MEMORY when a
  /// single picture does not fit.
  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) override;

  [[nodiscard]] std::string device() const override { return target_.device; }
  [[nodiscard]] std::string precision() const override { return std::string(name_of(target_.place.precision)); }
  [[nodiscard]] std::uint64_t memory_bytes() const override;
  [[nodiscard]] bool computes_on_cpu() const override { return false; }
  [[nodiscard]] bool takes_samples() const override { return true; }
  [[nodiscard]] std::string remark() const override;

  /// Batch sizes that run as a graph by now, those of samples and those of tensors.
  [[nodiscard]] std::size_t graphs() const noexcept { return graphs_.size(); }
  /// The largest number of pictures that run at once; less than max_batch after the device ran out of memory.
  [[nodiscard]] std::uint32_t largest_part() const noexcept { return largest_part_; }

 private:
  enum class Form { tensors, samples };
  /// Pictures of one size and form as they come, and as the network takes them.
  struct Buffers {
    Tensor staged;    // float32 in the layout of the batch, or samples: batch x height x width x channels bytes
    Tensor pictures;  // channels_last, of the place's type; none for samples
  };
  struct Graph {
    GraphExecHandle exec = nullptr;
    Tensor logits;  // in the arena: where every launch writes them
  };

  /// Pictures [begin, begin + count) of the batch.
  void run_part(const BatchInput& input, const BatchOutput& output, std::uint32_t begin, std::uint32_t count,
                const std::atomic<bool>& cancelled);
  [[nodiscard]] std::uint32_t bucket_for(std::uint32_t count) const noexcept;
  /// Whether a batch is of the size that the bundle gives, and samples or of its layout: for such ones buffers are kept
  /// and graphs made.
  [[nodiscard]] bool usual(const BatchInput& input) const noexcept;
  [[nodiscard]] static Form form_of(const BatchInput& input) noexcept;
  [[nodiscard]] Buffers make_buffers(const BatchInput& input, std::uint32_t bucket) const;
  [[nodiscard]] Buffers buffers_for(const BatchInput& input, std::uint32_t bucket);
  /// Queues what makes of a batch that came the network's input.
  [[nodiscard]] Tensor input_of(const Buffers& buffers) const;
  /// Queues that and the network behind what the current stream has.
  [[nodiscard]] Tensor compute(const Buffers& buffers);
  [[nodiscard]] Tensor compute_without_fusing(const Tensor& pictures, const Error& why);
  /// The same by the bucket's graph, which is captured first. Without one where that cannot be.
  [[nodiscard]] Tensor compute_by_graph(const std::pair<Form, std::uint32_t>& key, const Buffers& buffers);
  /// False when the bucket cannot be captured; `no_graphs` says why then.
  bool capture(const std::pair<Form, std::uint32_t>& key, const Buffers& buffers);
  [[nodiscard]] Graph capture_into(CaptureArena& arena, const Buffers& buffers);
  void drop_graphs() noexcept;
  /// Frees what can be and makes the largest part smaller than `bucket`. Throws OUT_OF_MEMORY when that is one picture.
  void shrink(std::uint32_t bucket, const Error& why);
  [[nodiscard]] bool out_of_memory(const Error& error, std::uint32_t bucket) const noexcept;
  [[nodiscard]] std::size_t free_memory() const;  // of the device, in bytes
  /// Bytes of the intermediate results that live at once.
  [[nodiscard]] std::int64_t bytes_of_results(std::uint32_t pictures) const noexcept;

  CudaTarget target_;
  std::uint32_t max_batch_;
  std::uint32_t channels_;
  std::uint32_t outputs_;
  std::uint32_t height_;
  std::uint32_t width_;
  Layout layout_;
  std::uint32_t largest_part_;
  bool proven_ = false;  // a batch has run, so that a failing operator is no matter of the device's abilities
  std::string unfused_;  // why convolutions are not fused, when that was tried in vain
  std::unique_ptr<EagerNetwork> network_;
  CudaStream stream_;
  std::optional<PinnedRing> ring_;
  PinnedMemory logits_;
  Tensor values_;                                           // of bytes: 256 x channels, of the place's type
  std::map<Form, Buffers> buffers_;                         // of the usual size, for the largest part
  std::vector<std::unique_ptr<CaptureArena>> arenas_;       // captures go into the last one
  std::map<std::pair<Form, std::uint32_t>, Graph> graphs_;  // a form and a bucket
};

}  // namespace mediscan::backend::torch
