// Keeps one entry a bundle and options: whoever asks first loads, the others wait for that load.
#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <mediscan/model_manager.hpp>
#include <mutex>

#include "base/home_process.hpp"
#include "base/threads.hpp"
#include "model/load_ticket.hpp"
#include "model/loaded_model.hpp"

namespace mediscan {

struct ModelManager::Impl {
  struct Entry {
    std::filesystem::path directory;
    LoadOptions options;
    std::shared_ptr<model::LoadTicket> ticket;
  };

  explicit Impl(ManagerOptions options)
      : environment{base::thread_budget(options.threads), std::move(options.libtorch),
                    base::Log(std::move(options.log))} {}

  const base::HomeProcess home;
  const model::Environment environment;
  mutable std::mutex mutex;
  std::vector<Entry> entries;  // in order of first load
};

namespace {

constexpr const char* manager_name = "this model manager";

/// The folder by its one true name, so that two spellings of it are one model.
std::filesystem::path canonical_folder(const std::filesystem::path& bundle) {
  std::error_code error;
  auto folder = std::filesystem::canonical(bundle, error);
  if (error) {
    throw Error(ErrorCode::not_found, Stage::bundle, fmt::format("{}: {}", bundle.string(), error.message()),
                "a bundle is a folder that holds mediscan.json");
  }
  return folder;
}

void validate(const LoadOptions& options) {
  constexpr int most = 64;
  if (options.max_batch < 1 || options.max_batch > most) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("max_batch is {}, expected 1 to {}", options.max_batch, most), "8 suits most machines");
  }
}

}  // namespace

ModelManager::ModelManager(ManagerOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

ModelManager::~ModelManager() {
  if (!impl_->home.is_here()) return;  // in a child made by fork() there is nothing to end
  std::vector<Impl::Entry> entries;
  {
    const std::scoped_lock lock(impl_->mutex);
    entries.swap(impl_->entries);
  }
  for (const Impl::Entry& entry : entries) {
    if (const auto loaded = entry.ticket->model()) loaded->unload();
  }
}

ModelManager& ModelManager::shared() {
  // Never destroyed: lanes outlive the statics of the host.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the process has one, and it guards itself
  static auto* const manager = new ModelManager;
  return *manager;
}

Model ModelManager::load(const std::filesystem::path& bundle, const LoadOptions& options) {
  validate(options);
  const auto impl = impl_;
  impl->home.require(Stage::model, manager_name);
  const auto folder = canonical_folder(bundle);
  std::shared_ptr<model::LoadTicket> ticket;
  bool first = false;
  {
    const std::scoped_lock lock(impl->mutex);
    const auto same = [&](const Impl::Entry& entry) {
      return entry.directory == folder && entry.options == options && entry.ticket->serves();
    };
    auto entry = std::find_if(impl->entries.begin(), impl->entries.end(), same);
    if (entry == impl->entries.end()) {
      // A failed load of the same bundle gives its place to this attempt.
      const auto failed = [&](const Impl::Entry& e) {
        return e.directory == folder && e.options == options && e.ticket->status().state == ModelState::failed;
      };
      entry = std::find_if(impl->entries.begin(), impl->entries.end(), failed);
      if (entry == impl->entries.end()) entry = impl->entries.insert(entry, {folder, options, nullptr});
      entry->ticket = std::make_shared<model::LoadTicket>(folder);
      first = true;
    }
    ticket = entry->ticket;
  }
  if (first) ticket->fulfil(options, impl->environment);
  return Model(ticket->wait());
}

bool ModelManager::unload(const Model& model) {
  const auto impl = impl_;
  impl->home.require(Stage::model, manager_name);
  const auto& loaded = model.loaded();
  const auto is_it = [&](const Impl::Entry& entry) { return loaded && entry.ticket->model() == loaded; };
  {
    const std::scoped_lock lock(impl->mutex);
    if (std::none_of(impl->entries.begin(), impl->entries.end(), is_it)) return false;
  }
  if (!loaded->unload()) return false;  // another thread is at it, or was
  const std::scoped_lock lock(impl->mutex);
  std::erase_if(impl->entries, is_it);
  return true;
}

std::vector<ModelStatus> ModelManager::status() const {
  impl_->home.require(Stage::model, manager_name);
  const std::scoped_lock lock(impl_->mutex);
  std::vector<ModelStatus> all;
  all.reserve(impl_->entries.size());
  for (const Impl::Entry& entry : impl_->entries) all.push_back(entry.ticket->status());
  return all;
}

ModelStatus Model::status() const { return loaded_->status(); }

const Bundle& Model::bundle() const noexcept { return loaded_->bundle(); }

std::string_view name_of(ModelState state) noexcept {
  switch (state) {
    case ModelState::loading:
      return "LOADING";
    case ModelState::ready:
      return "READY";
    case ModelState::failed:
      return "FAILED";
    case ModelState::unloading:
      return "UNLOADING";
    case ModelState::unloaded:
      return "UNLOADED";
  }
  return "UNKNOWN";
}

}  // namespace mediscan
