// The public Analyzer: one picture, many, or handed in for later. The line itself is in analysis.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mediscan/analyzer.hpp>
#include <memory>
#include <utility>

#include "analyze/analysis.hpp"
#include "base/large_memory.hpp"
#include "schedule/buckets.hpp"

namespace mediscan {
namespace {

using analyze::Analysis;

std::shared_ptr<Analysis> analysis_of(const Model& model, analyze::Input input, const JobOptions& options) {
  return std::make_shared<Analysis>(model.slot(), std::move(input), options);
}

/// Of a caller who waits, `on_done` and `completions` tell nothing.
JobOptions waiting(JobOptions options) {
  options.on_done = nullptr;
  options.completions = nullptr;
  return options;
}

Outcome<Result> outcome_of(const Model& model, analyze::Input input, const JobOptions& options) {
  const auto analysis = analysis_of(model, std::move(input), waiting(options));
  analysis->accept(model.slot()->lease());
  if (analysis->prepare()) Analysis::enqueue({&analysis, 1});
  analysis->wait();
  return analysis->take_outcome();
}

analyze::Input input_of(const Image& image) { return image; }
analyze::Input input_of(const EncodedPicture& picture) { return picture.bytes; }

const std::string& name_of(const Image& image) { return image.info().name; }
const std::string& name_of(const EncodedPicture& picture) { return picture.name; }

/// One call of analyze_batch: prepares pictures for one batch after another, the next while the lane runs the last.
template <class Picture>
class BatchAnalysis {
 public:
  BatchAnalysis(const Model& model, std::span<const Picture> pictures, const JobOptions& options)
      : model_(model), pictures_(pictures), options_(waiting(options)) {
    outcomes_.resize(pictures.size());
  }

  std::vector<Outcome<Result>> run_all() {
    std::deque<std::vector<Entry>> in_flight;
    while (next_ < pictures_.size()) {
      in_flight.push_back(prepare_batch());
      constexpr std::size_t most = 2;  // one runs, one is being prepared
      if (in_flight.size() == most) {
        collect(in_flight.front());
        in_flight.pop_front();
      }
    }
    for (auto& batch : in_flight) collect(batch);
    std::vector<Outcome<Result>> all;
    all.reserve(outcomes_.size());
    for (auto& outcome : outcomes_) all.push_back(*std::move(outcome));
    return all;
  }

 private:
  struct Entry {
    std::size_t index = 0;
    std::shared_ptr<Analysis> analysis;
  };

  /// As many pictures as fill a batch, their tensors side by side, handed to the lane together.
  std::vector<Entry> prepare_batch() {
    const model::Lease lease = model_.slot()->lease();
    const Bundle& bundle = lease->bundle();
    const auto [height, width] = bundle.input_size();
    const std::size_t values = std::size_t{bundle.input.channels()} * height * width;
    const std::uint32_t capacity = schedule::next_batch(lease->buckets(), pictures_.size() - next_);
    const auto memory = base::allocate_floats(values * capacity);
    std::vector<Entry> entries;
    std::vector<std::shared_ptr<Analysis>> prepared;
    while (next_ < pictures_.size() && prepared.size() < capacity) {
      const std::size_t index = next_++;
      const Picture& picture = pictures_[index];
      auto analysis = analysis_of(model_, input_of(picture), options_for(picture));
      try {
        analysis->accept(lease.share());
      } catch (const Error& error) {
        outcomes_[index] = error.about(name_of(picture));
        continue;
      }
      entries.push_back({index, analysis});
      if (analysis->prepare({memory, {memory.get() + values * prepared.size(), values}})) {
        prepared.push_back(std::move(analysis));
      }
    }
    Analysis::enqueue(prepared);
    return entries;
  }

  /// The time-out counts from the start of the call.
  [[nodiscard]] JobOptions options_for(const Picture& picture) const {
    JobOptions options = options_;
    options.name = name_of(picture);
    if (options.timeout > std::chrono::nanoseconds::zero()) {
      const auto left = options.timeout - (analyze::Clock::now() - begun_);
      options.timeout = std::max<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(1));
    }
    return options;
  }

  void collect(const std::vector<Entry>& batch) {
    for (const Entry& entry : batch) {
      entry.analysis->wait();
      outcomes_[entry.index] = entry.analysis->take_outcome();
    }
  }

  const Model& model_;
  std::span<const Picture> pictures_;
  JobOptions options_;
  const analyze::Clock::time_point begun_ = analyze::Clock::now();
  std::size_t next_ = 0;
  std::vector<std::optional<Outcome<Result>>> outcomes_;
};

template <class Picture>
std::vector<Outcome<Result>> outcomes_of(const Model& model, std::span<const Picture> pictures,
                                         const JobOptions& options) {
  if (pictures.empty()) return {};
  try {
    return BatchAnalysis<Picture>(model, pictures, options).run_all();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, Stage::analyze, "out of memory while analysing",
                "analyse fewer or smaller pictures at once");
  }
}

Job submitted(const Model& model, analyze::Input input, const JobOptions& options) {
  const auto analysis = analysis_of(model, std::move(input), options);
  analysis->submit();
  return Job(analysis);
}

void require_domain(const Model& model, Domain domain) {
  if (model.bundle().domain == domain) return;
  throw Error(ErrorCode::invalid_argument, Stage::analyze,
              fmt::format("model {} is for domain {}, this analyzer is for {}", model.bundle().name,
                          name_of(model.bundle().domain), name_of(domain)),
              "load a bundle of that domain, or use Analyzer, which takes any");
}

}  // namespace

Analyzer::Analyzer(Model model) : model_(std::move(model)) {}

Result Analyzer::analyze(const Image& image, const JobOptions& options) const {
  return outcome_of(model_, image, options).value();
}

Result Analyzer::analyze(std::span<const std::byte> bytes, const JobOptions& options) const {
  return outcome_of(model_, bytes, options).value();
}

std::vector<Outcome<Result>> Analyzer::analyze_batch(std::span<const Image> images, const JobOptions& options) const {
  return outcomes_of(model_, images, options);
}

std::vector<Outcome<Result>> Analyzer::analyze_encoded_batch(std::span<const EncodedPicture> pictures,
                                                             const JobOptions& options) const {
  return outcomes_of(model_, pictures, options);
}

Job Analyzer::submit(std::span<const std::byte> bytes, const JobOptions& options) const {
  return submitted(model_, analyze::CopiedBytes(bytes), options);
}

Job Analyzer::submit(std::vector<std::byte>&& bytes, const JobOptions& options) const {
  return submitted(model_, std::move(bytes), options);
}

Job Analyzer::submit(const Image& image, const JobOptions& options) const { return submitted(model_, image, options); }

SkinAnalyzer::SkinAnalyzer(Model model) : Analyzer(std::move(model)) { require_domain(this->model(), Domain::skin); }

RadiologyAnalyzer::RadiologyAnalyzer(Model model) : Analyzer(std::move(model)) {
  require_domain(this->model(), Domain::radiology);
}

}  // namespace mediscan
