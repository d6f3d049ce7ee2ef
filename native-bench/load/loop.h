// The event loop: one epoll over all links, 64 of them a round, and one wake-up for what the driver has to do by time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "link.h"

/** What runs on the loop. */
class Driver : public Listener {
 public:
  virtual ~Driver() = default;
  /** Does what is due by time; answers when it wants to be called again at the latest, in monotonic nanoseconds. */
  virtual uint64_t onTick(uint64_t nowNs) = 0;
  virtual bool isDone() const = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /** Adds a link; `listener.onWelcome` follows. Its index is its place. */
  Link& connect(Listener& listener, const std::string& host, uint16_t port, bool wantsRing);
  /** Closes a link, and lets another take its place. Not from inside the link's own events. */
  Link& replace(uint32_t index, Listener& listener, const std::string& host, uint16_t port);
  Link& link(uint32_t index) { return *links_[index]; }
  uint32_t linkCount() const { return static_cast<uint32_t>(links_.size()); }

  /** `link.flush()` from a tick; inside a link's own events the loop itself looks afterwards what is unsent. */
  void flush(Link& link);

  /** Runs until the driver is done. */
  void run(Driver& driver);

 private:
  void watch(Link& link);
  void settle(Link& link);

  int epoll_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<bool> waitsToWrite_;
};
