// What all modes share: finding out which worker has what, connecting, opening sessions, and keeping them alive.
#pragma once

#include <cstdint>
#include <string>

#include "loop.h"
#include "options.h"
#include "report.h"
#include "resources.h"

class Fleet : public Driver {
 public:
  /** @param sessionsPerLink 0: session-less. */
  Fleet(Loop& loop, const Options& options, Welcome map, uint32_t sessionsPerLink, uint32_t keepAliveMs);

  uint64_t onTick(uint64_t nowNs) final;
  bool isDone() const final { return done_; }
  void onWelcome(Link& link) final;
  void onOpened(Link& link) final;
  void onClosed(Link& link, const std::string& reason) final;

  /** Prints the result; answers the exit code. */
  virtual int report() = 0;

 protected:
  /** All links are ready. */
  virtual void begin(uint64_t nowNs) = 0;
  /** Called once a round from then on; answers when at the latest again. */
  virtual uint64_t tick(uint64_t nowNs) = 0;
  virtual uint32_t workerFor(uint32_t link) const;

  void finish() { done_ = true; }
  int exitCode() const { return failure_.empty() ? (violations.count() > 0 ? 2 : 0) : 1; }

  Loop& loop;
  const Options& options;
  const Welcome map;
  /** An echo grants whatever it is asked for: nothing to check there. */
  const bool verifies;
  Violations violations;

 private:
  void connectMore();
  void keepAlive(uint64_t nowNs);

  uint32_t sessionsPerLink_;
  uint64_t keepAliveNs_;
  uint64_t keepAliveDueNs_ = 0;
  uint32_t keepAliveLink_ = 0;
  uint32_t readyCount_ = 0;
  bool begun_ = false;
  bool done_ = false;
  std::string failure_;
};

/** Asks the server at `--url` for its map (and ring); throws std::runtime_error if there is none. */
Welcome askForMap(const Options& options);
