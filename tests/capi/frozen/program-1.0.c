/* A program of the day the 1.0 ABI was frozen, compiled against the header of that day. It must run on every library
 * after it: this file and mediscan-1.0.h are never changed.
 *
 * usage: program-1.0 BUNDLE PICTURE */
#include "mediscan-1.0.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(const char* what, mediscan_error* error) {
  fprintf(stderr, "%s: %s (%s)\n", what, mediscan_error_message(error),
          mediscan_status_name(mediscan_error_status(error)));
  exit(1);
}

static void log_line(void* user, int32_t level, const char* message, size_t length) {
  (void)level;
  if (strlen(message) == length) ++*(int*)user;
}

int main(int argc, char** argv) {
  int lines = 0;
  size_t i;
  char* json = NULL;
  float* values;
  mediscan_error* error = NULL;
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_image* image = NULL;
  mediscan_image* copy = NULL;
  mediscan_result* result = NULL;
  mediscan_result* both[2] = {NULL, NULL};
  mediscan_error* failed[2] = {NULL, NULL};
  const mediscan_image* images[2];
  mediscan_manager_options settings;
  mediscan_load_options load;
  mediscan_decode_options decode;
  mediscan_request request;
  mediscan_pixels pixels;
  mediscan_image_info info;
  mediscan_tensor_shape shape;
  mediscan_finding finding;
  mediscan_execution execution;
  if (argc != 3) return 2;

  mediscan_manager_options_init(&settings, sizeof settings);
  settings.log = log_line;
  settings.log_user = &lines;
  if (mediscan_manager_create(&settings, &manager, &error) != MEDISCAN_OK) stop("manager", error);
  mediscan_load_options_init(&load, sizeof load);
  load.backend = "mock";
  load.max_batch = 2;
  if (mediscan_model_load(manager, argv[1], strlen(argv[1]), &load, &model, &error) != MEDISCAN_OK) stop("load", error);
  mediscan_decode_options_init(&decode, sizeof decode);
  decode.max_pixels = 100000000;
  decode.decoder = "auto";
  if (mediscan_image_read(argv[2], MEDISCAN_NUL, &decode, &image, &error) != MEDISCAN_OK) stop("read", error);
  info.struct_size = sizeof info;
  if (mediscan_image_get_info(image, &info, &error) != MEDISCAN_OK) stop("info", error);
  printf("%s: %u x %u, %u channels, %u bits, %s\n", info.name, info.width, info.height, info.channels, info.bits,
         info.format);

  memset(&pixels, 0, sizeof pixels);
  pixels.struct_size = sizeof pixels;
  pixels.width = info.width;
  pixels.height = info.height;
  pixels.channels = info.channels;
  pixels.bits = info.bits;
  pixels.data = info.pixels;
  if (mediscan_image_from_pixels(&pixels, NULL, &copy, &error) != MEDISCAN_OK) stop("pixels", error);

  mediscan_request_init(&request, sizeof request);
  if (mediscan_analyze(model, image, &request, &result, &error) != MEDISCAN_OK) stop("analyze", error);
  for (i = 0; i < mediscan_result_finding_count(result); ++i) {
    finding.struct_size = sizeof finding;
    if (mediscan_result_finding(result, i, &finding, &error) != MEDISCAN_OK) stop("finding", error);
    printf("  %-8s %-40s %.4f decision %d\n", finding.code, finding.label, finding.probability, (int)finding.decision);
  }
  execution.struct_size = sizeof execution;
  if (mediscan_result_execution(result, &execution, &error) != MEDISCAN_OK) stop("execution", error);
  printf("backend %s simulated %d notice \"%s\"\n", execution.backend, (int)execution.simulated, execution.notice);
  if (execution.simulated != 1 || strstr(mediscan_result_json(result), "\"simulated\":true") == NULL) return 1;

  images[0] = image;
  images[1] = copy;
  if (mediscan_analyze_batch(model, images, 2, NULL, both, failed, &error) != MEDISCAN_OK) stop("batch", error);
  if (both[0] == NULL || both[1] == NULL) return 1;

  shape.struct_size = sizeof shape;
  if (mediscan_preprocess(model, image, NULL, 0, &shape, &error) != MEDISCAN_OK) stop("shape", error);
  i = (size_t)shape.channels * shape.height * shape.width;
  values = malloc(i * sizeof *values);
  if (values == NULL || mediscan_preprocess(model, image, values, i, &shape, &error) != MEDISCAN_OK)
    stop("tensor", error);
  printf("tensor %u x %u x %u\n", shape.channels, shape.height, shape.width);
  free(values);

  if (mediscan_model_status_json(model, &json, &error) != MEDISCAN_OK) stop("status", error);
  if (strstr(json, "\"READY\"") == NULL) return 1;
  mediscan_string_free(json);
  if (mediscan_model_load(manager, "/nowhere", MEDISCAN_NUL, NULL, &model, &error) != MEDISCAN_NOT_FOUND) return 1;
  printf("%s: %s\n", mediscan_status_name(mediscan_error_status(error)), mediscan_error_stage(error));
  if (mediscan_model_unload(manager, model, NULL) != MEDISCAN_OK || lines == 0) return 1;

  mediscan_error_release(error);
  mediscan_result_release(both[0]);
  mediscan_result_release(both[1]);
  mediscan_result_release(result);
  mediscan_image_release(copy);
  mediscan_image_release(image);
  mediscan_manager_release(manager);
  mediscan_model_release(model);
  return 0;
}
