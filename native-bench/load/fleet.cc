// Links are made a few at a time, because a listening socket drops what overruns its backlog and the kernel then waits
// a second before it tries again.
#include "fleet.h"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include "clock.h"

namespace {

constexpr uint32_t connectingMax = 64;
constexpr uint64_t askForMapNs = 10 * nsPerSecond;

class MapSeeker final : public Driver {
 public:
  Welcome map;

  uint64_t onTick(uint64_t nowNs) override {
    if (deadlineNs_ == 0) deadlineNs_ = nowNs + askForMapNs;
    if (nowNs > deadlineNs_) throw std::runtime_error("the server did not answer HELLO within 10 s");
    return deadlineNs_;
  }
  bool isDone() const override { return !map.owners.empty(); }
  void onWelcome(Link& link) override { map = link.welcome(); }
  void onAnswer(Link&, const Answer& answer, uint64_t) override {
    if (answer.kind == kind::fault) throw std::runtime_error("HELLO was refused: " + std::string(answer.message));
  }
  void onClosed(Link&, const std::string& reason) override { throw std::runtime_error("no map: " + reason); }

 private:
  uint64_t deadlineNs_ = 0;
};

}  // namespace

Welcome askForMap(const Options& options) {
  Loop loop;
  MapSeeker seeker;
  loop.connect(seeker, options.host, options.port, true);
  loop.run(seeker);
  return std::move(seeker.map);
}

Fleet::Fleet(Loop& loop, const Options& options, Welcome map, uint32_t sessionsPerLink, uint32_t keepAliveMs)
    : loop(loop),
      options(options),
      map(std::move(map)),
      verifies(!this->map.server.starts_with("echo/")),
      sessionsPerLink_(sessionsPerLink),
      keepAliveNs_(keepAliveMs * nsPerMs) {}

uint32_t Fleet::workerFor(uint32_t link) const { return link % static_cast<uint32_t>(map.workers.size()); }

void Fleet::connectMore() {
  while (loop.linkCount() < options.connections && loop.linkCount() - readyCount_ < connectingMax) {
    std::string host = options.host;
    uint16_t port = options.port;
    const std::string& address = map.workers[workerFor(loop.linkCount())];
    if (options.direct && !address.empty()) {
      const size_t colon = address.rfind(':');
      host = address.substr(0, colon);
      port = static_cast<uint16_t>(std::stoul(address.substr(colon + 1)));
    }
    loop.connect(*this, host, port, false);
  }
}

void Fleet::onWelcome(Link& link) {
  if (sessionsPerLink_ > 0) {
    link.openSessions(sessionsPerLink_, options.sessionTtlMs);
  } else {
    readyCount_ += 1;
  }
}

void Fleet::onOpened(Link& link) {
  if (link.paths().size() != sessionsPerLink_) throw Malformed("OPENED has another number of paths than OPEN");
  readyCount_ += 1;
}

void Fleet::onClosed(Link&, const std::string& reason) {
  if (done_) return;
  failure_ = reason;
  std::fprintf(stderr, "load: a connection was lost: %s\n", reason.c_str());
  done_ = true;
}

/** One link after the other, spread evenly over the period. */
void Fleet::keepAlive(uint64_t nowNs) {
  while (keepAliveDueNs_ <= nowNs) {
    Link& link = loop.link(keepAliveLink_);
    if (link.socket().isOpen()) link.keepAlive();
    loop.flush(link);
    keepAliveLink_ = (keepAliveLink_ + 1) % loop.linkCount();
    keepAliveDueNs_ += keepAliveNs_ / loop.linkCount();
  }
}

uint64_t Fleet::onTick(uint64_t nowNs) {
  if (!begun_) {
    connectMore();
    if (readyCount_ < options.connections) return nowNs + nsPerSecond;
    begun_ = true;
    keepAliveDueNs_ = nowNs + keepAliveNs_ / loop.linkCount();
    begin(nowNs);
  }
  if (sessionsPerLink_ > 0) keepAlive(nowNs);
  const uint64_t wakeAtNs = tick(nowNs);
  return sessionsPerLink_ > 0 && keepAliveDueNs_ < wakeAtNs ? keepAliveDueNs_ : wakeAtNs;
}
