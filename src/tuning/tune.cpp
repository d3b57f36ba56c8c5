// The whole of tuning, top to bottom: find what may serve, load it, time it in rounds, choose, write the profile.
#include <mediscan/tune.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "base/new_file.hpp"
#include "base/stopwatch.hpp"
#include "bundle/names.hpp"
#include "model/environment.hpp"
#include "model/loaded_model.hpp"
#include "model/self_test.hpp"
#include "profile/choice.hpp"
#include "profile/identity.hpp"
#include "profile/place.hpp"
#include "profile/profile.hpp"
#include "tuning/candidates.hpp"
#include "tuning/contender.hpp"

namespace mediscan {
namespace tuning {
namespace {

/// The time is cut so that so many rounds fit.
constexpr int rounds_meant = 5;

void check(const TuneOptions& options) {
  const auto require = [](std::string_view name, double value, double least, double most, std::string_view hint) {
    if (value >= least && value <= most) return;
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("{} is {}, expected {} to {}", name, value, least, most), std::string(hint));
  };
  require("seconds", options.seconds, 0.1, 3600, "20 suits most models");
  require("max_batch", options.max_batch, 1, 64, "8 suits most machines");
  require("max_lanes", options.max_lanes, 1, 64, "8 suits most machines");
}

void tell(const TuneOptions& options, std::string_view phase, double done) {
  if (options.progress) options.progress(phase, std::clamp(done, 0.0, 1.0));
}

/// Where the profile shall stand; the folders of the default place are made.
std::filesystem::path place_to_write(const TuneOptions& options, const Bundle& bundle,
                                     const profile::Identity& identity) {
  auto place = options.profile;
  std::error_code failed;
  if (place.empty()) {
    const auto file = profile::default_file(bundle.name, identity);
    if (!file) {
      throw Error(ErrorCode::invalid_argument, Stage::argument,
                  "there is no default place for a profile: neither XDG_CACHE_HOME nor HOME is an absolute path",
                  "name the file to write");
    }
    place = *file;
    std::filesystem::create_directories(place.parent_path(), failed);
    if (failed) base::throw_not_written(place.parent_path(), failed.value());
  }
  return place;
}

/// Of the last minute; 0 where the system does not say.
double load_average_now() {
  double minute = 0;
  return ::getloadavg(&minute, 1) == 1 ? minute : 0;
}

/// What another configuration may do better. A fault of the bundle is none.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::backend_unavailable || code == ErrorCode::unsupported ||
         code == ErrorCode::precision_unsupported || code == ErrorCode::self_test_failed ||
         code == ErrorCode::backend_failed || code == ErrorCode::out_of_memory;
}

bool same_but_lanes(const TuneConfiguration& a, const TuneConfiguration& b) {
  return a.backend == b.backend && a.device == b.device && a.precision == b.precision;
}

class Tuning {
 public:
  Tuning(const std::filesystem::path& folder, const TuneOptions& options)
      : options_(options),
        bundle_(std::make_shared<const Bundle>(Bundle::read(folder))),
        environment_(model::Environment::of(manager_options())),
        pictures_(*bundle_, static_cast<std::uint32_t>(options.max_batch)) {}

  TuneReport run() {
    const auto identity = profile::identity_here(*bundle_, environment_.threads.threads);
    std::optional<base::FileReplacement> file;  // begun now, so that no one waits for what cannot be written
    std::filesystem::path place;
    if (options_.write_profile) file.emplace(place = place_to_write(options_, *bundle_, identity));
    const double load_average = load_average_now();
    auto [configurations, refused] =
        find_candidates(*bundle_, registered_backends(), options_, environment_.threads.threads);
    refused_ = std::move(refused);
    load(configurations);
    measure();
    TuneReport report = report_of(identity);
    report.load_average = load_average;
    if (file) {
      const std::string text = profile::to_text(profile_of(report, identity));
      file->publish(std::as_bytes(std::span(text)));
      report.profile = place;
    }
    return report;
  }

 private:
  [[nodiscard]] ManagerOptions manager_options() const {
    ManagerOptions manager;
    manager.threads = options_.threads;
    manager.libtorch = options_.libtorch;
    return manager;
  }

  void load(const std::vector<TuneConfiguration>& configurations) {
    std::size_t done = 0;
    for (const TuneConfiguration& each : configurations) {
      tell(options_, "loading", static_cast<double>(done++) / static_cast<double>(configurations.size()));
      // What does not serve on one lane does not on several.
      const bool hopeless = std::ranges::any_of(refused_, [&](const TuneRefusal& refusal) {
        return refusal.configuration.lanes == 1 && same_but_lanes(refusal.configuration, each);
      });
      if (!hopeless) load(each);
    }
    require_contenders();
  }

  void load(const TuneConfiguration& configuration) {
    LoadOptions options;
    options.backend = configuration.backend;
    options.device = configuration.device;
    options.precision = configuration.precision;
    options.lanes = configuration.lanes;
    options.max_batch = options_.max_batch;
    options.profile = "off";
    try {
      auto model = std::make_shared<model::LoadedModel>(bundle_, options, environment_);
      model->load();
      contenders_.emplace_back(configuration, std::move(model), pictures_);
    } catch (const Error& error) {
      if (!is_refusal(error.code())) throw;
      refused_.push_back({configuration, error});
    }
  }

  /// Of several reasons that of fp32 is the one to mend, unless the bundle has none for it.
  void require_contenders() const {
    if (!contenders_.empty()) return;
    if (refused_.empty()) {
      throw Error(ErrorCode::backend_unavailable, Stage::backend, "no backend has a device that can be used",
                  "`mediscan doctor` says what is missing");
    }
    const auto fp32 = std::ranges::find_if(refused_, [](const TuneRefusal& refusal) {
      return refusal.configuration.precision.empty() || refusal.configuration.precision == "fp32";
    });
    throw Error(fp32 == refused_.end() ? refused_.front().error : fp32->error);
  }

  void measure() {
    const base::Stopwatch watch;
    do {
      measure_round(watch);
      ++rounds_;
    } while (watch.ms() < 1000 * options_.seconds && !contenders_.empty());
    require_contenders();
    seconds_ = watch.ms() / 1000;
  }

  void measure_round(const base::Stopwatch& watch) {
    std::size_t cells = 0;
    for (const Contender& each : contenders_) cells += each.batch_sizes().size() + 1;
    const double slice = options_.seconds / (rounds_meant * static_cast<double>(cells));
    std::vector<std::size_t> failed;
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      const std::size_t at = rounds_ % 2 == 0 ? i : contenders_.size() - 1 - i;
      tell(options_, "measuring", watch.ms() / (1000 * options_.seconds));
      try {
        Contender& each = contenders_[at];
        each.time_alone(slice);
        for (const std::uint32_t batch : each.batch_sizes()) each.time_batches(batch, slice);
      } catch (const Error& error) {
        refused_.push_back({contenders_[at].configuration(), error});
        failed.push_back(at);
      }
    }
    std::ranges::sort(failed, std::greater<>());
    for (const std::size_t at : failed) contenders_.erase(contenders_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  [[nodiscard]] TuneReport report_of(const profile::Identity& identity) const {
    TuneReport report;
    report.directory = bundle_->directory;
    report.model = {bundle_->name, bundle_->version, bundle_->domain, bundle_->weights_sha256(),
                    bundle_->manifest_sha256};
    report.library_version = identity.library_version;
    report.cpu = identity.cpu;
    report.cpu_features = identity.features;
    report.threads = environment_.threads.threads;
    report.threads_source = environment_.threads.source;
    report.made = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    report.seconds = seconds_;
    report.rounds = rounds_;
    report.goal = options_.goal;
    for (const Contender& each : contenders_) {
      for (TuneRow& row : each.rows()) report.rows.push_back(std::move(row));
    }
    report.refused = refused_;
    report.best_latency = best_of(report.rows, TuneGoal::latency);
    report.best_throughput = best_of(report.rows, TuneGoal::throughput);
    return report;
  }

  static profile::Measured measured_of(const TuneRow& row) {
    const TuneConfiguration& one = row.configuration;
    return {one.backend, one.backend_version, one.simulated,  one.device,     one.precision,
            one.lanes,   one.threads,         row.batch_size, row.latency_ms, row.pictures_per_second};
  }

  static std::vector<profile::Measured> measured_of(const std::vector<TuneRow>& rows) {
    std::vector<profile::Measured> measured;
    measured.reserve(rows.size());
    for (const TuneRow& row : rows) measured.push_back(measured_of(row));
    return measured;
  }

  /// As a load chooses that leaves all open that was tried.
  [[nodiscard]] std::size_t best_of(const std::vector<TuneRow>& rows, TuneGoal goal) const {
    const auto measured = measured_of(rows);
    profile::Settled settled;
    settled.backend = options_.backend;
    const auto best = profile::best(measured, goal, settled, *bundle_);
    return static_cast<std::size_t>(std::ranges::find(measured, best.value()) - measured.begin());
  }

  [[nodiscard]] profile::Profile profile_of(const TuneReport& report, const profile::Identity& identity) const {
    return {identity, fmt::format("{} {}", bundle_->name, bundle_->version), report.made, report.goal,
            measured_of(report.rows)};
  }

  const TuneOptions& options_;
  const std::shared_ptr<const Bundle> bundle_;
  const model::Environment environment_;
  const model::SelfTestPictures pictures_;
  std::vector<TuneRefusal> refused_;
  std::vector<Contender> contenders_;
  std::uint32_t rounds_ = 0;
  double seconds_ = 0;
};

}  // namespace
}  // namespace tuning

std::string_view name_of(TuneGoal goal) noexcept { return bundle::name_in(profile::goal_names, goal); }

TuneReport tune(const std::filesystem::path& bundle, const TuneOptions& options) {
  tuning::check(options);
  return tuning::Tuning(bundle, options).run();
}

}  // namespace mediscan
