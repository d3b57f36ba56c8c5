// mediscan_job: pictures handed in, and what becomes of them.
#include "capi/arguments.hpp"
#include "capi/boundary.hpp"
#include "capi/image.hpp"
#include "capi/request.hpp"

#include <utility>

using namespace mediscan::capi;

namespace {

/// A reference to a job's handle. The last copy gives it back: after the callback, or when there is none to be.
class JobReference {
 public:
  explicit JobReference(mediscan_job* handle) noexcept : handle_(handle) {}
  JobReference(const JobReference&) = delete;
  JobReference& operator=(const JobReference&) = delete;
  ~JobReference() { release(handle_); }

  [[nodiscard]] mediscan_job* get() const noexcept { return handle_; }
  /// The caller's from now on.
  mediscan_job* hand_over() noexcept { return std::exchange(handle_, nullptr); }

 private:
  mediscan_job* handle_;
};

/// The end of a job may be told before submit has returned it: whoever comes first lays it into the handle.
void lay_in(JobObject& object, const mediscan::Job& job) {
  std::call_once(object.job_known, [&] { object.job = job; });
}

/// What calls the caller's function. Made before the job, so that nothing can be missing when it is called.
std::function<void(const mediscan::Job&)> callback_of(const mediscan_request* given, mediscan_job* handle) {
  const auto request = options_of(given, "mediscan_request");
  if (request.on_done == nullptr) return {};
  auto own = std::make_shared<JobReference>(handle);  // without memory it is not made, and nothing was retained
  retain(handle);
  return [call = request.on_done, user = request.on_done_user, own = std::move(own)](const mediscan::Job& job) {
    // Not alive only when the caller released it once too often: that is no reason not to call.
    if (const auto pin = TableOf<mediscan_job>::table().pin(own->get())) lay_in(*pin, job);
    call(user, own->get());
  };
}

/// `submit` makes the job of the options. The callback may run, and release the caller's reference, before it returns.
template <class Submit>
mediscan_job* submitted(const mediscan_request* request, mediscan::JobOptions options, Submit&& submit) {
  JobReference own(new_handle<mediscan_job>(std::make_unique<JobObject>()));
  const auto pin = object_of(own.get());
  options.on_done = callback_of(request, own.get());
  lay_in(*pin, submit(options));
  return own.hand_over();
}

mediscan::Job job_of(const mediscan_job* handle) { return *object_of(handle)->job; }

}  // namespace

mediscan_status mediscan_submit(mediscan_model* model, const mediscan_image* image, const mediscan_request* request,
                                mediscan_job** job, mediscan_error** error) {
  return boundary(error, [&] {
    require(job, "job");
    const auto options = submit_options(request);
    const auto with = object_of(model);
    const auto pin = object_of(image);
    *job = submitted(request, options, [&](const auto& how) { return with->analyzer.submit(pin->image, how); });
  });
}

mediscan_status mediscan_submit_bytes(mediscan_model* model, const void* bytes, size_t length,
                                      const mediscan_decode_options* options, const mediscan_request* request,
                                      mediscan_job** job, mediscan_error** error) {
  return boundary(error, [&] {
    require(job, "job");
    auto how = submit_options(request);
    set_decode(how, options);
    const auto with = object_of(model);
    const auto encoded = bytes_of(bytes, length);
    *job = submitted(request, how, [&](const auto& all) { return with->analyzer.submit(encoded, all); });
  });
}

int32_t mediscan_job_state(const mediscan_job* job) {
  const auto pin = TableOf<mediscan_job>::table().pin(job);
  return pin ? MEDISCAN_JOB_RECEIVED + static_cast<int32_t>(pin->job->state()) : 0;
}

mediscan_status mediscan_job_wait(const mediscan_job* job, uint64_t timeout_ns, int32_t* done, mediscan_error** error) {
  return boundary(error, [&] {
    const mediscan::Job of = job_of(job);  // not the handle is held for so long, but the job
    if (timeout_ns == MEDISCAN_FOREVER) {
      of.wait();
      answer(true, done);
    } else {
      answer(of.wait_for(timeout_of(timeout_ns)), done);
    }
  });
}

mediscan_status mediscan_job_result(const mediscan_job* job, mediscan_result** result, mediscan_error** error) {
  return boundary(error, [&] {
    require(result, "result");
    const auto of = std::make_shared<const mediscan::Job>(job_of(job));
    const mediscan::JobState state = of->state();
    if (state != mediscan::JobState::done) {
      throw mediscan::Error(mediscan::ErrorCode::not_ready, mediscan::Stage::schedule,
                            "the job is " + std::string(mediscan::name_of(state)) + ", not done",
                            "wait for it: mediscan_job_wait, on_done, or mediscan_completions");
    }
    // The result lives in the job, which the handle keeps.
    *result = new_result(std::shared_ptr<const mediscan::Result>(of, &of->outcome().value()));
  });
}

mediscan_status mediscan_job_cancel(mediscan_job* job, int32_t* cancelled, mediscan_error** error) {
  return boundary(error, [&] { answer(job_of(job).cancel(), cancelled); });
}

mediscan_status mediscan_job_retain(mediscan_job* job) { return retain(job); }
mediscan_status mediscan_job_release(mediscan_job* job) { return release(job); }
