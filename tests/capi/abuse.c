/* Calls every function of mediscan.h with NULL wherever a pointer goes, with handles that were released and handles of
 * the wrong kind, between ordinary analyses and jobs; and releases everything while jobs are in flight. It must end
 * with 0; valgrind and AddressSanitizer must have nothing to say.
 *
 * usage: abuse BUNDLE PICTURE */
#include <mediscan/mediscan.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static int failures;
static atomic_int called_back;

static void expect(int holds, const char* what, int line) {
  if (holds) return;
  ++failures;
  fprintf(stderr, "abuse.c:%d: %s\n", line, what);
}
#define EXPECT(condition) expect((condition) ? 1 : 0, #condition, __LINE__)

static void analyse(mediscan_model* model, const char* picture) {
  mediscan_image* image = NULL;
  mediscan_result* result = NULL;
  mediscan_finding finding;
  EXPECT(mediscan_image_read(picture, MEDISCAN_NUL, NULL, &image, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_analyze(model, image, NULL, &result, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_result_finding_count(result) > 0);
  finding.struct_size = sizeof finding;
  EXPECT(mediscan_result_finding(result, 0, &finding, NULL) == MEDISCAN_OK);
  EXPECT(strstr(mediscan_result_json(result), finding.code) != NULL);
  EXPECT(mediscan_image_release(image) == MEDISCAN_OK);
  EXPECT(mediscan_result_release(result) == MEDISCAN_OK);
}

/* `manager`, `model`, `image` and `result` may be NULL, released, or of another kind than their type says. */
static void call_everything(mediscan_manager* manager, mediscan_model* model, mediscan_image* image,
                            mediscan_result* result) {
  char* text = NULL;
  mediscan_model* new_model = NULL;
  mediscan_result* new_result = NULL;
  mediscan_finding finding;
  mediscan_execution execution;
  mediscan_image_info info;
  mediscan_tensor_shape shape;
  finding.struct_size = sizeof finding;
  execution.struct_size = sizeof execution;
  info.struct_size = sizeof info;
  shape.struct_size = sizeof shape;
  EXPECT(mediscan_manager_status_json(manager, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_retain(manager) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_load(manager, "x", 1, NULL, &new_model, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_unload(manager, model, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_status_json(model, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_retain(model) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_get_info(image, &info, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_json(image, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_retain(image) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze(model, image, NULL, &new_result, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze_bytes(model, "x", 1, NULL, NULL, &new_result, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze_batch(model, (const mediscan_image* const*)&image, 1, NULL, &new_result, NULL, NULL) ==
         MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_preprocess(model, image, NULL, 0, &shape, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_result_finding_count(result) == 0);
  EXPECT(mediscan_result_finding(result, 0, &finding, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_result_execution(result, &execution, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_result_json(result) == NULL);
  EXPECT(mediscan_result_retain(result) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_engine_json(manager, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_metrics_json(manager, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_prometheus(manager, &text, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_drain(manager, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_load_async(manager, "x", 1, NULL, &new_model, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_wait(model, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_swap(manager, model, "x", 1, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(text == NULL && new_model == NULL && new_result == NULL);
}

static void never_called(void* user, mediscan_job* job) {
  (void)user;
  (void)job;
  ++failures;
}

/* The same for handles of jobs and completions, and for submit with a model and an image that are none. */
static void call_all_of_jobs(mediscan_model* model, mediscan_image* image, mediscan_job* job,
                             mediscan_completions* completions) {
  mediscan_job* new_job = NULL;
  mediscan_result* new_result = NULL;
  mediscan_request request;
  uint64_t tag;
  size_t count;
  int32_t answer = 7;
  mediscan_request_init(&request, sizeof request);
  request.on_done = never_called;
  EXPECT(mediscan_submit(model, image, &request, &new_job, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_submit_bytes(model, "x", 1, NULL, &request, &new_job, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_state(job) == 0);
  EXPECT(mediscan_job_wait(job, MEDISCAN_FOREVER, &answer, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_result(job, &new_result, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_cancel(job, &answer, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_retain(job) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(job == NULL || mediscan_job_release(job) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_completions_fd(completions) == -1);
  EXPECT(mediscan_completions_take(completions, &tag, 1, &count, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_completions_retain(completions) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(completions == NULL || mediscan_completions_release(completions) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(new_job == NULL && new_result == NULL && answer == 7);
}

/* NULL for every output and every argument that is not a handle. */
static void call_with_null_outputs(mediscan_manager* manager, mediscan_model* model, const char* picture) {
  mediscan_image* image = NULL;
  mediscan_result* result = NULL;
  EXPECT(mediscan_image_read(picture, MEDISCAN_NUL, NULL, &image, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_analyze(model, image, NULL, &result, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_system_json(NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_bundle_json(NULL, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_create(NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_shared(NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_status_json(manager, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_load(manager, NULL, 0, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_status_json(model, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_decode(NULL, 0, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_read(NULL, MEDISCAN_NUL, NULL, &image, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_from_pixels(NULL, NULL, &image, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_get_info(image, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_image_json(image, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze(model, image, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze_bytes(model, NULL, 0, NULL, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_analyze_batch(model, NULL, 1, NULL, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_preprocess(model, image, NULL, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_result_finding(result, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_result_execution(result, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_error_status(NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(strcmp(mediscan_error_message(NULL), "") == 0 && strcmp(mediscan_error_hint(NULL), "") == 0);
  EXPECT(strcmp(mediscan_error_stage(NULL), "") == 0);
  mediscan_manager_options_init(NULL, 8);
  mediscan_load_options_init(NULL, 8);
  mediscan_decode_options_init(NULL, 8);
  mediscan_request_init(NULL, 8);
  mediscan_string_free(NULL);
  EXPECT(mediscan_manager_release(NULL) == MEDISCAN_OK && mediscan_model_release(NULL) == MEDISCAN_OK);
  EXPECT(mediscan_image_release(NULL) == MEDISCAN_OK && mediscan_result_release(NULL) == MEDISCAN_OK);
  EXPECT(mediscan_error_release(NULL) == MEDISCAN_OK);
  EXPECT(mediscan_image_release(image) == MEDISCAN_OK && mediscan_result_release(result) == MEDISCAN_OK);
}

static void call_jobs_with_null_outputs(mediscan_manager* manager, mediscan_model* model, mediscan_image* image) {
  mediscan_job* job = NULL;
  mediscan_completions* completions = NULL;
  EXPECT(mediscan_completions_create(&completions, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_submit(model, image, NULL, &job, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_manager_engine_json(manager, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_metrics_json(manager, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_manager_prometheus(manager, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_load_async(manager, NULL, 0, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_swap(manager, model, NULL, 0, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_submit(model, image, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_submit_bytes(model, NULL, 0, NULL, NULL, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_submit_bytes(model, NULL, 1, NULL, NULL, &job, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_wait(job, MEDISCAN_FOREVER, NULL, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_job_result(job, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_cancel(job, NULL, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_completions_create(NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_completions_take(completions, NULL, 1, NULL, NULL) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_error_retry_after_ms(NULL) == 0);
  EXPECT(mediscan_job_release(NULL) == MEDISCAN_OK && mediscan_completions_release(NULL) == MEDISCAN_OK);
  /* Every handle in the place of another kind. */
  call_all_of_jobs((mediscan_model*)job, (mediscan_image*)completions, (mediscan_job*)model,
                   (mediscan_completions*)image);
  call_all_of_jobs((mediscan_model*)image, (mediscan_image*)job, (mediscan_job*)completions,
                   (mediscan_completions*)job);
  EXPECT(mediscan_job_release(job) == MEDISCAN_OK && mediscan_completions_release(completions) == MEDISCAN_OK);
  call_all_of_jobs(NULL, NULL, job, completions);
}

/* Its job is released in the callback, which is allowed, and then once too often. */
static void release_twice(void* user, mediscan_job* job) {
  mediscan_completions* completions = user;
  mediscan_result* result = NULL;
  EXPECT(mediscan_job_result(job, &result, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_result_release(result) == MEDISCAN_OK);
  EXPECT(mediscan_job_release(job) == MEDISCAN_OK);
  EXPECT(mediscan_job_release(job) == MEDISCAN_OK); /* the library's own: wrong, and not to be known */
  EXPECT(mediscan_job_release(job) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_job_state(job) == 0);
  EXPECT(mediscan_completions_release(completions) == MEDISCAN_OK);
  atomic_store(&called_back, 1);
}

/* Jobs that are cancelled when done, released unfinished, or outlived by nothing that they came from. */
static void submit_and_drop(const char* bundle, const mediscan_load_options* options, const char* picture) {
  enum { jobs = 32 };
  int i;
  int32_t done = 0;
  int32_t drained = 0;
  size_t count = 0;
  size_t told = 0;
  uint64_t tags[jobs];
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_image* image = NULL;
  mediscan_job* job = NULL;
  mediscan_completions* completions = NULL;
  mediscan_request request;
  struct pollfd ready;
  mediscan_request_init(&request, sizeof request);
  EXPECT(mediscan_image_read(picture, MEDISCAN_NUL, NULL, &image, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_manager_create(NULL, &manager, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_model_load_async(manager, bundle, MEDISCAN_NUL, options, &model, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_submit(model, image, &request, &job, NULL) == MEDISCAN_OK); /* waits for the load */
  EXPECT(mediscan_job_wait(job, MEDISCAN_FOREVER, &done, NULL) == MEDISCAN_OK && done == 1);
  EXPECT(mediscan_job_cancel(job, &done, NULL) == MEDISCAN_OK && done == 0);
  EXPECT(mediscan_job_release(job) == MEDISCAN_OK);
  call_jobs_with_null_outputs(manager, model, image);

  EXPECT(mediscan_completions_create(&completions, NULL) == MEDISCAN_OK);
  request.completions = completions;
  for (i = 0; i < jobs; ++i) {
    request.tag = (uint64_t)i;
    request.priority = i % 3 - 1;
    EXPECT(mediscan_submit(model, image, &request, &job, NULL) == MEDISCAN_OK);
    if (i % 4 == 0) EXPECT(mediscan_job_cancel(job, NULL, NULL) == MEDISCAN_OK);
    EXPECT(mediscan_job_release(job) == MEDISCAN_OK);
  }
  ready.fd = mediscan_completions_fd(completions);
  ready.events = POLLIN;
  while (told < jobs && poll(&ready, 1, 60000) == 1) {
    EXPECT(mediscan_completions_take(completions, tags, jobs, &count, NULL) == MEDISCAN_OK);
    told += count;
  }
  EXPECT(told == jobs);

  request.on_done = release_twice;
  request.on_done_user = completions;
  EXPECT(mediscan_completions_retain(completions) == MEDISCAN_OK);
  EXPECT(mediscan_submit(model, image, &request, &job, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_manager_drain(manager, MEDISCAN_FOREVER, &drained, NULL) == MEDISCAN_OK && drained == 1);
  EXPECT(mediscan_submit(model, image, NULL, &job, NULL) == MEDISCAN_SHUT_DOWN);
  EXPECT(mediscan_manager_release(manager) == MEDISCAN_OK);
  for (i = 0; i < 60000 && !atomic_load(&called_back); ++i) poll(NULL, 0, 1);
  EXPECT(atomic_load(&called_back));
  EXPECT(mediscan_model_release(model) == MEDISCAN_OK && mediscan_completions_release(completions) == MEDISCAN_OK);
  call_all_of_jobs(model, image, job, completions);

  /* Everything is let go while jobs are in flight. */
  request.on_done = NULL;
  EXPECT(mediscan_manager_create(NULL, &manager, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_model_load(manager, bundle, MEDISCAN_NUL, options, &model, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_completions_create(&request.completions, NULL) == MEDISCAN_OK);
  for (i = 0; i < jobs; ++i) {
    EXPECT(mediscan_submit(model, image, &request, &job, NULL) == MEDISCAN_OK);
    EXPECT(mediscan_job_release(job) == MEDISCAN_OK);
  }
  EXPECT(mediscan_submit(model, image, &request, &job, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_completions_release(request.completions) == MEDISCAN_OK);
  EXPECT(mediscan_image_release(image) == MEDISCAN_OK && mediscan_model_release(model) == MEDISCAN_OK);
  EXPECT(mediscan_manager_release(manager) == MEDISCAN_OK);
  EXPECT(mediscan_job_wait(job, MEDISCAN_FOREVER, &done, NULL) == MEDISCAN_OK && done == 1);
  EXPECT(mediscan_job_release(job) == MEDISCAN_OK);
}

static void submit_to_an_unloaded_model(const char* bundle, const mediscan_load_options* options) {
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_job* job = NULL;
  mediscan_request request;
  mediscan_request_init(&request, sizeof request);
  request.on_done = never_called;
  EXPECT(mediscan_manager_create(NULL, &manager, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_model_load(manager, bundle, MEDISCAN_NUL, options, &model, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_model_unload(manager, model, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_submit_bytes(model, "x", 1, NULL, &request, &job, NULL) == MEDISCAN_NOT_READY && job == NULL);
  EXPECT(mediscan_model_swap(manager, model, bundle, MEDISCAN_NUL, NULL, NULL) == MEDISCAN_NOT_READY);
  EXPECT(mediscan_model_wait(model, MEDISCAN_FOREVER, NULL, NULL) == MEDISCAN_NOT_READY);
  EXPECT(mediscan_model_release(model) == MEDISCAN_OK && mediscan_manager_release(manager) == MEDISCAN_OK);
}

static void ask_for_a_missing_model(mediscan_manager* manager) {
  mediscan_model* model = NULL;
  mediscan_error* error = NULL;
  EXPECT(mediscan_model_load(manager, "/nowhere/at-all", MEDISCAN_NUL, NULL, &model, &error) == MEDISCAN_NOT_FOUND);
  EXPECT(model == NULL);
  EXPECT(mediscan_error_status(error) == MEDISCAN_NOT_FOUND);
  EXPECT(strstr(mediscan_error_message(error), "/nowhere/at-all") != NULL);
  EXPECT(strlen(mediscan_error_hint(error)) > 0);
  EXPECT(mediscan_error_release(error) == MEDISCAN_OK);
  EXPECT(mediscan_error_release(error) == MEDISCAN_INVALID_ARGUMENT);
}

int main(int argc, char** argv) {
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_image* image = NULL;
  mediscan_result* result = NULL;
  mediscan_load_options options;
  if (argc != 3) return 2;
  mediscan_load_options_init(&options, sizeof options);
  options.backend = "mock";
  EXPECT(mediscan_manager_create(NULL, &manager, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_model_load(manager, argv[1], MEDISCAN_NUL, &options, &model, NULL) == MEDISCAN_OK);
  analyse(model, argv[2]);
  ask_for_a_missing_model(manager);
  call_everything(NULL, NULL, NULL, NULL);
  call_all_of_jobs(NULL, NULL, NULL, NULL);
  submit_and_drop(argv[1], &options, argv[2]);
  submit_to_an_unloaded_model(argv[1], &options);
  call_with_null_outputs(manager, model, argv[2]);
  EXPECT(mediscan_image_read(argv[2], MEDISCAN_NUL, NULL, &image, NULL) == MEDISCAN_OK);
  EXPECT(mediscan_analyze(model, image, NULL, &result, NULL) == MEDISCAN_OK);
  /* Every handle in the place of another kind. */
  call_everything((mediscan_manager*)model, (mediscan_model*)image, (mediscan_image*)result, (mediscan_result*)manager);
  analyse(model, argv[2]);
  EXPECT(mediscan_result_release(result) == MEDISCAN_OK && mediscan_image_release(image) == MEDISCAN_OK);
  EXPECT(mediscan_model_release(model) == MEDISCAN_OK && mediscan_manager_release(manager) == MEDISCAN_OK);
  /* Every handle after its release, and released once more. */
  call_everything(manager, model, image, result);
  EXPECT(mediscan_result_release(result) == MEDISCAN_INVALID_ARGUMENT &&
         mediscan_image_release(image) == MEDISCAN_INVALID_ARGUMENT);
  EXPECT(mediscan_model_release(model) == MEDISCAN_INVALID_ARGUMENT &&
         mediscan_manager_release(manager) == MEDISCAN_INVALID_ARGUMENT);
  /* The address of something that was never a handle. */
  call_everything((mediscan_manager*)&options, (mediscan_model*)&options, (mediscan_image*)&options,
                  (mediscan_result*)&options);
  call_all_of_jobs((mediscan_model*)&options, (mediscan_image*)&options, (mediscan_job*)&options,
                   (mediscan_completions*)&options);
  printf("%d expectations failed\n", failures);
  return failures == 0 ? 0 : 1;
}
