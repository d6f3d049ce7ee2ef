// A link is closed by a reset, and another made in its place at the next tick, not inside its own events.
#include "connect.h"

#include "clock.h"
#include "report.h"

uint64_t Connect::onTick(uint64_t nowNs) {
  if (tally_.startedAtNs == 0) tally_.start(nowNs);
  if (static_cast<double>(nowNs - tally_.startedAtNs) >= options_.seconds * nsPerSecond) {
    tally_.end(nowNs);
    done_ = true;
    return nowNs;
  }
  while (loop_.linkCount() < options_.connections) {
    loop_.connect(*this, options_.host, options_.port, false);
    startedAtNs_.push_back(nowNs);
    welcomed_.push_back(false);
  }
  for (const uint32_t index : over_) {
    startedAtNs_[index] = nowNs;
    welcomed_[index] = false;
    loop_.replace(index, *this, options_.host, options_.port);
  }
  over_.clear();
  return nowNs + 100 * nsPerMs;
}

void Connect::onWelcome(Link& link) {
  welcomed_[link.index()] = true;
  if (server_.empty()) server_ = link.welcome().server;
}

void Connect::onAnswer(Link&, const Answer& answer, uint64_t) {
  if (answer.kind == kind::fault) tally_.fail(answer.code);
}

void Connect::onRead(Link& link, uint64_t nowNs) {
  if (!welcomed_[link.index()]) return;
  tally_.latency.record(nowNs - startedAtNs_[link.index()]);
  link.socket().close("welcomed");
}

void Connect::onClosed(Link& link, const std::string& reason) {
  if (!welcomed_[link.index()]) tally_.fail(reason);
  over_.push_back(link.index());
}

int Connect::report() const {
  printResult(options_, server_, {{"connects", &tally_}},
              {{"errorCount", static_cast<double>(tally_.errorCount())}}, Violations());
  return 0;
}
