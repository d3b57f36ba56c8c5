/* A program of the day the 1.1 ABI was frozen, compiled against the header of that day. It must run on every library
 * after it: this file and mediscan-1.1.h are never changed. What 1.0 had is in program-1.0.c.
 *
 * usage: program-1.1 BUNDLE PICTURE */
#include "mediscan-1.1.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { jobs = 8 };

static atomic_int calls;

static void stop(const char* what, mediscan_error* error) {
  fprintf(stderr, "%s: %s (%s, again after %u ms)\n", what, mediscan_error_message(error),
          mediscan_status_name(mediscan_error_status(error)), (unsigned)mediscan_error_retry_after_ms(error));
  exit(1);
}

static void on_done(void* user, mediscan_job* job) {
  if (user == &calls && mediscan_job_state(job) == MEDISCAN_JOB_DONE) atomic_fetch_add(&calls, 1);
}

static unsigned char* read_file(const char* path, size_t* length) {
  unsigned char* bytes = malloc(1 << 24);
  FILE* file = fopen(path, "rb");
  if (bytes == NULL || file == NULL) exit(2);
  *length = fread(bytes, 1, 1 << 24, file);
  fclose(file);
  return bytes;
}

static int has(mediscan_status (*give)(const mediscan_manager*, char**, mediscan_error**),
               const mediscan_manager* manager, const char* part) {
  char* text = NULL;
  int found;
  if (give(manager, &text, NULL) != MEDISCAN_OK) return 0;
  found = strstr(text, part) != NULL;
  mediscan_string_free(text);
  return found;
}

int main(int argc, char** argv) {
  size_t i;
  size_t told = 0;
  size_t count = 0;
  size_t length = 0;
  int32_t yes = 0;
  uint64_t tags[jobs];
  unsigned char* bytes;
  mediscan_error* error = NULL;
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_image* image = NULL;
  mediscan_job* job[jobs] = {NULL};
  mediscan_result* result = NULL;
  mediscan_completions* completions = NULL;
  mediscan_manager_options settings;
  mediscan_load_options load;
  mediscan_request request;
  mediscan_execution execution;
  struct pollfd ready;
  if (argc != 3) return 2;

  mediscan_manager_options_init(&settings, sizeof settings);
  settings.max_jobs = 100;
  settings.max_job_bytes = 1 << 28;
  settings.cache_memory_bytes = 1 << 20;
  if (mediscan_manager_create(&settings, &manager, &error) != MEDISCAN_OK) stop("manager", error);
  if (!has(mediscan_manager_engine_json, manager, "\"max_jobs\":100")) return 1;
  mediscan_load_options_init(&load, sizeof load);
  load.backend = "mock";
  load.hang_timeout_ms = 30000;
  load.max_delay_us = 100;
  if (mediscan_model_load_async(manager, argv[1], MEDISCAN_NUL, &load, &model, &error) != MEDISCAN_OK)
    stop("load", error);
  if (mediscan_model_wait(model, MEDISCAN_FOREVER, &yes, &error) != MEDISCAN_OK) stop("wait", error);
  if (yes != 1) return 1;
  if (mediscan_image_read(argv[2], MEDISCAN_NUL, NULL, &image, &error) != MEDISCAN_OK) stop("read", error);
  if (mediscan_completions_create(&completions, &error) != MEDISCAN_OK) stop("completions", error);

  bytes = read_file(argv[2], &length);
  mediscan_request_init(&request, sizeof request);
  request.timeout_ns = UINT64_C(60000000000);
  request.completions = completions;
  request.on_done = on_done;
  request.on_done_user = &calls;
  for (i = 0; i < jobs; ++i) {
    request.tag = i;
    request.priority = i % 2 == 0 ? MEDISCAN_PRIORITY_HIGH : MEDISCAN_PRIORITY_LOW;
    request.no_cache = i < jobs / 2;
    if ((i % 2 == 0 ? mediscan_submit(model, image, &request, &job[i], &error)
                    : mediscan_submit_bytes(model, bytes, length, NULL, &request, &job[i], &error)) != MEDISCAN_OK)
      stop("submit", error);
  }
  free(bytes);
  ready.fd = mediscan_completions_fd(completions);
  ready.events = POLLIN;
  while (told < jobs && poll(&ready, 1, 60000) == 1) {
    if (mediscan_completions_take(completions, tags, jobs, &count, &error) != MEDISCAN_OK) stop("take", error);
    told += count;
  }
  if (told != jobs) return 1;
  for (i = 0; i < jobs; ++i) {
    if (mediscan_job_wait(job[i], 0, &yes, &error) != MEDISCAN_OK || yes != 1) stop("job", error);
    if (mediscan_job_cancel(job[i], &yes, &error) != MEDISCAN_OK || yes != 0) stop("cancel", error);
    if (mediscan_job_result(job[i], &result, &error) != MEDISCAN_OK) stop("result", error);
    if (mediscan_result_finding_count(result) == 0) return 1;
    mediscan_result_release(result);
    mediscan_job_retain(job[i]);
    mediscan_job_release(job[i]);
    mediscan_job_release(job[i]);
  }

  mediscan_request_init(&request, sizeof request);
  if (mediscan_analyze(model, image, &request, &result, &error) != MEDISCAN_OK) stop("analyze", error);
  execution.struct_size = sizeof execution;
  if (mediscan_result_execution(result, &execution, &error) != MEDISCAN_OK) stop("execution", error);
  printf("%s: cached %d\n", execution.model_name, (int)execution.cached);
  if (execution.cached != 1) return 1;

  if (mediscan_model_swap(manager, model, argv[1], MEDISCAN_NUL, NULL, &error) != MEDISCAN_OK) stop("swap", error);
  if (!has(mediscan_manager_metrics_json, manager, "\"swaps\":1")) return 1;
  if (!has(mediscan_manager_prometheus, manager, "# TYPE mediscan_")) return 1;
  if (mediscan_manager_drain(manager, MEDISCAN_FOREVER, &yes, &error) != MEDISCAN_OK || yes != 1) stop("drain", error);
  if (mediscan_submit(model, image, NULL, &job[0], NULL) != MEDISCAN_SHUT_DOWN) return 1;
  for (i = 0; i < 60000 && atomic_load(&calls) < jobs; ++i) poll(NULL, 0, 1);
  printf("%d jobs, each told of once\n", atomic_load(&calls));
  if (atomic_load(&calls) != jobs) return 1;

  mediscan_result_release(result);
  mediscan_completions_retain(completions);
  mediscan_completions_release(completions);
  mediscan_completions_release(completions);
  mediscan_image_release(image);
  mediscan_manager_release(manager);
  mediscan_model_release(model);
  return 0;
}
