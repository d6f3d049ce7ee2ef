// One request of the traffic: which it is, and what its answer tells about INV-1, INV-2 and INV-8.
#include <algorithm>
#include <string>

#include "clock.h"
#include "traffic.h"

namespace {

/** a claim is believed in for TTL × (1 − 2ρ), ρ = 0.0005, from before it was asked for. */
uint64_t beliefNs(uint64_t ttlMs) { return ttlMs * (nsPerMs - nsPerMs / 1000); }

/** Releases between asking for a cell and needing it. */
constexpr uint32_t expectAhead = 8;

}  // namespace

void Traffic::openFrame(Agent& agent) {
  if (options.sessions) agent.link.group(agent.link.paths()[0], agent.seenThrough());
}

/** Writes one request; false if there is none to make. */
bool Traffic::sendOne(Agent& agent, uint64_t sentAtNs) {
  if (phase().fills) return sendFill(agent, sentAtNs);
  const uint32_t drawn = random_.below(100);
  const bool canRelease = agent.heldCount() > 0;
  if (drawn < options.mixAcquire + options.mixRelease) {
    // A release needs something held, an acquire room to hold it: in the long run there are as many of both.
    const bool wantsAcquire = drawn < options.mixAcquire;
    if (canRelease && (!wantsAcquire || !agent.mayHoldMore())) {
      sendRelease(agent, sentAtNs);
    } else {
      if (!agent.mayHoldMore()) return false;
      sendAcquire(agent, sentAtNs);
    }
    return true;
  }
  const bool wantsRenew = drawn < 100 - options.mixCheck;
  if (wantsRenew && canRelease) {
    const Held held = agent.any(random_);
    Pending& pending = agent.ask(kind::renew, held.resource, sentAtNs);
    pending.token = held.token;
    agent.link.renew(pending.id, resources_.name(held.resource), held.token, options.ttlMs);
    return true;
  }
  const uint32_t resource = canRelease ? agent.any(random_).resource : chooseResource(agent.link.welcome().worker);
  const Pending& pending = agent.ask(kind::check, resource, sentAtNs);
  agent.link.check(pending.id, resources_.name(resource));
  return true;
}

bool Traffic::sendFill(Agent& agent, uint64_t sentAtNs) {
  const uint32_t worker = agent.link.welcome().worker;
  // Without a map by worker, all share the first pool: each resource is asked for once.
  const uint32_t pool = options.direct || options.sessions ? worker : 0;
  if (fillNext_[pool] == fillPools_[pool].count) return false;
  const uint32_t resource = fillPools_[pool].at(fillNext_[pool]);
  fillNext_[pool] += 1;
  Pending& pending = agent.ask(kind::acquire, resource, sentAtNs);
  pending.fills = true;
  agent.link.acquire(pending.id, resources_.name(resource), options.ttlMs, 0);
  return true;
}

uint32_t Traffic::chooseResource(uint32_t worker) {
  const Pool& pool = mixPools_[worker];
  if (pool.count == 0 || options.choice == Choice::hot) return pool.count == 0 ? mixPools_[0].first : pool.at(0);
  return pool.at(zipf_ ? zipf_->next(random_) % pool.count : random_.below(pool.count));
}

void Traffic::sendAcquire(Agent& agent, uint64_t sentAtNs) {
  const uint32_t resource = chooseResource(agent.link.welcome().worker);
  const Pending& pending = agent.ask(kind::acquire, resource, sentAtNs);
  agent.acquiring += 1;
  resources_.expect(resource);
  agent.link.acquire(pending.id, resources_.name(resource), options.ttlMs, 0);
}

void Traffic::sendRelease(Agent& agent, uint64_t sentAtNs) {
  const Held held = agent.takeOldest();
  resources_.expect(agent.oldestAfter(expectAhead).resource);
  Resources::Cell& cell = resources_.cell(held.resource);
  Pending& pending = agent.ask(kind::release, held.resource, sentAtNs);
  pending.token = held.token;
  if (cell.token == held.token) {
    pending.believedUntilNs = cell.believedUntilNs;
    cell.believedUntilNs = 0;  // Belief ends before the release is sent.
  }
  agent.link.release(pending.id, resources_.name(held.resource), held.token);
}

void Traffic::onAnswer(Link& link, const Answer& answer, uint64_t nowNs) {
  // A cluster tells of a new map whenever it likes.
  const bool isPush = answer.kind >= kind::claimEnded || (answer.kind == kind::moved && answer.id == 0);
  if (agents_.empty() && isPush) return;
  if (agents_.empty()) throw Malformed("an answer came before anything was asked: " + std::string(answer.message));
  Tally& current = phases_[std::min(phaseIndex_, phases_.size() - 1)].tally;
  if (isPush) {
    if (answer.kind == kind::inUseElsewhere || answer.kind == kind::goingAway || answer.kind == kind::sessionEnded) {
      current.fail("push " + std::to_string(answer.kind));
    }
    return;
  }
  Agent& agent = *agents_[link.index()];
  Pending* const pending = agent.find(answer.id);
  if (pending == nullptr) {
    if (answer.kind == kind::fault) current.fail(answer.code);
    return;  // Keep-alives are answered by DONE under ids of their own.
  }
  if (pending->phase != noPhase) {
    Tally& tally = phases_[pending->phase].tally;
    tally.latency.record(nowNs - pending->sentAtNs);
    tally.count(answer.kind);
    if (answer.kind == kind::fault) tally.fail(answer.code);
  }
  if (pending->kind == kind::acquire) {
    if (pending->fills) {
      fillAnswered_ += 1;
    } else {
      agent.acquiring -= 1;
    }
  }
  if (answer.kind == kind::granted) {
    takeGranted(agent, *pending, static_cast<uint64_t>(answer.fields[0]), nowNs);
  } else if (answer.kind == kind::renewed) {
    Resources::Cell& cell = resources_.cell(pending->resource);
    const uint64_t untilNs = pending->sentAtNs + beliefNs(static_cast<uint64_t>(answer.fields[0]));
    const bool stillOurs = cell.token == pending->token && cell.believedUntilNs != 0;
    if (stillOurs && untilNs > cell.believedUntilNs) cell.believedUntilNs = untilNs;
  } else if (answer.kind == kind::notHeld) {
    takeNotHeld(*pending, nowNs);
  }
  agent.answered(*pending);
}

void Traffic::takeGranted(Agent& agent, const Pending& pending, uint64_t token, uint64_t nowNs) {
  Resources::Cell& cell = resources_.cell(pending.resource);
  if (verifies && token <= cell.token) {
    violations.add("INV-2: " + std::string(resources_.name(pending.resource)) + " granted with token " +
                   std::to_string(token) + " after " + std::to_string(cell.token));
  }
  if (verifies && nowNs < cell.believedUntilNs) {
    violations.add("INV-1: " + std::string(resources_.name(pending.resource)) + " granted with token " +
                   std::to_string(token) + " while " + std::to_string(cell.token) + " holds");
  }
  cell.token = token;
  cell.believedUntilNs = pending.sentAtNs + beliefNs(options.ttlMs);
  if (pending.fills) {
    fillGranted_ += 1;
  } else {
    agent.hold({pending.resource, token});
  }
}

/** Nobody but the holder ends a claim before its deadline; a renewal may have been overtaken by our own release. */
void Traffic::takeNotHeld(const Pending& pending, uint64_t nowNs) {
  const Resources::Cell& cell = resources_.cell(pending.resource);
  const uint64_t untilNs = pending.kind == kind::release ? pending.believedUntilNs
                           : cell.token == pending.token ? cell.believedUntilNs
                                                         : 0;
  if (verifies && nowNs < untilNs) {
    violations.add("INV-8: " + std::string(resources_.name(pending.resource)) + " with token " +
                   std::to_string(pending.token) + " is not held, before its deadline");
  }
}
