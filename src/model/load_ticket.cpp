#include "model/load_ticket.hpp"

#include <exception>
#include <new>
#include <utility>

namespace mediscan::model {

LoadTicket::LoadTicket(std::filesystem::path directory) : directory_(std::move(directory)) {}

void LoadTicket::fulfil(const LoadOptions& options, const Environment& environment) {
  try {
    auto model = std::make_shared<LoadedModel>(Bundle::read(directory_), options, environment);
    {
      const std::scoped_lock lock(mutex_);
      model_ = model;
    }
    model->load();
    finish(std::nullopt);
  } catch (const Error& error) {
    finish(error);
  } catch (const std::bad_alloc&) {
    finish(Error(ErrorCode::out_of_memory, Stage::model, directory_.string() + ": out of memory while loading"));
  } catch (const std::exception& error) {
    finish(Error(ErrorCode::internal, Stage::model, directory_.string() + ": " + error.what()));
  }
}

void LoadTicket::finish(std::optional<Error> error) {
  {
    const std::scoped_lock lock(mutex_);
    error_ = std::move(error);
    finished_ = true;
  }
  changed_.notify_all();
}

std::shared_ptr<LoadedModel> LoadTicket::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return finished_; });
  if (error_) throw Error(*error_);
  return model_;
}

bool LoadTicket::serves() const {
  const std::scoped_lock lock(mutex_);
  if (!finished_) return true;
  return !error_ && model_->state() == ModelState::ready;
}

std::shared_ptr<LoadedModel> LoadTicket::model() const {
  const std::scoped_lock lock(mutex_);
  return model_;
}

ModelStatus LoadTicket::status() const {
  const std::scoped_lock lock(mutex_);
  ModelStatus status;
  status.directory = directory_;
  if (model_) status = model_->status();
  if (error_) {
    status.state = ModelState::failed;
    status.reason = error_->message();
  }
  return status;
}

}  // namespace mediscan::model
