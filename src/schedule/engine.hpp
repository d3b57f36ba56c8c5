// What the models of one manager share: threads that prepare pictures, that load, that call back, one that watches the
// time, and the bound on accepted work.
#pragma once

#include <mediscan/options.hpp>
#include <memory>

#include "schedule/admission.hpp"
#include "schedule/pool.hpp"
#include "schedule/watch.hpp"

namespace mediscan::schedule {

struct Engine {
  Engine(const ManagerOptions& options, int threads)
      : admission(static_cast<std::uint64_t>(options.max_jobs), options.max_job_bytes),
        watch(std::make_shared<Watch>()),
        loads("mediscan load", 2),
        callbacks("mediscan calls", 1),
        pool("mediscan pool", threads) {}

  Admission admission;
  const std::shared_ptr<Watch> watch;
  Pool loads;      ///< opens models in the background
  Pool callbacks;  ///< one after the other
  Pool pool;       ///< decodes and preprocesses
};

}  // namespace mediscan::schedule
