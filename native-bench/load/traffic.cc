// Phases, pacing and the end of a run; what a single request is and what its answer means stands in requests.cc.
#include "traffic.h"

#include <algorithm>
#include <utility>

#include "clock.h"

namespace {

// Of one connection; what is due beyond that waits, and its latency counts on.
constexpr uint32_t openLoopWindow = 8192;
constexpr uint32_t openLoopHeldMax = 1024;
constexpr uint32_t perFrameMax = 4096;
constexpr uint64_t windingNs = 5 * nsPerSecond;
constexpr uint64_t expirySlackNs = 2 * nsPerSecond;

uint32_t keyCount(const Options& options) {
  return options.keys + (options.mode == Mode::fill ? options.locks : 0);
}

}  // namespace

Traffic::Traffic(Loop& loop, const Options& options, Welcome welcome)
    : Fleet(loop, options, std::move(welcome), options.sessions ? 1 : 0, options.sessionTtlMs / 6),
      resources_(keyCount(options), options.nameSize),
      random_(options.seed) {
  const bool byWorker = options.direct || options.sessions;
  const uint32_t locks = options.mode == Mode::fill ? options.locks : 0;
  fillPools_ = resources_.pools(0, locks, map, byWorker);
  mixPools_ = resources_.pools(locks, options.keys, map, byWorker);
  fillNext_.resize(fillPools_.size());
  if (options.choice == Choice::zipf) zipf_.emplace(options.keys, options.zipfTheta);
  planPhases();
}

void Traffic::planPhases() {
  const uint64_t rate = options.ratePerSecond;
  if (options.mode != Mode::fill) {
    phases_.push_back({"warm-up", false, rate, Until::time, options.warmupSeconds, {}});
    phases_.push_back({"measured", false, rate, Until::time, options.seconds, {}});
    return;
  }
  phases_.push_back({"grow", true, options.fillRate, Until::filled, 0, {}});
  if (options.throughExpiry) {
    phases_.push_back({"hold", false, rate, Until::firstExpiry, 0, {}});
    phases_.push_back({"expire", false, rate, Until::lastExpiry, 0, {}});
  } else if (options.seconds > 0) {
    phases_.push_back({"hold", false, rate, Until::time, options.seconds, {}});
  }
}

/** A single hot resource has one worker: everybody goes there. */
uint32_t Traffic::workerFor(uint32_t link) const {
  if (options.choice != Choice::hot || map.workers.size() == 1) return Fleet::workerFor(link);
  for (uint32_t worker = 0; worker < mixPools_.size(); worker += 1) {
    if (mixPools_[worker].count > 0 && mixPools_[worker].at(0) == 0) return worker;
  }
  return 0;
}

void Traffic::begin(uint64_t nowNs) {
  const bool open = std::any_of(phases_.begin(), phases_.end(), [](const Phase& one) { return one.ratePerSecond > 0; });
  const uint32_t window = open ? std::max(openLoopWindow, options.window) : options.window;
  const uint32_t heldMax = open ? openLoopHeldMax : options.window * 4 + 16;
  for (uint32_t index = 0; index < loop.linkCount(); index += 1) {
    agents_.push_back(std::make_unique<Agent>(loop.link(index), window, heldMax));
  }
  fillStartNs_ = nowNs;
  startPhase(nowNs);
}

bool Traffic::phaseIsOver(uint64_t nowNs) const {
  const uint64_t ttlNs = options.ttlMs * nsPerMs;
  switch (phase().until) {
    case Until::time: return static_cast<double>(nowNs - phaseStartNs_) >= phase().seconds * nsPerSecond;
    case Until::filled: return fillAnswered_ == options.locks;
    case Until::firstExpiry: return nowNs >= fillStartNs_ + ttlNs;
    case Until::lastExpiry: return nowNs >= fillEndNs_ + ttlNs + expirySlackNs;
  }
  return true;
}

/** How many requests the rate of this phase has made due: none after its end. */
uint64_t Traffic::dueBy(uint64_t nowNs) const {
  const uint64_t untilNs = phaseOverNs_ == 0 ? nowNs : std::min(nowNs, phaseOverNs_);
  const double seconds = static_cast<double>(untilNs - phaseStartNs_) / nsPerSecond;
  return static_cast<uint64_t>(seconds * static_cast<double>(phase().ratePerSecond));
}

/** From now on requests count in that phase; `noPhase`: in none. */
void Traffic::enterPhase(uint8_t phase) {
  for (const auto& agent : agents_) agent->phase = phase;
}

void Traffic::startPhase(uint64_t nowNs) {
  phaseStartNs_ = nowNs;
  phaseOverNs_ = 0;
  enterPhase(static_cast<uint8_t>(phaseIndex_));
  openSent_ = 0;
  tickAtNs_ = nowNs;
  phase().tally.start(nowNs);
  if (phase().ratePerSecond > 0) return;
  for (const auto& agent : agents_) {
    sendWhileRoom(*agent, nowNs);
    loop.flush(agent->link);
  }
}

void Traffic::endPhase(uint64_t nowNs) {
  const bool open = phase().ratePerSecond > 0;
  if (open && !phase().fills && dueBy(nowNs) > openSent_) phase().tally.fail("unsent", dueBy(nowNs) - openSent_);
  if (phase().fills) {
    fillEndNs_ = nowNs;
    notice(options, "filled", {{"locks", static_cast<double>(fillGranted_)}, {"seconds", phase().tally.seconds()}});
  } else if (phase().until != Until::time) {
    notice(options, phase().name, {{"seconds", phase().tally.seconds()}});
  }
  const uint64_t nextStartNs = open ? phaseOverNs_ : nowNs;  // An open loop goes on without a gap.
  phaseIndex_ += 1;
  if (phaseIndex_ < phases_.size()) return startPhase(nextStartNs);
  enterPhase(noPhase);
  winding_ = Winding::draining;
  windingDeadlineNs_ = nowNs + windingNs;
}

uint64_t Traffic::tick(uint64_t nowNs) {
  if (winding_ != Winding::not_yet) {
    windUp(nowNs);
    return nowNs + 10 * nsPerMs;
  }
  if (phaseOverNs_ == 0 && phaseIsOver(nowNs)) {
    const auto plannedNs = static_cast<uint64_t>(phase().seconds * nsPerSecond);
    phaseOverNs_ = phase().until == Until::time ? phaseStartNs_ + plannedNs : nowNs;
    phase().tally.end(phaseOverNs_);
  }
  if (phaseOverNs_ != 0) {
    // What was due must be sent and answered: a stall at the end of a phase counts like any other.
    const bool allSent = phase().ratePerSecond == 0 || phase().fills || openSent_ >= dueBy(nowNs);
    if (allSent || nowNs > phaseOverNs_ + windingNs) {
      endPhase(nowNs);
      return nowNs;
    }
  }
  return phase().ratePerSecond > 0 ? sendDue(nowNs) : nowNs + 10 * nsPerMs;
}

/** Gives back what is held, so that the next run on this server finds its resources free. */
void Traffic::windUp(uint64_t nowNs) {
  const auto isQuiet = [](const auto& one) { return one->outstanding() == 0; };
  const bool quiet = std::all_of(agents_.begin(), agents_.end(), isQuiet);
  if (!quiet && nowNs < windingDeadlineNs_) return;
  if (!quiet && winding_ == Winding::draining) {
    for (const auto& agent : agents_) phases_.back().tally.fail("unanswered", agent->outstanding());
  }
  if (winding_ == Winding::closing || !quiet) return finish();
  winding_ = Winding::closing;
  windingDeadlineNs_ = nowNs + windingNs;
  for (const auto& agent : agents_) {
    if (options.sessions) {
      const Pending& pending = agent->ask(kind::close, 0, nowNs);
      agent->link.closeSession(pending.id, agent->link.paths().at(0));
    } else {
      while (agent->heldCount() > 0) sendRelease(*agent, nowNs);
    }
    loop.flush(agent->link);
  }
}

/**
 * What fell due since the last tick goes in one frame on the next connection, as a client sends what came up in a turn
 * of its own loop. Each request counts from the moment at which it was due, however late it is sent.
 */
uint64_t Traffic::sendDue(uint64_t nowNs) {
  if (nowNs < tickAtNs_) return tickAtNs_;
  const uint64_t tickNs = static_cast<uint64_t>(options.tickMs * nsPerMs);
  tickAtNs_ = std::max(tickAtNs_ + tickNs, nowNs);
  const double nsEach = static_cast<double>(nsPerSecond) / static_cast<double>(phase().ratePerSecond);
  const uint64_t due = dueBy(nowNs);

  for (size_t tried = 0; tried < agents_.size() && openSent_ < due; tried += 1) {
    Agent& agent = *agents_[openAgent_];
    openAgent_ = (openAgent_ + 1) % static_cast<uint32_t>(agents_.size());
    if (!agent.hasRoom()) continue;
    openFrame(agent);
    for (uint32_t inFrame = 0; inFrame < perFrameMax && openSent_ < due && agent.hasRoom(); inFrame += 1) {
      const uint64_t intendedNs = phaseStartNs_ + static_cast<uint64_t>(static_cast<double>(openSent_) * nsEach);
      if (!sendOne(agent, intendedNs)) break;
      openSent_ += 1;
    }
    loop.flush(agent.link);
  }
  return tickAtNs_;
}

void Traffic::sendWhileRoom(Agent& agent, uint64_t nowNs) {
  // A closed phase may follow an open one, whose window is larger: the option bounds it here.
  if (agent.outstanding() >= options.window || !agent.hasRoom()) return;
  openFrame(agent);
  for (uint32_t inFrame = 0; inFrame < perFrameMax && agent.outstanding() < options.window && agent.hasRoom();
       inFrame += 1) {
    if (!sendOne(agent, nowNs)) return;
  }
}

void Traffic::onRead(Link& link, uint64_t nowNs) {
  if (agents_.empty() || winding_ != Winding::not_yet || phase().ratePerSecond > 0) return;
  if (phase().until == Until::time && phaseIsOver(nowNs)) return;
  sendWhileRoom(*agents_[link.index()], nowNs);
  link.flush();
}

int Traffic::report() {
  std::vector<NamedTally> named;
  uint64_t errors = 0;
  const size_t firstReported = options.mode == Mode::fill ? 0 : 1;
  for (size_t index = firstReported; index < phaseIndex_ && index < phases_.size(); index += 1) {
    named.push_back({phases_[index].name, &phases_[index].tally});
    errors += phases_[index].tally.errorCount();
  }
  std::vector<Figure> figures{{"errorCount", static_cast<double>(errors)}};
  if (options.mode == Mode::fill) figures.push_back({"locksFilled", static_cast<double>(fillGranted_)});
  printResult(options, map.server, named, figures, violations);
  return exitCode();
}
