// The load generator: reads the options, runs one mode, prints its result.
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "connect.h"
#include "handover.h"
#include "idle.h"
#include "traffic.h"

namespace {

/** Thousands of connections need as many descriptors: take what the hard limit gives. */
void raiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int runConnect(const Options& options) {
  Loop loop;
  Connect driver(loop, options);
  loop.run(driver);
  return driver.report();
}

std::unique_ptr<Fleet> makeFleet(Loop& loop, const Options& options) {
  Welcome map = askForMap(options);
  if (options.mode == Mode::handover) return std::make_unique<Handover>(loop, options, std::move(map));
  if (options.mode == Mode::idle) return std::make_unique<Idle>(loop, options, std::move(map));
  return std::make_unique<Traffic>(loop, options, std::move(map));
}

int run(Options options) {
  if (options.mode == Mode::connect) return runConnect(options);
  if (options.mode == Mode::fill) options.sessions = false;
  Loop loop;
  const std::unique_ptr<Fleet> fleet = makeFleet(loop, options);
  loop.run(*fleet);
  return fleet->report();
}

}  // namespace

int main(int count, char** words) {
  raiseDescriptorLimit();
  try {
    return run(readOptions(count, words));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
