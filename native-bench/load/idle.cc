// Each session holds one claim bound to it. Links take their claims one after the other: with all at once the server's
// memory would show the burst, not the sessions.
#include "idle.h"

#include <utility>

#include "clock.h"

namespace {

uint32_t sessionsPerLink(const Options& options) {
  return (options.idleSessions + options.connections - 1) / options.connections;
}

}  // namespace

Idle::Idle(Loop& loop, const Options& options, Welcome welcome)
    : Fleet(loop, options, std::move(welcome), sessionsPerLink(options), options.sessionTtlMs / 6),
      sessionCount_(sessionsPerLink(options) * options.connections),
      // Shards are not equal: twice as many names as sessions, so that each worker has enough of its own.
      resources_(sessionCount_ * 2 + 1000, options.nameSize) {
  pools_ = resources_.pools(0, sessionCount_ * 2 + 1000, map, true);
  next_.resize(pools_.size());
}

void Idle::begin(uint64_t nowNs) {
  tally_.start(nowNs);
  claim(loop.link(0));
  loop.flush(loop.link(0));
}

void Idle::claim(Link& link) {
  const Pool& pool = pools_[link.welcome().worker];
  uint32_t& next = next_[link.welcome().worker];
  for (const uint64_t path : link.paths()) {
    if (next == pool.count) throw std::runtime_error("a worker has too few of the resources for its sessions");
    link.group(path, 0);
    link.acquire(1, resources_.name(pool.at(next)), 0, 0);
    next += 1;
  }
}

void Idle::onAnswer(Link& link, const Answer& answer, uint64_t nowNs) {
  if (answer.kind == kind::done) {
    keptCount_ += 1;
    return;
  }
  tally_.count(answer.kind);
  if (answer.kind == kind::fault) tally_.fail(answer.code);
  if (answer.kind >= kind::claimEnded) tally_.fail("push " + std::to_string(answer.kind));
  if (heldFromNs_ != 0 || answer.path == 0) return;
  if (answer.kind != kind::granted) tally_.fail("not granted");
  answered_ += 1;
  if (answered_ == sessionCount_) {
    heldFromNs_ = nowNs;
    notice(options, "held", {{"sessions", static_cast<double>(sessionCount_)}});
  } else if (answered_ % link.paths().size() == 0) {
    Link& nextLink = loop.link(link.index() + 1);
    claim(nextLink);
    nextLink.flush();
  }
}

uint64_t Idle::tick(uint64_t nowNs) {
  if (heldFromNs_ == 0 || static_cast<double>(nowNs - heldFromNs_) < options.seconds * nsPerSecond) {
    return nowNs + 10 * nsPerMs;
  }
  tally_.end(nowNs);
  finish();
  return nowNs;
}

int Idle::report() {
  printResult(options, map.server, {{"idle", &tally_}},
              {{"sessions", static_cast<double>(sessionCount_)},
               {"keepAlivesAnswered", static_cast<double>(keptCount_)},
               {"errorCount", static_cast<double>(tally_.errorCount())}},
              violations);
  return exitCode();
}
