/* Calls every function of mediscan.h with NULL wherever a pointer goes, with handles that were released and handles of
 * the wrong kind, between two ordinary analyses. It must end with 0; valgrind and AddressSanitizer must have nothing to
 * say.
 *
 * usage: abuse BUNDLE PICTURE */
#include <mediscan/mediscan.h>

#include <stdio.h>
#include <string.h>

static int failures;

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
  EXPECT(text == NULL && new_model == NULL && new_result == NULL);
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
  printf("%d expectations failed\n", failures);
  return failures == 0 ? 0 : 1;
}
