/* Analyses picture files without waiting for any of them: hands in all that the library takes, sleeps in poll() like
 * any other event loop, and prints each picture when it is done. One thread, no callback.
 *
 * usage: async BUNDLE PICTURE...          e.g.  async models/skin-demo *.jpg
 *        MEDISCAN_EXAMPLE_BACKEND=mock    simulated scores, for a machine without LibTorch */
#include <mediscan/mediscan.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { most_in_flight = 64, longest_wait_ms = 60000 };

/* A picture on its way. Its number is the tag of its job. */
typedef struct task {
  const char* path;
  mediscan_job* job;
} task;

typedef struct counts {
  size_t submitted;
  size_t told;
  int failed;
} counts;

static void explain(const char* what, mediscan_error* error) {
  fprintf(stderr, "%s: %s\n  %s\n", what, mediscan_error_message(error), mediscan_error_hint(error));
  mediscan_error_release(error);
}

/* A job that is done: its findings, or why there are none. */
static int finish(task* done) {
  mediscan_result* result = NULL;
  mediscan_error* error = NULL;
  mediscan_finding first;
  mediscan_execution ran;
  int failed = 1;
  first.struct_size = sizeof first;
  ran.struct_size = sizeof ran;
  if (mediscan_job_result(done->job, &result, &error) != MEDISCAN_OK) {
    explain(done->path, error);
  } else if (mediscan_result_finding(result, 0, &first, NULL) == MEDISCAN_OK &&
             mediscan_result_execution(result, &ran, NULL) == MEDISCAN_OK) {
    printf("%s: %s %.2f %% (batch of %u, %.1f ms)%s\n", done->path, first.label, 100 * first.probability,
           ran.batch_size, ran.total_ms, ran.simulated ? " SIMULATED" : "");
    failed = 0;
  }
  mediscan_result_release(result);
  mediscan_job_release(done->job);
  done->job = NULL;
  return failed;
}

/* The whole of a file, for the caller to free; NULL when it cannot be read. */
static unsigned char* read_file(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  unsigned char* bytes = NULL;
  long size;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
    *length = (size_t)size;
    bytes = malloc(*length + 1);
    if (bytes != NULL && fread(bytes, 1, *length, file) != *length) {
      free(bytes);
      bytes = NULL;
    }
  }
  fclose(file);
  return bytes;
}

/* Hands a picture in. MEDISCAN_OVERLOADED is left to the caller to try again. */
static mediscan_status submit(mediscan_model* model, task* of, const mediscan_request* request, counts* so_far) {
  mediscan_decode_options options;
  mediscan_error* error = NULL;
  mediscan_status status;
  size_t length = 0;
  unsigned char* bytes = read_file(of->path, &length);
  if (bytes == NULL) {
    perror(of->path);
    status = MEDISCAN_IO_ERROR;
  } else {
    mediscan_decode_options_init(&options, sizeof options);
    options.name = of->path;
    status = mediscan_submit_bytes(model, bytes, length, &options, request, &of->job, &error);
    free(bytes);
    if (status == MEDISCAN_OVERLOADED) {
      mediscan_error_release(error);
      return status;
    }
    if (status != MEDISCAN_OK) explain(of->path, error);
  }
  if (status != MEDISCAN_OK) { /* nothing will be told of it */
    so_far->failed = 1;
    ++so_far->told;
  }
  ++so_far->submitted;
  return status;
}

/* Sleeps until something is done, then finishes all that is. 0 when nothing came. A program with other descriptors has
 * them in the same poll(). */
static int serve(mediscan_completions* completions, task* tasks, counts* so_far) {
  uint64_t tags[most_in_flight];
  size_t count = 0;
  size_t i;
  struct pollfd ready;
  ready.fd = mediscan_completions_fd(completions);
  ready.events = POLLIN;
  ready.revents = 0;
  if (poll(&ready, 1, longest_wait_ms) != 1) return 0;
  if (mediscan_completions_take(completions, tags, most_in_flight, &count, NULL) != MEDISCAN_OK) return 0;
  for (i = 0; i < count; ++i) so_far->failed |= finish(&tasks[tags[i]]);
  so_far->told += count;
  return 1;
}

static int run_all(mediscan_model* model, mediscan_completions* completions, task* tasks, size_t count) {
  counts so_far = {0, 0, 0};
  size_t i;
  mediscan_request request;
  mediscan_request_init(&request, sizeof request);
  request.completions = completions;
  while (so_far.told < count) {
    int full = so_far.submitted - so_far.told >= most_in_flight;
    if (so_far.submitted < count && !full) {
      request.tag = so_far.submitted;
      full = submit(model, &tasks[so_far.submitted], &request, &so_far) == MEDISCAN_OVERLOADED;
    }
    if (so_far.told == so_far.submitted || !(full || so_far.submitted == count)) continue;
    if (!serve(completions, tasks, &so_far)) {
      fprintf(stderr, "nothing was done within %d s\n", longest_wait_ms / 1000);
      so_far.failed = 1;
      break;
    }
  }
  for (i = 0; i < count; ++i) { /* only after a failure is there one left */
    if (tasks[i].job == NULL) continue;
    mediscan_job_cancel(tasks[i].job, NULL, NULL);
    mediscan_job_release(tasks[i].job);
  }
  printf("%u pictures\n", (unsigned)so_far.told);
  return so_far.failed;
}

int main(int argc, char** argv) {
  int i;
  int failed = 3;
  task* tasks;
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_completions* completions = NULL;
  mediscan_error* error = NULL;
  mediscan_load_options options;
  if (argc < 3) {
    fprintf(stderr, "usage: %s BUNDLE PICTURE...\n", argv[0]);
    return 2;
  }
  tasks = calloc((size_t)argc, sizeof *tasks);
  if (tasks == NULL) return 1;
  for (i = 2; i < argc; ++i) tasks[i - 2].path = argv[i];
  mediscan_load_options_init(&options, sizeof options);
  options.backend = getenv("MEDISCAN_EXAMPLE_BACKEND"); /* NULL is "auto" */
  /* Pictures handed in while the model loads wait for it. */
  if (mediscan_completions_create(&completions, &error) != MEDISCAN_OK ||
      mediscan_manager_create(NULL, &manager, &error) != MEDISCAN_OK ||
      mediscan_model_load_async(manager, argv[1], MEDISCAN_NUL, &options, &model, &error) != MEDISCAN_OK) {
    explain(argv[1], error);
  } else {
    failed = run_all(model, completions, tasks, (size_t)argc - 2);
  }
  mediscan_model_release(model);
  mediscan_manager_release(manager);
  mediscan_completions_release(completions);
  free(tasks);
  return failed;
}
