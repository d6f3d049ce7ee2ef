// epoll_pwait2, because an open loop wants to wake up within a fraction of a millisecond without spinning: the server
// under test shares the machine.
#include "loop.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "clock.h"

namespace {

constexpr int eventsPerRound = 64;

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("no epoll could be made");
  prctl(PR_SET_TIMERSLACK, 1000);  // 1 µs instead of 50
}

Loop::~Loop() { ::close(epoll_); }

Link& Loop::connect(Listener& listener, const std::string& host, uint16_t port, bool wantsRing) {
  links_.push_back(std::make_unique<Link>(linkCount(), listener, host, port, wantsRing));
  waitsToWrite_.push_back(true);
  watch(*links_.back());
  return *links_.back();
}

Link& Loop::replace(uint32_t index, Listener& listener, const std::string& host, uint16_t port) {
  links_[index] = std::make_unique<Link>(index, listener, host, port, false);
  waitsToWrite_[index] = true;
  watch(*links_[index]);
  return *links_[index];
}

void Loop::watch(Link& link) {
  if (!link.socket().isOpen()) throw std::runtime_error("cannot connect: " + link.socket().closeReason());
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u32 = link.index();
  epoll_ctl(epoll_, EPOLL_CTL_ADD, link.socket().descriptor(), &event);
}

/** Tells of a close, and asks to be woken for writing only while something is unsent. */
void Loop::settle(Link& link) {
  if (!link.socket().isOpen()) return link.listener().onClosed(link, link.socket().closeReason());
  const bool unsent = link.socket().hasUnsent();
  if (unsent == waitsToWrite_[link.index()]) return;
  waitsToWrite_[link.index()] = unsent;
  epoll_event event{};
  event.events = unsent ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u32 = link.index();
  epoll_ctl(epoll_, EPOLL_CTL_MOD, link.socket().descriptor(), &event);
}

void Loop::flush(Link& link) {
  if (!link.socket().isOpen()) return;
  link.flush();
  settle(link);
}

void Loop::run(Driver& driver) {
  epoll_event events[eventsPerRound];
  while (!driver.isDone()) {
    const uint64_t wakeAtNs = driver.onTick(nowNs());
    if (driver.isDone()) return;
    const uint64_t now = nowNs();
    const uint64_t waitNs = wakeAtNs > now ? std::min(wakeAtNs - now, nsPerSecond) : 0;
    const timespec wait{static_cast<time_t>(waitNs / nsPerSecond), static_cast<long>(waitNs % nsPerSecond)};
    const int count = epoll_pwait2(epoll_, events, eventsPerRound, &wait, nullptr);
    if (count < 0 && errno != EINTR) throw std::runtime_error("epoll_pwait2 failed");
    for (int index = 0; index < count; index += 1) {
      Link& link = *links_[events[index].data.u32];
      if (!link.socket().isOpen()) continue;
      if (events[index].events & EPOLLOUT) link.flush();
      if (link.socket().isOpen() && (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) link.onReadable();
      settle(link);
    }
  }
}
