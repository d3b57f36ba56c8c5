#include "backend/torch/cuda/session.hpp"
#include "backend/batch_limits.hpp"
#include "backend/network/fitting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "backend/torch/cuda/devices.hpp"
#include "backend/torch/network.hpp"
#include "backend/torch/thread_scope.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
/// Page-locked memory is taken from the whole machine, so a slot holds no whole large batch.
constexpr std::int64_t largest_slot = 32 * mebibyte;
/// What cuDNN and cuBLAS may want beside intermediate results; PyTorch gives cuBLAS 32 MiB on Hopper.
constexpr std::int64_t workspace = 128 * mebibyte;
/// Intermediate results of the largest size that live at once: a block's input, its shortcut, what a convolution reads
/// and what it writes.
constexpr std::int64_t results_at_once = 4;
constexpr int warm_up_runs = 2;  // the first makes plans and loads kernels, the second has them

std::unique_ptr<EagerNetwork> take_network(const OpenRequest& request) {
  const Architecture& architecture = request.bundle.architecture;
  Weights weights(request.weights);
  if (weights.quantized()) {
    throw Error(ErrorCode::precision_unsupported, Stage::backend,
                "the weights of this bundle are quantised to int8, which is for the CPU alone",
                "choose device cpu or auto, or load the bundle that it was quantised from");
  }
  if (architecture.in_channels == 0 || architecture.outputs == 0) {
    throw Error(ErrorCode::bundle_invalid, Stage::backend, "architecture: in_channels and outputs must be at least 1");
  }
  auto network = make_eager_network(architecture, weights);
  if (!network) refuse_architecture(architecture.name);
  weights.check();
  return network;
}

std::string no_graphs_by_settings() {
  const char* wanted = ::secure_getenv("MEDISCAN_CUDA_GRAPHS");
  if (wanted != nullptr && std::string_view(wanted) == "off") return "MEDISCAN_CUDA_GRAPHS is off";
  for (const char* name : {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"}) {
    if (auto why = CaptureArena::unsuitable_settings(std::getenv(name))) return *why;
  }
  return {};
}

std::array<std::int64_t, 4> sizes_of(const BatchInput& input, std::uint32_t bucket) {
  return {bucket, input.channels, input.height, input.width};
}

/// What each byte is in the tensor: 256 x channels, in the type that the network takes.
Tensor table_of_bytes(const EagerPlace& place, const PreprocessSpec& recipe) {
  constexpr std::size_t bytes = 256;
  const std::size_t channels = recipe.channels();
  const std::vector<float> by_channel = values_of_bytes(recipe);
  std::vector<float> values(by_channel.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = by_channel[i % channels * bytes + i / channels];
  const std::array<std::int64_t, 2> sizes{bytes, static_cast<std::int64_t>(channels)};
  EagerPlace floats = place;
  floats.precision = Precision::fp32;
  Tensor table = place.empty(place.dtype(), sizes, std::array{sizes[1], std::int64_t{1}});
  call("aten::copy_", "", table, floats.upload(values, sizes), false);
  return table;
}

/// The first `count` pictures of a buffer.
Tensor first(const Tensor& buffer, std::int64_t count) {
  return call("aten::narrow", "", buffer, std::int64_t{0}, std::int64_t{0}, count);
}

}  // namespace

CudaTarget cuda_target(const std::string& device, Precision precision) {
  const CudaFunctions* cuda = cuda_functions();
  EagerPlace place;
  place.device_type = libtorch().aoti_torch_device_type_cuda();
  place.device_index = std::stoi(device.substr(device.find(':') + 1));
  place.precision = precision;
  place.convolution = precision == Precision::fp16 ? EagerPlace::Convolution::fused : EagerPlace::Convolution::cudnn;
  place.add = cuda->aoti_torch_cuda_add_Tensor;
  const auto allocate = [place](std::int64_t bytes) {
    return place.empty(libtorch().aoti_torch_dtype_uint8(), std::array{bytes}, std::array{std::int64_t{1}});
  };
  return {*cuda, place, device, no_graphs_by_settings(), allocate};
}

CudaSession::CudaSession(const OpenRequest& request, CudaTarget target)
    : target_(std::move(target)),
      max_batch_(static_cast<std::uint32_t>(request.max_batch)),
      channels_(request.bundle.architecture.in_channels),
      outputs_(request.bundle.architecture.outputs),
      height_(request.bundle.input_size().first),
      width_(request.bundle.input_size().second),
      layout_(request.bundle.input.layout),
      largest_part_(max_batch_),
      network_(take_network(request)),
      stream_(target_.cuda, target_.place.device_index) {
  const auto open = [&] {
    const ThreadScope threads(request.threads);  // weights are rounded on the CPU
    const StreamScope scope(target_.cuda, stream_.handle(), target_.place.device_index);
    network_->place(target_.place);
    values_ = table_of_bytes(target_.place, request.bundle.input);
    const std::int64_t batch_bytes =
        std::int64_t{max_batch_} * channels_ * height_ * width_ * std::int64_t{sizeof(float)};
    ring_.emplace(target_.cuda, static_cast<std::size_t>(std::clamp(batch_bytes, std::int64_t{1}, largest_slot)));
    logits_ = PinnedMemory(target_.cuda, std::size_t{max_batch_} * outputs_ * sizeof(float));
    stream_.synchronize();
  };
  try {
    open();
  } catch (const Error& error) {
    // What is kept for graphs to come may be what this model lacks.
    if (!out_of_memory(error, 1) || !CaptureArena::free_idle()) throw;
    network_ = take_network(request);
    open();
  }
}

CudaSession::~CudaSession() {
  (void)target_.cuda.cudaStreamSynchronize(stream_.handle());  // a device that fails has nothing running either
  drop_graphs();
}

std::uint64_t CudaSession::memory_bytes() const {
  const std::int64_t width = target_.place.precision == Precision::fp16 ? 2 : 4;
  const std::int64_t picture = std::int64_t{channels_} * height_ * width_;
  std::int64_t bytes = network_->weight_count() * width;
  bytes += largest_part_ * picture;  // samples, as most pictures come
  bytes += bytes_of_results(largest_part_);
  for (const auto& arena : arenas_) bytes += arena->bytes();
  return static_cast<std::uint64_t>(bytes);
}

std::string CudaSession::remark() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (!target_.no_graphs.empty()) add("batches run without CUDA graphs: " + target_.no_graphs);
  if (!unfused_.empty()) add("convolutions run unfused: " + unfused_);
  if (largest_part_ < max_batch_) {
    add(fmt::format("batches run in parts of {} pictures, the device has no memory for {}", largest_part_, max_batch_));
  }
  return text;
}

void CudaSession::run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) {
  BatchLimits{max_batch_, channels_, outputs_, network_->minimum_side(), takes_samples()}.require(input, output);
  const StreamScope scope(target_.cuda, stream_.handle(), target_.place.device_index);
  for (std::uint32_t done = 0; done < input.batch;) {
    stop_if(cancelled);
    const std::uint32_t count = std::min(input.batch - done, largest_part_);
    try {
      run_part(input, output, done, count, cancelled);
      done += count;
    } catch (const Error& error) {
      if (!out_of_memory(error, bucket_for(count))) throw;
      shrink(bucket_for(count), error);
    }
  }
}

void CudaSession::run_part(const BatchInput& input, const BatchOutput& output, std::uint32_t begin, std::uint32_t count,
                           const std::atomic<bool>& cancelled) {
  const std::uint32_t bucket = bucket_for(count);
  const Form form = form_of(input);
  const std::size_t picture = std::size_t{input.channels} * input.height * input.width *
                              (form == Form::samples ? sizeof(std::uint8_t) : sizeof(float));
  const Buffers buffers = buffers_for(input, bucket);
  const auto* const pictures = form == Form::samples ? reinterpret_cast<const std::byte*>(input.samples)
                                                     : reinterpret_cast<const std::byte*>(input.data);
  std::uint8_t* const staged = buffers.staged.bytes();
  ring_->upload(pictures + begin * picture, staged, count * picture, stream_.handle());
  if (count < bucket) {  // what fills up the bucket is nobody's picture, but must be numbers
    check_cuda(target_.cuda,
               target_.cuda.cudaMemsetAsync(staged + count * picture, 0, (bucket - count) * picture, stream_.handle()),
               "cudaMemsetAsync");
  }
  stop_if(cancelled);
  const Tensor logits =
      usual(input) && target_.no_graphs.empty() ? compute_by_graph({form, bucket}, buffers) : compute(buffers);
  const std::size_t bytes = std::size_t{count} * outputs_ * sizeof(float);
  check_cuda(target_.cuda,
             target_.cuda.cudaMemcpyAsync(logits_.data(), logits.data(), bytes, cuda_device_to_host, stream_.handle()),
             "cudaMemcpyAsync");
  stream_.synchronize();
  proven_ = true;
  std::memcpy(output.logits + std::size_t{begin} * outputs_, logits_.data(), bytes);
}

std::uint32_t CudaSession::bucket_for(std::uint32_t count) const noexcept {
  std::uint32_t bucket = 1;
  while (bucket < count) bucket *= 2;
  return std::min(bucket, largest_part_);
}

bool CudaSession::usual(const BatchInput& input) const noexcept {
  const bool known_form = form_of(input) == Form::samples || input.layout == layout_;
  return input.height == height_ && input.width == width_ && known_form;
}

CudaSession::Form CudaSession::form_of(const BatchInput& input) noexcept {
  return input.samples != nullptr ? Form::samples : Form::tensors;
}

CudaSession::Buffers CudaSession::make_buffers(const BatchInput& input, std::uint32_t bucket) const {
  EagerPlace floats = target_.place;
  floats.precision = Precision::fp32;
  const auto sizes = sizes_of(input, bucket);
  if (form_of(input) == Form::samples) {
    const std::array<std::int64_t, 4> interleaved{sizes[0], sizes[2], sizes[3], sizes[1]};
    const std::array<std::int64_t, 4> steps{sizes[1] * sizes[2] * sizes[3], sizes[3] * sizes[1], sizes[1], 1};
    return {target_.place.empty(libtorch().aoti_torch_dtype_uint8(), interleaved, steps), Tensor()};
  }
  if (input.layout == Layout::nhwc) return {floats.empty_pictures(sizes), target_.place.empty_pictures(sizes)};
  const std::array<std::int64_t, 4> rows{sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
  return {floats.empty(floats.dtype(), sizes, rows), target_.place.empty_pictures(sizes)};
}

CudaSession::Buffers CudaSession::buffers_for(const BatchInput& input, std::uint32_t bucket) {
  if (!usual(input)) return make_buffers(input, bucket);
  const Form form = form_of(input);
  auto kept = buffers_.find(form);
  if (kept == buffers_.end()) kept = buffers_.emplace(form, make_buffers(input, largest_part_)).first;
  const auto& [staged, pictures] = kept->second;
  return {first(staged, bucket), form == Form::samples ? Tensor() : first(pictures, bucket)};
}

/// Of samples by looking each up, so that the numbers are the very ones that the CPU's preprocessing gives.
Tensor CudaSession::input_of(const Buffers& buffers) const {
  if (buffers.pictures) {
    call("aten::copy_", "", buffers.pictures, buffers.staged, true);
    return buffers.pictures;
  }
  constexpr std::int64_t the_rest = -1;
  const auto sizes = buffers.staged.sizes();  // batch, height, width, channels
  const Tensor rows = call("aten::reshape", "", buffers.staged, Ints{the_rest, sizes[3]});
  const Tensor places = call("aten::_to_copy", "", rows, Some{std::int64_t{libtorch().aoti_torch_dtype_int64()}},
                             std::nullopt, std::nullopt, std::nullopt, false, std::nullopt);
  constexpr bool sparse_grad = false;
  const Tensor numbers = call("aten::gather", "", values_, std::int64_t{0}, places, sparse_grad);
  return call("aten::permute", "", call("aten::reshape", "", numbers, sizes), Ints{0, 3, 1, 2});
}

Tensor CudaSession::compute(const Buffers& buffers) {
  const Tensor pictures = input_of(buffers);
  try {
    return network_->run(target_.place, pictures);
  } catch (const Error& error) {
    const bool may = target_.place.convolution == EagerPlace::Convolution::fused && !proven_;
    if (!may || error.code() == ErrorCode::out_of_memory) throw;
    return compute_without_fusing(pictures, error);
  }
}

/// Devices and cuDNNs differ in which fused convolutions they have. Without them the same weights serve.
Tensor CudaSession::compute_without_fusing(const Tensor& pictures, const Error& why) {
  (void)target_.cuda.cudaGetLastError();
  EagerPlace plain = target_.place;
  plain.convolution = EagerPlace::Convolution::plain;
  Tensor logits = network_->run(plain, pictures);
  target_.place = plain;
  unfused_ = why.message();
  return logits;
}

Tensor CudaSession::compute_by_graph(const std::pair<Form, std::uint32_t>& key, const Buffers& buffers) {
  auto found = graphs_.find(key);
  if (found == graphs_.end()) {
    Tensor logits;
    for (int i = 0; i < warm_up_runs; ++i) logits = compute(buffers);
    stream_.synchronize();
    proven_ = true;
    if (!capture(key, buffers)) return logits;
    found = graphs_.find(key);
  }
  check_cuda(target_.cuda, target_.cuda.cudaGraphLaunch(found->second.exec, stream_.handle()), "cudaGraphLaunch");
  return found->second.logits;
}

bool CudaSession::capture(const std::pair<Form, std::uint32_t>& key, const Buffers& buffers) {
  constexpr int attempts = 2;
  std::int64_t bytes = bytes_of_results(largest_part_) + workspace;
  for (int attempt = 0; attempt < attempts; ++attempt, bytes *= 2) {
    try {
      if (arenas_.empty() || arenas_.back()->spoiled())
        arenas_.push_back(CaptureArena::take(target_.cuda, target_.place.device_index, target_.allocate, bytes));
      graphs_.insert_or_assign(key, capture_into(*arenas_.back(), buffers));
      return true;
    } catch (const Error& error) {
      target_.no_graphs = error.message();
      if (error.code() == ErrorCode::out_of_memory) break;
    }
    if (attempt + 1 < attempts) target_.no_graphs.clear();
  }
  drop_graphs();
  return false;
}

CudaSession::Graph CudaSession::capture_into(CaptureArena& arena, const Buffers& buffers) {
  const CudaFunctions& cuda = target_.cuda;
  const std::size_t free_before = free_memory();
  arena.spoil(true);  // until all went well: a capture that fails may have left memory without an anchor
  Graph captured;
  GraphHandle graph = nullptr;
  {
    const StreamScope scope(cuda, arena.stream(), target_.place.device_index);
    check_cuda(cuda, cuda.cudaStreamBeginCapture(arena.stream(), cuda_capture_relaxed), "cudaStreamBeginCapture");
    try {
      captured.logits = compute(buffers);
    } catch (const Error&) {
      if (cuda.cudaStreamEndCapture(arena.stream(), &graph) == 0) (void)cuda.cudaGraphDestroy(graph);
      (void)cuda.cudaGetLastError();
      throw;
    }
    check_cuda(cuda, cuda.cudaStreamEndCapture(arena.stream(), &graph), "cudaStreamEndCapture");
  }
  if (free_memory() < free_before) {
    (void)cuda.cudaGraphDestroy(graph);
    throw Error(ErrorCode::backend_failed, Stage::backend,
                fmt::format("a graph needs more than the {} MiB set aside for it", arena.bytes() / mebibyte));
  }
  constexpr unsigned long long no_flags = 0;
  const CudaStatus status = cuda.cudaGraphInstantiateWithFlags(&captured.exec, graph, no_flags);
  (void)cuda.cudaGraphDestroy(graph);
  check_cuda(cuda, status, "cudaGraphInstantiateWithFlags");
  arena.spoil(false);
  return captured;
}

void CudaSession::drop_graphs() noexcept {
  for (auto& [bucket, graph] : graphs_) (void)target_.cuda.cudaGraphExecDestroy(graph.exec);
  graphs_.clear();
  for (auto& arena : arenas_) CaptureArena::give_back(std::move(arena));
  arenas_.clear();
}

void CudaSession::shrink(std::uint32_t bucket, const Error& why) {
  (void)target_.cuda.cudaGetLastError();
  stream_.synchronize();  // nothing may compute in what is freed
  drop_graphs();
  buffers_.clear();
  CaptureArena::free_idle();
  if (bucket == 1) {
    throw Error(ErrorCode::out_of_memory, Stage::backend,
                fmt::format("{} has no memory for a single picture: {}", target_.device, why.message()),
                "close other models or other programs on the device, or choose device cpu");
  }
  largest_part_ = std::bit_floor(bucket - 1);
}

/// LibTorch before 2.13 has no words for what went wrong; then it is told by the memory that is left.
bool CudaSession::out_of_memory(const Error& error, std::uint32_t bucket) const noexcept {
  if (error.code() == ErrorCode::out_of_memory) return true;
  if (error.code() != ErrorCode::backend_failed || libtorch().torch_exception_get_what_without_backtrace != nullptr)
    return false;
  std::size_t free = 0;
  std::size_t total = 0;
  return target_.cuda.cudaMemGetInfo(&free, &total) == 0 &&
         static_cast<std::int64_t>(free) < std::max(bytes_of_results(bucket), workspace);
}

std::size_t CudaSession::free_memory() const {
  std::size_t free = 0;
  std::size_t total = 0;
  check_cuda(target_.cuda, target_.cuda.cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

std::int64_t CudaSession::bytes_of_results(std::uint32_t pictures) const noexcept {
  const std::int64_t width = target_.place.precision == Precision::fp16 ? 2 : 4;
  return network_->largest_activation({height_, width_}) * pictures * width * results_at_once;
}

}  // namespace mediscan::backend::torch
