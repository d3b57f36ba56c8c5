// How mediscan_request is read, for every function that takes one.
#pragma once

#include <mediscan/mediscan.h>
#include <mediscan/job.hpp>

namespace mediscan::capi {

/// Of a caller who waits. Throws INVALID_ARGUMENT, also when the request says how the end of a job is to be told.
JobOptions waiting_options(const mediscan_request* given);

/// Of a caller who does not. The callback is not among them: it needs the job's handle. Throws INVALID_ARGUMENT, and
/// FORKED for completions of the parent.
JobOptions submit_options(const mediscan_request* given);

/// Adds how encoded bytes are read and what they are called.
void set_decode(JobOptions& options, const mediscan_decode_options* decode);

}  // namespace mediscan::capi
