// The straight line, once: picture -> tensor -> batch -> logits -> record. Reading this file is reading what MediScan
// does.
#include <fmt/format.h>

#include <mediscan/analyzer.hpp>
#include <memory>
#include <new>
#include <optional>

#include "analyze/record.hpp"
#include "base/stopwatch.hpp"
#include "image/excerpt.hpp"
#include "model/loaded_model.hpp"
#include "preprocess/pipeline.hpp"
#include "preprocess/source_window.hpp"
#include "schedule/buckets.hpp"

namespace mediscan {
namespace {

using model::LoadedModel;

/// A picture whose tensor is ready.
struct Prepared {
  std::size_t index = 0;  ///< in the caller's list
  base::Stopwatch since;  ///< from the start of its preprocessing
  double preprocess_ms = 0;
};

/// Memory for one batch: tensors in, logits out.
struct BatchMemory {
  BatchMemory(const Bundle& bundle, std::uint32_t capacity)
      : outputs(bundle.architecture.outputs),
        height(bundle.input_size().first),
        width(bundle.input_size().second),
        picture(std::size_t{bundle.input.channels()} * height * width),
        tensors(std::make_unique_for_overwrite<float[]>(picture * capacity)),
        logits(std::make_unique_for_overwrite<float[]>(std::size_t{outputs} * capacity)) {}

  [[nodiscard]] std::span<float> tensor(std::size_t row) { return {tensors.get() + row * picture, picture}; }
  [[nodiscard]] std::span<float> row(std::size_t row) { return {logits.get() + row * outputs, outputs}; }

  std::uint32_t outputs;
  std::uint32_t height;
  std::uint32_t width;
  std::size_t picture;  ///< numbers in one picture's tensor
  std::unique_ptr<float[]> tensors;
  std::unique_ptr<float[]> logits;
};

model::RunTimes run_rows(LoadedModel& model, BatchMemory& memory, std::size_t first, std::uint32_t count) {
  const PreprocessSpec& recipe = model.bundle().input;
  return model.run({memory.tensor(first).data(), count, recipe.channels(), memory.height, memory.width, recipe.layout},
                   {memory.row(first).data(), count, memory.outputs});
}

Error internal_error(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {ErrorCode::out_of_memory, Stage::analyze, "out of memory while analysing",
            "analyse fewer or smaller pictures at once"};
  }
  return {ErrorCode::internal, Stage::analyze, error.what()};
}

/// Runs `action`; what it throws becomes an Error about `picture`.
template <class Action>
std::optional<Error> error_of(const image::Excerpt& picture, Action&& action) {
  try {
    action();
    return std::nullopt;
  } catch (const Error& error) {
    return error.about(picture.stored.info().name);
  } catch (const std::exception& error) {
    return internal_error(error).about(picture.stored.info().name);
  }
}

/// One call of analyze or analyze_batch.
class BatchAnalysis {
 public:
  BatchAnalysis(LoadedModel& model, std::vector<image::Excerpt> pictures)
      : model_(model),
        pictures_(std::move(pictures)),
        outcomes_(pictures_.size()),
        capacity_(capacity_for(model, pictures_.size())),
        memory_(model.bundle(), capacity_) {}

  std::vector<Outcome<Result>> run_all() {
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      prepare(i);
      if (prepared_.size() == capacity_) run_prepared();
    }
    while (!prepared_.empty()) run_prepared();
    return outcomes();
  }

 private:
  static std::uint32_t capacity_for(const LoadedModel& model, std::size_t pictures) {
    return schedule::next_batch(model.buckets(), pictures);
  }

  void prepare(std::size_t index) {
    const base::Stopwatch watch;
    const auto failure = error_of(pictures_[index], [&] {
      model_.require_home();
      recipe::preprocess_into(pictures_[index], model_.bundle().input, memory_.tensor(prepared_.size()),
                              model_.threads());
    });
    if (failure) {
      outcomes_[index] = *failure;
    } else {
      prepared_.push_back({index, watch, watch.ms()});
    }
  }

  /// Runs every prepared picture, in batches of the sizes the session is warm for.
  void run_prepared() {
    for (std::size_t first = 0; first < prepared_.size();) {
      const std::uint32_t count = schedule::next_batch(model_.buckets(), prepared_.size() - first);
      run(first, count);
      first += count;
    }
    prepared_.clear();
  }

  /// A batch that fails is run again picture by picture, so that one bad picture costs the others nothing but time.
  void run(std::size_t first, std::uint32_t count) {
    try {
      const model::RunTimes times = run_rows(model_, memory_, first, count);
      for (std::size_t row = first; row < first + count; ++row) record(row, count, times);
    } catch (const Error& error) {
      const bool alone = count == 1 || error.code() == ErrorCode::not_ready;
      for (std::size_t row = first; row < first + count; ++row) {
        const std::size_t index = prepared_[row].index;
        if (alone) {
          outcomes_[index] = error.about(pictures_[index].stored.info().name);
        } else {
          run(row, 1);
        }
      }
    }
  }

  void record(std::size_t row, std::uint32_t batch, const model::RunTimes& times) {
    const Prepared& prepared = prepared_[row];
    const auto failure = error_of(pictures_[prepared.index], [&] {
      outcomes_[prepared.index] = analyze::result_of(model_, pictures_[prepared.index], memory_.row(row),
                                                     {prepared.preprocess_ms, times, batch, prepared.since});
    });
    if (failure) outcomes_[prepared.index] = *failure;
  }

  std::vector<Outcome<Result>> outcomes() {
    std::vector<Outcome<Result>> all;
    all.reserve(outcomes_.size());
    std::uint64_t failures = 0;
    for (auto& outcome : outcomes_) {
      failures += outcome->has_value() ? 0U : 1U;
      all.push_back(std::move(*outcome));
    }
    model_.count(all.size(), failures);
    return all;
  }

  LoadedModel& model_;
  std::vector<image::Excerpt> pictures_;
  std::vector<std::optional<Outcome<Result>>> outcomes_;
  std::uint32_t capacity_;
  BatchMemory memory_;
  std::vector<Prepared> prepared_;
};

std::vector<Outcome<Result>> outcomes_of(LoadedModel& model, std::vector<image::Excerpt> pictures) {
  try {
    return BatchAnalysis(model, std::move(pictures)).run_all();
  } catch (const std::bad_alloc& error) {
    throw internal_error(error);
  }
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

Result Analyzer::analyze(const Image& image) const { return std::move(analyze_batch({&image, 1}).front()).value(); }

/// The recipe is known before the bytes are decoded, so only the pixels that it reads need be made.
Result Analyzer::analyze(std::span<const std::byte> bytes, const DecodeOptions& options, std::string_view name) const {
  const auto model = model_.loaded();
  model->require_home();
  const auto needed = [&recipe = model->bundle().input](std::uint32_t width, std::uint32_t height) {
    return recipe::source_window(recipe::Size{height, width}, recipe);
  };
  const auto picture = image::decode_excerpt(bytes, options, name, needed, model->threads());
  return std::move(outcomes_of(*model, {picture}).front()).value();
}

std::vector<Outcome<Result>> Analyzer::analyze_batch(std::span<const Image> images) const {
  if (images.empty()) return {};
  return outcomes_of(*model_.loaded(), {images.begin(), images.end()});
}

SkinAnalyzer::SkinAnalyzer(Model model) : Analyzer(std::move(model)) { require_domain(this->model(), Domain::skin); }

RadiologyAnalyzer::RadiologyAnalyzer(Model model) : Analyzer(std::move(model)) {
  require_domain(this->model(), Domain::radiology);
}

}  // namespace mediscan
