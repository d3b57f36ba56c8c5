/* MediScan's C ABI: medical pictures in, findings out. This header is a binary promise: a program compiled against it
 * runs on every later library of the same major version (docs/abi.md). docs/c-api.md is the guide. Research use only,
 * not a medical device.
 *
 * Basic usage:
 *
 *   mediscan_manager* manager = NULL;
 *   mediscan_model* model = NULL;
 *   mediscan_image* image = NULL;
 *   mediscan_result* result = NULL;
 *   mediscan_error* error = NULL;
 *   if (mediscan_manager_create(NULL, &manager, &error) == MEDISCAN_OK &&
 *       mediscan_model_load(manager, "models/skin-demo", MEDISCAN_NUL, NULL, &model, &error) == MEDISCAN_OK &&
 *       mediscan_image_read("lesion.jpg", MEDISCAN_NUL, NULL, &image, &error) == MEDISCAN_OK &&
 *       mediscan_analyze(model, image, NULL, &result, &error) == MEDISCAN_OK) {
 *     for (size_t i = 0; i < mediscan_result_finding_count(result); ++i) {
 *       mediscan_finding finding;
 *       finding.struct_size = sizeof finding;
 *       if (mediscan_result_finding(result, i, &finding, NULL) == MEDISCAN_OK && finding.available)
 *         printf("%-40s %.3f\n", finding.label, finding.probability);
 *     }
 *   } else {
 *     fprintf(stderr, "%s\n%s\n", mediscan_error_message(error), mediscan_error_hint(error));
 *   }
 *   mediscan_error_release(error);
 *   mediscan_result_release(result);
 *   mediscan_image_release(image);
 *   mediscan_model_release(model);
 *   mediscan_manager_release(manager);
 *
 * Rules, the same for every function:
 *
 * Status   A call that can fail returns a mediscan_status, MEDISCAN_OK (0) on success. On failure every output is left
 * as it was and, when `error` is not NULL, *error becomes an error that the caller owns (unless there is no memory even
 * for that). On success *error is left as it was. No exception, signal handler, print, exit or abort comes out of the
 * library. Handles  Objects are handles: opaque, never dereferenced, of one process. Every handle given out holds one
 * reference; _retain adds one, _release gives one back; releasing NULL is fine; any order of release is safe. A handle
 * that is NULL, released already, of another kind, or no handle at all, is MEDISCAN_INVALID_ARGUMENT (or NULL, 0 or ""
 * from a function that returns no status), never a crash. Strings  In: UTF-8, pointer and length; MEDISCAN_NUL as the
 * length means NUL-terminated. A file name is passed on byte by byte. Strings in option structs are NUL-terminated.
 * Out: UTF-8, NUL-terminated, owned by the object they come from and living as long as it does. A `char**` output is
 * the caller's: mediscan_string_free. Structs  struct_size comes first. Options: call the _init function, then set what
 * you mean; NULL for options means all defaults. Outputs: set struct_size = sizeof the struct. Later versions append
 * fields, and never change one. Threads  Every function may be called from any thread. The library calls back with no
 * lock held. Time-outs  Nanoseconds; 0 does not wait, MEDISCAN_FOREVER waits as long as it takes. A time-out is no
 * failure: the call returns MEDISCAN_OK and says 0 where it says 1 otherwise. fork()   A child made by fork() may use
 * images, results and errors and release everything; managers, models and completions of the parent are
 * MEDISCAN_FORKED, and so is waiting for a job that was not done, or cancelling it.
 */
#ifndef MEDISCAN_MEDISCAN_H
#define MEDISCAN_MEDISCAN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MEDISCAN_C_API __attribute__((visibility("default")))
#else
#define MEDISCAN_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status
 * ------------------------------------------------------------------------------------------------------------ */

/* Pinned: numbers are never changed or reused, only added to. An unknown one is to be treated as a failure. */
typedef int32_t mediscan_status;

enum {
  MEDISCAN_OK = 0,
  MEDISCAN_INVALID_ARGUMENT = 10,
  MEDISCAN_NOT_FOUND = 11,
  MEDISCAN_UNSUPPORTED = 12,
  MEDISCAN_IO_ERROR = 13,
  MEDISCAN_EMPTY_INPUT = 20,
  MEDISCAN_UNSUPPORTED_FORMAT = 21,
  MEDISCAN_CORRUPT_IMAGE = 22,
  MEDISCAN_TRUNCATED_IMAGE = 23,
  MEDISCAN_LIMIT_EXCEEDED = 24,
  MEDISCAN_OUT_OF_MEMORY = 30,
  MEDISCAN_BUNDLE_INVALID = 40,
  MEDISCAN_HASH_MISMATCH = 41,
  MEDISCAN_SELF_TEST_FAILED = 42,
  MEDISCAN_BACKEND_UNAVAILABLE = 50,
  MEDISCAN_BACKEND_FAILED = 51,
  MEDISCAN_ABI_MISMATCH = 52,
  MEDISCAN_PRECISION_UNSUPPORTED = 53,
  MEDISCAN_NOT_READY = 60,
  MEDISCAN_OVERLOADED = 61,
  MEDISCAN_CANCELLED = 62,
  MEDISCAN_DEADLINE_EXCEEDED = 63,
  MEDISCAN_SHUT_DOWN = 64,
  MEDISCAN_FORKED = 65,
  MEDISCAN_INTERNAL = 90
};

/* As a string's length: it is NUL-terminated. */
#define MEDISCAN_NUL SIZE_MAX

/* As a time-out: as long as it takes. */
#define MEDISCAN_FOREVER UINT64_MAX

/* ---- Objects
 * ----------------------------------------------------------------------------------------------------------- */

typedef struct mediscan_manager mediscan_manager; /* which models live in the process */
typedef struct mediscan_model mediscan_model;     /* a loaded bundle */
typedef struct mediscan_image mediscan_image;     /* a decoded picture, immutable */
typedef struct mediscan_result mediscan_result;   /* findings and the record of what ran, immutable */
typedef struct mediscan_error mediscan_error;     /* what went wrong, where, and what to do about it, immutable */
typedef struct mediscan_job mediscan_job;         /* a picture that was handed in, and the future of its result */
typedef struct mediscan_completions mediscan_completions; /* tags of finished jobs, for an event loop */

/* ---- Library
 * ----------------------------------------------------------------------------------------------------------- */

/* "0.1.0". Never fails. */
MEDISCAN_C_API const char* mediscan_version(void);

/* "TRUNCATED_IMAGE"; "OK" for 0; "UNKNOWN" for a number that is no status. Never fails. */
MEDISCAN_C_API const char* mediscan_status_name(mediscan_status status);

/* What this library finds on this machine, as JSON: backends and the places LibTorch was looked for, devices, decoders,
 * threads. `libtorch` (may be NULL) as in mediscan_manager_options. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_system_json(const char* libtorch, char** json, mediscan_error** error);

/* Everything a bundle says, as JSON, without loading its weights. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_bundle_json(const char* path, size_t path_length, char** json,
                                                    mediscan_error** error);

/* Frees a text that the library gave to the caller; NULL is fine. */
MEDISCAN_C_API void mediscan_string_free(char* text);

/* ---- Errors
 * ------------------------------------------------------------------------------------------------------------ */

/* The status that the failed call returned; MEDISCAN_INVALID_ARGUMENT for what is no error. */
MEDISCAN_C_API mediscan_status mediscan_error_status(const mediscan_error* error);
/* Where it went wrong: "decode", "preprocess", "schedule", "backend", "analyze", "result", "bundle", "model",
 * "argument". */
MEDISCAN_C_API const char* mediscan_error_stage(const mediscan_error* error);
/* What and where, in one sentence. */
MEDISCAN_C_API const char* mediscan_error_message(const mediscan_error* error);
/* What to do about it; may be "". */
MEDISCAN_C_API const char* mediscan_error_hint(const mediscan_error* error);
/* Milliseconds after which the same call may succeed: of MEDISCAN_OVERLOADED, MEDISCAN_NOT_READY and
 * MEDISCAN_DEADLINE_EXCEEDED where that can be told; 0 otherwise, and for what is no error. */
MEDISCAN_C_API uint64_t mediscan_error_retry_after_ms(const mediscan_error* error);
MEDISCAN_C_API mediscan_status mediscan_error_release(mediscan_error* error);

/* ---- Manager
 * ----------------------------------------------------------------------------------------------------------- */

enum { MEDISCAN_LOG_DEBUG = 0, MEDISCAN_LOG_INFO = 1, MEDISCAN_LOG_WARNING = 2, MEDISCAN_LOG_ERROR = 3 };

/* One line without a trailing newline, `length` bytes and a NUL. Called from any thread; must not call the library. */
typedef void (*mediscan_log_function)(void* user, int32_t level, const char* message, size_t length);

typedef struct mediscan_manager_options {
  uint32_t struct_size;
  int32_t threads;           /* for the network; 0: what affinity and cgroup allow */
  const char* libtorch;      /* libtorch_cpu.so or a folder that holds it; NULL: search (docs/backends.md) */
  mediscan_log_function log; /* NULL: no log. Must work until the manager and its models are released */
  void* log_user;
  /* 1.0 ends here */
  uint64_t max_job_bytes;   /* of pictures and tensors held by work that is not finished; 0: 512 MiB */
  uint64_t max_model_bytes; /* of weights loaded at once: the model idle longest gives its memory back first, and comes
                               back when it is used; 0: no bound */
  int32_t max_jobs;         /* accepted and not finished, over all models, 1 to 1000000; 0: 1024 */
  uint32_t redis_ttl_s;     /* how long a result stays in Redis; 0: a day */
  uint64_t cache_memory_bytes; /* of results kept in this process; 0: none */
  const char* redis; /* keeps results in a Redis: "redis://[[user]:password@]host[:port][/db]" or "unix:/path"; NULL: no
                        Redis. Whatever happens to it, pictures are analysed */
  const char* redis_prefix;      /* begins every key there; NULL: "mediscan:" */
  const void* hmac_key;          /* authenticates what stands in Redis, 16 bytes or more; NULL: nothing does */
  uint64_t hmac_key_length;      /* 0 without a key */
  uint32_t connect_timeout_ms;   /* of Redis; 0: 50 */
  uint32_t operation_timeout_ms; /* of Redis; 0: 20 */
  /* 1.1 ends here */
} mediscan_manager_options;

/* Sets `size` bytes (sizeof your struct) to the defaults. */
MEDISCAN_C_API void mediscan_manager_options_init(mediscan_manager_options* options, size_t size);

MEDISCAN_C_API mediscan_status mediscan_manager_create(const mediscan_manager_options* options,
                                                       mediscan_manager** manager, mediscan_error** error);

/* The manager of the process, made with default options on first use; the same that C++ and Python call shared. */
MEDISCAN_C_API mediscan_status mediscan_manager_shared(mediscan_manager** manager, mediscan_error** error);

/* {"models": [...]}: state, record and counts of each. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_manager_status_json(const mediscan_manager* manager, char** json,
                                                            mediscan_error** error);

/* What was accepted and is not finished, models and cache, each against its bound. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_manager_engine_json(const mediscan_manager* manager, char** json,
                                                            mediscan_error** error);

/* Counters, histograms and gauges (docs/metrics.md). Reads /proc and asks NVML: not for every picture. The text is the
 * caller's. */
MEDISCAN_C_API mediscan_status mediscan_manager_metrics_json(const mediscan_manager* manager, char** json,
                                                             mediscan_error** error);

/* The same in Prometheus' text format 0.0.4. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_manager_prometheus(const mediscan_manager* manager, char** text,
                                                           mediscan_error** error);

/* From now on new work is MEDISCAN_SHUT_DOWN; what was accepted ends normally. *drained (may be NULL): 1 when all of it
 * has, 0 when the time was up before. */
MEDISCAN_C_API mediscan_status mediscan_manager_drain(mediscan_manager* manager, uint64_t timeout_ns, int32_t* drained,
                                                      mediscan_error** error);

MEDISCAN_C_API mediscan_status mediscan_manager_retain(mediscan_manager* manager);
/* With the last reference its models are unloaded: work in flight ends normally, later use of them is
 * MEDISCAN_NOT_READY. */
MEDISCAN_C_API mediscan_status mediscan_manager_release(mediscan_manager* manager);

/* ---- Models
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct mediscan_load_options {
  uint32_t struct_size;
  int32_t max_batch;     /* largest batch handed to the backend, 1 to 64; 0: 8 */
  const char* backend;   /* "auto" (NULL): the best real backend that opens the bundle; "torch"; "onednn"; "mock"
                            (simulated scores) */
  const char* device;    /* "auto" (NULL), "cpu", "cuda:0", ... */
  const char* precision; /* "fp32" (NULL), "bf16", "fp16", "int8"; "auto": the fastest allowed */
  const char* fallback;  /* "never" (NULL): the load fails; "mock": simulated results that say so */
  /* 1.0 ends here */
  int32_t batch_invariant;  /* not 0: every picture runs in a batch of its own, so that its scores do not depend, not
                               even in the last bit, on what else is analysed at the same time */
  uint32_t max_delay_us;    /* how long a free lane may wait for a fuller batch, up to 1000000; 0 never waits */
  uint32_t hang_timeout_ms; /* a backend that has not returned from a batch for so long is given up and the model is
                               FAILED, 10 to 3600000; 0: 60000 */
  uint32_t reserved;        /* 0 */
  /* 1.1 ends here */
  const char* profile; /* where a profile of `mediscan tune` may stand, which then chooses what is left open above:
                          "auto" (NULL): the file that the variable MEDISCAN_PROFILE names, else the default place;
                          "off"; or a file. One that is not for this machine and bundle is left alone */
  int32_t lanes;       /* sessions of the model that share its queue and the manager's threads, 1 to 64; 0: what a
                          profile says, else 1 */
  uint32_t reserved2;  /* 0 */
} mediscan_load_options;

MEDISCAN_C_API void mediscan_load_options_init(mediscan_load_options* options, size_t size);

/* Loads a bundle and returns when it is ready: hashes, build, self-test, warm-up. A second load of the same folder with
 * the same options is the same model. Fails with MEDISCAN_NOT_FOUND, MEDISCAN_BUNDLE_INVALID, MEDISCAN_HASH_MISMATCH,
 * MEDISCAN_SELF_TEST_FAILED, MEDISCAN_BACKEND_UNAVAILABLE, MEDISCAN_PRECISION_UNSUPPORTED, ... */
MEDISCAN_C_API mediscan_status mediscan_model_load(mediscan_manager* manager, const char* path, size_t path_length,
                                                   const mediscan_load_options* options, mediscan_model** model,
                                                   mediscan_error** error);

/* As mediscan_model_load, but returns once the manifest is read (its faults are this call's): the rest goes on in the
 * background. mediscan_model_status_json tells its progress, mediscan_model_wait its end; work handed in meanwhile
 * waits for it. */
MEDISCAN_C_API mediscan_status mediscan_model_load_async(mediscan_manager* manager, const char* path,
                                                         size_t path_length, const mediscan_load_options* options,
                                                         mediscan_model** model, mediscan_error** error);

/* Waits for the load in flight. *loaded (may be NULL): 1 when the model is ready, 0 when the time was up before. A load
 * that failed is the failure of this call. */
MEDISCAN_C_API mediscan_status mediscan_model_wait(const mediscan_model* model, uint64_t timeout_ns, int32_t* loaded,
                                                   mediscan_error** error);

/* Puts another bundle in the model's place without a request failing: loads and proves it beside the old one, switches
 * at once, lets the old one finish its work and frees it; then returns. `options` NULL: as the model was loaded. All
 * handles of the model mean the new bundle afterwards. Fails as mediscan_model_load does, and then the old one serves
 * on; MEDISCAN_OVERLOADED while another load or swap of it is in flight; MEDISCAN_NOT_READY when it is not this
 * manager's. */
MEDISCAN_C_API mediscan_status mediscan_model_swap(mediscan_manager* manager, mediscan_model* model, const char* path,
                                                   size_t path_length, const mediscan_load_options* options,
                                                   mediscan_error** error);

/* Takes the model out of service in its manager and frees its memory; its handles stay valid and give
 * MEDISCAN_NOT_READY. MEDISCAN_NOT_READY too when it was unloaded already or is not this manager's. */
MEDISCAN_C_API mediscan_status mediscan_model_unload(mediscan_manager* manager, mediscan_model* model,
                                                     mediscan_error** error);

/* State, model record, execution record, self-test and counts, as JSON. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_model_status_json(const mediscan_model* model, char** json,
                                                          mediscan_error** error);

MEDISCAN_C_API mediscan_status mediscan_model_retain(mediscan_model* model);
/* Gives a reference back. The model stays loaded in its manager. */
MEDISCAN_C_API mediscan_status mediscan_model_release(mediscan_model* model);

/* ---- Images
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct mediscan_decode_options {
  uint32_t struct_size;
  int32_t apply_orientation; /* not 0: turn the picture as its EXIF orientation says */
  const char* decoder;       /* "auto" (NULL), "turbo", "stb" */
  const char* name;    /* stands in results and begins error messages; NULL: none. Of a file its own name counts */
  uint64_t max_pixels; /* width x height; 0: 64 million */
  uint64_t max_decoded_bytes; /* pixels and all that the decoder allocates; 0: 256 MiB */
  uint64_t max_file_bytes;    /* encoded; 0: 64 MiB */
  uint32_t max_side;          /* width and height, each; 0: 16384 */
  uint32_t reserved;          /* 0 */
  /* 1.0 ends here */
  int32_t fast_decode; /* not 0: mediscan_analyze_bytes and mediscan_submit_bytes may decode a JPEG at 1/2, 1/4 or 1/8
                          of its size where the model's recipe still shrinks that by 2 or more. Faster for large
                          pictures; scores may differ slightly, and the result has the warning FAST_DECODE. Without
                          effect elsewhere, on PNG, and with decoder "stb" */
  uint32_t reserved2;  /* 0 */
  /* 1.2 ends here */
} mediscan_decode_options;

MEDISCAN_C_API void mediscan_decode_options_init(mediscan_decode_options* options, size_t size);

/* A JPEG or PNG in memory; the bytes are not kept. Fails with MEDISCAN_EMPTY_INPUT, MEDISCAN_UNSUPPORTED_FORMAT,
 * MEDISCAN_CORRUPT_IMAGE, MEDISCAN_TRUNCATED_IMAGE, MEDISCAN_LIMIT_EXCEEDED, MEDISCAN_OUT_OF_MEMORY. */
MEDISCAN_C_API mediscan_status mediscan_image_decode(const void* bytes, size_t length,
                                                     const mediscan_decode_options* options, mediscan_image** image,
                                                     mediscan_error** error);

/* A JPEG or PNG file. As mediscan_image_decode, and MEDISCAN_IO_ERROR. */
MEDISCAN_C_API mediscan_status mediscan_image_read(const char* path, size_t path_length,
                                                   const mediscan_decode_options* options, mediscan_image** image,
                                                   mediscan_error** error);

typedef struct mediscan_pixels {
  uint32_t struct_size;
  uint32_t width;
  uint32_t height;
  uint32_t channels;  /* 1 (grey), 3 (RGB), 4 (RGBA; alpha is dropped with a warning); interleaved */
  uint32_t bits;      /* 8: uint8_t samples; 9 to 16: uint16_t samples of which so many bits are significant */
  uint32_t reserved;  /* 0 */
  uint64_t row_bytes; /* distance between rows; 0: tightly packed */
  const void* data;   /* rows from top to bottom, native byte order */
  /* 1.0 ends here */
} mediscan_pixels;

/* Copies raw pixels. Fails with MEDISCAN_INVALID_ARGUMENT (impossible sizes, a sample beyond `bits`),
 * MEDISCAN_LIMIT_EXCEEDED. Of `options` the limits and the name count. */
MEDISCAN_C_API mediscan_status mediscan_image_from_pixels(const mediscan_pixels* pixels,
                                                          const mediscan_decode_options* options,
                                                          mediscan_image** image, mediscan_error** error);

typedef struct mediscan_image_info {
  uint32_t struct_size;
  uint32_t width;
  uint32_t height;
  uint32_t channels;           /* 1 or 3 */
  uint32_t bits;               /* significant bits of a sample */
  int32_t exif_orientation;    /* 1 to 8 as stored */
  int32_t orientation_applied; /* 0 or 1 */
  uint32_t warning_count;      /* mediscan_image_json has their texts */
  const char* name;            /* "" for bytes and pixels */
  const char* sha256;          /* of the encoded bytes, or of the packed pixels; 64 hex digits */
  const char* format;          /* "jpeg", "png", "pixels" */
  const char* decoder;         /* "libjpeg-turbo 2.1.5"; "" for pixels */
  const char* source_mode;     /* as stored: "grey", "rgb", "palette", "cmyk", ... */
  double decode_ms;
  const void* pixels; /* rows from top to bottom, tightly packed, interleaved, uint8_t or (beyond 8 bits) uint16_t */
  uint64_t pixel_bytes;
  /* 1.0 ends here */
} mediscan_image_info;

MEDISCAN_C_API mediscan_status mediscan_image_get_info(const mediscan_image* image, mediscan_image_info* info,
                                                       mediscan_error** error);
/* Everything known of the picture but its pixels, as JSON. The text is the caller's. */
MEDISCAN_C_API mediscan_status mediscan_image_json(const mediscan_image* image, char** json, mediscan_error** error);

MEDISCAN_C_API mediscan_status mediscan_image_retain(mediscan_image* image);
MEDISCAN_C_API mediscan_status mediscan_image_release(mediscan_image* image);

/* ---- Analysis
 * ---------------------------------------------------------------------------------------------------------- */

/* Called when a job is done, however it ends, exactly once, by a thread of the library that holds no lock; it may call
 * every function. `job` is the handle that the submitting call gives, perhaps before that call has returned; it is
 * alive during the call, even when the reference of the submitting call is released in it. One callback runs after the
 * other: a slow one delays others' callbacks and nothing else. */
typedef void (*mediscan_job_function)(void* user, mediscan_job* job);

enum { MEDISCAN_PRIORITY_LOW = -1, MEDISCAN_PRIORITY_NORMAL = 0, MEDISCAN_PRIORITY_HIGH = 1 };

/* How one picture is to be analysed. The last four say how the end of a job is told, and so are for mediscan_submit and
 * mediscan_submit_bytes alone: MEDISCAN_INVALID_ARGUMENT elsewhere. */
typedef struct mediscan_request {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  /* 1.0 ends here */
  uint64_t timeout_ns;               /* from the call on, of a batch for each picture; what is not done by then is
                                        MEDISCAN_DEADLINE_EXCEEDED, at once where that can be foreseen; 0: none */
  int32_t priority;                  /* higher ones first; within one, the earliest deadline first */
  int32_t no_cache;                  /* not 0: neither comes from nor goes to the manager's cache */
  mediscan_completions* completions; /* where `tag` goes when the job is done; NULL: nowhere */
  uint64_t tag;
  mediscan_job_function on_done; /* NULL: none */
  void* on_done_user;
  /* 1.1 ends here */
} mediscan_request;

MEDISCAN_C_API void mediscan_request_init(mediscan_request* request, size_t size);

/* One picture. Fails with MEDISCAN_NOT_READY (unloaded or FAILED), MEDISCAN_BACKEND_FAILED,
 * MEDISCAN_DEADLINE_EXCEEDED, MEDISCAN_OVERLOADED (the manager's bounds), MEDISCAN_SHUT_DOWN (drained), and what
 * preprocessing refuses. A model that is loading is waited for. */
MEDISCAN_C_API mediscan_status mediscan_analyze(mediscan_model* model, const mediscan_image* image,
                                                const mediscan_request* request, mediscan_result** result,
                                                mediscan_error** error);

/* An encoded picture in memory: decodes and analyses; faster than the two calls, since only what the model looks at
 * need be decoded. */
MEDISCAN_C_API mediscan_status mediscan_analyze_bytes(mediscan_model* model, const void* bytes, size_t length,
                                                      const mediscan_decode_options* options,
                                                      const mediscan_request* request, mediscan_result** result,
                                                      mediscan_error** error);

/* Many pictures, in batches. `results` and `errors` (may be NULL) have room for `count`; of each picture either its
 * result or its error is set, the other one NULL. MEDISCAN_OK when the call itself worked, however many pictures
 * failed; otherwise neither array is touched. */
MEDISCAN_C_API mediscan_status mediscan_analyze_batch(mediscan_model* model, const mediscan_image* const* images,
                                                      size_t count, const mediscan_request* request,
                                                      mediscan_result** results, mediscan_error** errors,
                                                      mediscan_error** error);

/* ---- Jobs
 * --------------------------------------------------------------------------------------------------------------- */

/* Hands a picture in and returns at once: it is prepared on the manager's own threads and run in a batch with others.
 * The job is the caller's. Its end is told by mediscan_job_wait, `on_done` and `completions`. What the manager's bounds
 * refuse (MEDISCAN_OVERLOADED), a deadline that cannot be met, MEDISCAN_SHUT_DOWN and MEDISCAN_NOT_READY are this
 * call's failures, and then there is no job; every other failure is the job's. */
MEDISCAN_C_API mediscan_status mediscan_submit(mediscan_model* model, const mediscan_image* image,
                                               const mediscan_request* request, mediscan_job** job,
                                               mediscan_error** error);

/* The same with an encoded picture in memory, which is copied. That it cannot be decoded is the job's failure. */
MEDISCAN_C_API mediscan_status mediscan_submit_bytes(mediscan_model* model, const void* bytes, size_t length,
                                                     const mediscan_decode_options* options,
                                                     const mediscan_request* request, mediscan_job** job,
                                                     mediscan_error** error);

/* How far a job has come; it only moves forward. */
enum {
  MEDISCAN_JOB_RECEIVED = 1, /* waits for a thread, or for its model to load */
  MEDISCAN_JOB_DECODING = 2, /* is decoded and preprocessed */
  MEDISCAN_JOB_QUEUED = 3,   /* its tensor waits for the model's lane */
  MEDISCAN_JOB_RUNNING = 4,  /* in a batch */
  MEDISCAN_JOB_DONE = 5      /* with a result, an error, or cancelled */
};

/* One of the above; 0 for what is no job. Never waits. */
MEDISCAN_C_API int32_t mediscan_job_state(const mediscan_job* job);

/* Waits for the end of a job, whatever it is. *done (may be NULL): 1 when it is done, 0 when the time was up before;
 * that leaves the job alone. */
MEDISCAN_C_API mediscan_status mediscan_job_wait(const mediscan_job* job, uint64_t timeout_ns, int32_t* done,
                                                 mediscan_error** error);

/* The result of a job that is done; it is the caller's, and each call gives another reference to it. Otherwise the
 * status and error are the job's own (MEDISCAN_CANCELLED and MEDISCAN_DEADLINE_EXCEEDED among them), or
 * MEDISCAN_NOT_READY while it is not done. Never waits. */
MEDISCAN_C_API mediscan_status mediscan_job_result(const mediscan_job* job, mediscan_result** result,
                                                   mediscan_error** error);

/* Ends a job as MEDISCAN_CANCELLED at once, wherever it is. *cancelled (may be NULL): 1, or 0 when it was done before.
 */
MEDISCAN_C_API mediscan_status mediscan_job_cancel(mediscan_job* job, int32_t* cancelled, mediscan_error** error);

MEDISCAN_C_API mediscan_status mediscan_job_retain(mediscan_job* job);
/* Gives a reference back. That does not cancel the job. */
MEDISCAN_C_API mediscan_status mediscan_job_release(mediscan_job* job);

/* Collects the tags of finished jobs: one file descriptor for any number of them. Fails with MEDISCAN_IO_ERROR when the
 * system has no descriptor to give. */
MEDISCAN_C_API mediscan_status mediscan_completions_create(mediscan_completions** completions, mediscan_error** error);

/* An eventfd that is readable while tags wait; -1 for what are no completions. Poll it; never read, write or close it.
 * It is the library's, and open until the last reference is released. */
MEDISCAN_C_API int32_t mediscan_completions_fd(const mediscan_completions* completions);

/* Moves up to `capacity` waiting tags into `tags`, oldest first, and says how many in *count. Never waits. The job of a
 * tag is done. */
MEDISCAN_C_API mediscan_status mediscan_completions_take(mediscan_completions* completions, uint64_t* tags,
                                                         size_t capacity, size_t* count, mediscan_error** error);

MEDISCAN_C_API mediscan_status mediscan_completions_retain(mediscan_completions* completions);
/* Gives a reference back. Jobs in flight go on; with the last reference their tags are lost. */
MEDISCAN_C_API mediscan_status mediscan_completions_release(mediscan_completions* completions);

/* ---- Preprocessing
 * ------------------------------------------------------------------------------------------------------ */

typedef struct mediscan_tensor_shape {
  uint32_t struct_size;
  uint32_t channels;
  uint32_t height;
  uint32_t width;
  int32_t channels_last; /* 0: values are in the order channel, row, column; 1: row, column, channel */
  uint32_t reserved;
  /* 1.0 ends here */
} mediscan_tensor_shape;

/* The model's input for a picture, as the network would get it: float32. `values` NULL: only the shape. Otherwise
 * `capacity` floats are there, and MEDISCAN_INVALID_ARGUMENT when they are too few. `shape` may be NULL when `values`
 * is not. */
MEDISCAN_C_API mediscan_status mediscan_preprocess(const mediscan_model* model, const mediscan_image* image,
                                                   float* values, size_t capacity, mediscan_tensor_shape* shape,
                                                   mediscan_error** error);

/* ---- Results
 * ----------------------------------------------------------------------------------------------------------- */

typedef struct mediscan_finding {
  uint32_t struct_size;
  int32_t available; /* 0: the network has no trained output for it; then probability is NaN and decision -1 */
  int32_t decision;  /* 1 yes, 0 no, -1 none. One class of many: is the top class. Yes-or-no labels: probability >=
                        operating_point */
  uint32_t reserved;
  const char* code;
  const char* label;
  const char* snomed;     /* NULL when the bundle names none */
  double logit;           /* as the network gave it */
  double probability;     /* 0 to 1, or NaN */
  double operating_point; /* the threshold of the decision, or NaN where there is none (one class of many) */
  /* 1.0 ends here */
} mediscan_finding;

/* Most probable first, unavailable ones last. 0 for what is no result. */
MEDISCAN_C_API size_t mediscan_result_finding_count(const mediscan_result* result);
MEDISCAN_C_API mediscan_status mediscan_result_finding(const mediscan_result* result, size_t index,
                                                       mediscan_finding* finding, mediscan_error** error);

/* What really ran. Times are milliseconds of wall time (docs/result.md). */
typedef struct mediscan_execution {
  uint32_t struct_size;
  int32_t simulated;      /* 1: scores do not come from the model's weights. Show it to whoever sees the result */
  uint32_t batch_size;    /* of the batch this picture ran in */
  uint32_t warning_count; /* mediscan_result_json has their texts */
  const char* backend;
  const char* backend_version;
  const char* device;
  const char* precision;
  const char* fallback_reason; /* NULL unless a fallback answered */
  const char* model_name;
  const char* model_version;
  const char* model_sha256; /* of the weights */
  const char* input_sha256;
  const char* notice; /* "research use only, not a medical device" */
  double decode_ms;
  double preprocess_ms;
  double queue_ms;
  double inference_ms;
  double postprocess_ms;
  double total_ms;
  /* 1.0 ends here */
  int32_t cached; /* 1: from the cache. The record is that of the analysis which made it, the times are today's */
  uint32_t reserved;
  /* 1.1 ends here */
} mediscan_execution;

MEDISCAN_C_API mediscan_status mediscan_result_execution(const mediscan_result* result, mediscan_execution* execution,
                                                         mediscan_error** error);

/* The whole record as one line of JSON (docs/result.md); owned by the result. NULL for what is no result, or without
 * memory. */
MEDISCAN_C_API const char* mediscan_result_json(const mediscan_result* result);

MEDISCAN_C_API mediscan_status mediscan_result_retain(mediscan_result* result);
MEDISCAN_C_API mediscan_status mediscan_result_release(mediscan_result* result);

#ifdef __cplusplus
}
#endif

#endif /* MEDISCAN_MEDISCAN_H */
