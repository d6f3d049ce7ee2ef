// Waiters go round: who is granted releases at once and queues again at the tail, so as many wait all the time, and
// from the second time round on the order must repeat itself (INV-6).
#include "handover.h"

#include <algorithm>
#include <utility>

#include "clock.h"

namespace {

constexpr uint32_t waitMs = 3'600'000;
constexpr uint64_t checkEveryNs = 20 * nsPerMs;
constexpr uint64_t stallNs = 30 * nsPerSecond;

/** One more than wait: one holds. */
uint32_t sessionsPerLink(const Options& options) {
  return (options.waiters + 1 + options.connections - 1) / options.connections;
}

uint32_t keepAliveMs(const Options& options, const Welcome& map) {
  return std::min(options.sessionTtlMs / 6, map.waitingGraceMs / 4);
}

}  // namespace

Handover::Handover(Loop& loop, const Options& options, Welcome map)
    : Fleet(loop, options, map, sessionsPerLink(options), keepAliveMs(options, map)) {
  Resources names(1, options.nameSize);
  resource_ = names.name(0);
}

uint32_t Handover::workerFor(uint32_t) const { return map.workerOf(resource_); }

void Handover::begin(uint64_t nowNs) {
  for (uint32_t index = 0; index < loop.linkCount(); index += 1) {
    Link& link = loop.link(index);
    for (const uint64_t path : link.paths()) {
      if (waiters_.size() > options.waiters) break;
      waiterOf_.emplace(path, static_cast<uint32_t>(waiters_.size()));
      waiters_.push_back(Waiter{&link, path});
    }
  }
  for (Waiter& waiter : waiters_) enqueue(waiter);
  for (uint32_t index = 0; index < loop.linkCount(); index += 1) loop.flush(loop.link(index));
  stageStartNs_ = nowNs;
  order_.reserve(waiters_.size());
}

void Handover::enqueue(Waiter& waiter) {
  waiter.link->group(waiter.path, waiter.seenThrough);
  waiter.waitId = waiter.nextId;
  waiter.link->acquire(waiter.nextId, resource_, options.ttlMs, waitMs);
  waiter.nextId += 1;
}

/** There is no answer to "it waits": a check tells how many do. */
void Handover::askForQueue(uint64_t nowNs) {
  if (nowNs < nextCheckNs_) return;
  nextCheckNs_ = nowNs + checkEveryNs;
  Link& link = loop.link(0);
  link.check(checkId_, resource_);
  checkId_ += 1;
  loop.flush(link);
}

uint64_t Handover::tick(uint64_t nowNs) {
  if (stage_ == Stage::queueing) {
    if (nowNs > stageStartNs_ + stallNs) throw std::runtime_error("not all waiters were in the queue after 30 s");
    askForQueue(nowNs);
    return nextCheckNs_;
  }
  if (nowNs > releasedAtNs_ + stallNs) throw std::runtime_error("nobody was granted for 30 s after a release");
  const double seconds = static_cast<double>(nowNs - stageStartNs_) / nsPerSecond;
  if (stage_ == Stage::warmingUp && seconds >= options.warmupSeconds) {
    stage_ = Stage::measuring;
    stageStartNs_ = nowNs;
    tally_.start(nowNs);
  } else if (stage_ == Stage::measuring && seconds >= options.seconds) {
    tally_.end(nowNs);
    finish();
  }
  return nowNs + 10 * nsPerMs;
}

void Handover::onAnswer(Link&, const Answer& answer, uint64_t nowNs) {
  tally_.count(answer.kind);
  if (answer.kind == kind::fault) {
    tally_.fail(answer.code);
    return;
  }
  if (answer.kind == kind::checked && answer.path == 0) {
    const bool allWait = answer.fields[1] == options.waiters && firstToken_ != 0;
    if (stage_ != Stage::queueing || !allWait) return;
    stage_ = Stage::warmingUp;
    stageStartNs_ = nowNs;
    Waiter& first = waiters_[firstHolder_];
    takeGrant(first, firstToken_, nowNs);
    return;
  }
  const auto found = waiterOf_.find(answer.path);
  if (found == waiterOf_.end()) return;
  Waiter& waiter = waiters_[found->second];
  if (answer.kind == kind::released) {
    waiter.seenThrough = std::max(waiter.seenThrough, answer.id);
    return;
  }
  if (answer.kind == kind::notHeld) violations.add("INV-8: a grant is not held when it is released");
  if (answer.kind != kind::granted || answer.id != waiter.waitId) return;

  const auto token = static_cast<uint64_t>(answer.fields[0]);
  if (token <= lastToken_) {
    violations.add("INV-2: token " + std::to_string(token) + " after " + std::to_string(lastToken_));
  }
  lastToken_ = token;
  if (stage_ == Stage::queueing) {
    if (firstToken_ != 0) violations.add("INV-1: two were granted before a release");
    firstHolder_ = found->second;
    firstToken_ = token;
    return;
  }
  if (releasedAtNs_ == 0) violations.add("INV-1: granted while another holds");
  tally_.latency.record(nowNs - releasedAtNs_);
  checkOrder(found->second);
  takeGrant(waiter, token, nowNs);
}

/** Releases at once, and queues again in the same frame. */
void Handover::takeGrant(Waiter& waiter, uint64_t token, uint64_t) {
  Link& link = *waiter.link;
  link.group(waiter.path, waiter.waitId);
  link.release(waiter.nextId, resource_, token);
  waiter.nextId += 1;
  waiter.waitId = waiter.nextId;
  link.acquire(waiter.nextId, resource_, options.ttlMs, waitMs);
  waiter.nextId += 1;
  releasedAtNs_ = nowNs();
  link.flush();
}

void Handover::checkOrder(uint32_t waiter) {
  if (order_.size() < waiters_.size()) {
    order_.push_back(waiter);
    return;
  }
  if (order_[orderAt_ % order_.size()] != waiter) violations.add("INV-6: a waiter was granted out of its turn");
  orderAt_ += 1;
}

int Handover::report() {
  printResult(options, map.server, {{"measured", &tally_}},
              {{"waiters", static_cast<double>(options.waiters)},
               {"errorCount", static_cast<double>(tally_.errorCount())}},
              violations);
  return exitCode();
}
