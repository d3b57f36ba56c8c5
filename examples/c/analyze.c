/* Analyses picture files with one model, in plain C.
 *
 * usage: analyze BUNDLE PICTURE...        e.g.  analyze models/skin-demo lesion.jpg
 *        MEDISCAN_EXAMPLE_BACKEND=mock    simulated scores, for a machine without LibTorch */
#include <mediscan/mediscan.h>

#include <stdio.h>
#include <stdlib.h>

static void explain(const char* what, mediscan_error* error) {
  fprintf(stderr, "%s: %s\n  %s\n", what, mediscan_error_message(error), mediscan_error_hint(error));
  mediscan_error_release(error);
}

static void print(const mediscan_result* result) {
  size_t i;
  mediscan_execution ran;
  ran.struct_size = sizeof ran;
  if (mediscan_result_execution(result, &ran, NULL) != MEDISCAN_OK) return;
  for (i = 0; i < mediscan_result_finding_count(result); ++i) {
    mediscan_finding finding;
    finding.struct_size = sizeof finding;
    if (mediscan_result_finding(result, i, &finding, NULL) != MEDISCAN_OK || !finding.available) continue;
    printf("  %-45s %6.2f %%%s\n", finding.label, 100 * finding.probability, finding.decision == 1 ? "  *" : "");
  }
  printf("  %s %s on %s %s, %s, %.1f ms%s\n", ran.model_name, ran.model_version, ran.backend, ran.backend_version,
         ran.device, ran.total_ms, ran.simulated ? " -- SIMULATED: these scores come from no model" : "");
  printf("  %s\n", ran.notice);
}

int main(int argc, char** argv) {
  int i;
  int failed = 0;
  mediscan_manager* manager = NULL;
  mediscan_model* model = NULL;
  mediscan_error* error = NULL;
  mediscan_load_options options;
  if (argc < 3) {
    fprintf(stderr, "usage: %s BUNDLE PICTURE...\n", argv[0]);
    return 2;
  }
  mediscan_load_options_init(&options, sizeof options);
  options.backend = getenv("MEDISCAN_EXAMPLE_BACKEND"); /* NULL is "auto" */
  if (mediscan_manager_create(NULL, &manager, &error) != MEDISCAN_OK ||
      mediscan_model_load(manager, argv[1], MEDISCAN_NUL, &options, &model, &error) != MEDISCAN_OK) {
    explain(argv[1], error);
    mediscan_manager_release(manager);
    return 3;
  }
  for (i = 2; i < argc; ++i) {
    mediscan_image* image = NULL;
    mediscan_result* result = NULL;
    if (mediscan_image_read(argv[i], MEDISCAN_NUL, NULL, &image, &error) == MEDISCAN_OK &&
        mediscan_analyze(model, image, NULL, &result, &error) == MEDISCAN_OK) {
      printf("%s\n", argv[i]);
      print(result);
    } else {
      explain(argv[i], error);
      error = NULL;
      failed = 1;
    }
    mediscan_result_release(result);
    mediscan_image_release(image);
  }
  mediscan_model_release(model);
  mediscan_manager_release(manager);
  return failed;
}
