// One client of the traffic: what it has asked and not heard of, and the locks that it holds. Both are rings that are
// made once, so that a request allocates nothing.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "link.h"
#include "resources.h"

/** A request without its answer. */
struct Pending {
  uint64_t id = 0;            // 0: the place is free, or its answer has come
  uint64_t sentAtNs = 0;      // the intended time, where a rate is set
  uint64_t token = 0;
  uint64_t believedUntilNs = 0;
  uint32_t resource = 0;
  uint32_t kind = 0;
  bool fills = false;
  uint8_t phase = 0;  // in whose tally its answer counts
};

struct Held {
  uint32_t resource = 0;
  uint64_t token = 0;
};

class Agent {
 public:
  Agent(Link& link, uint32_t window, uint32_t heldMax)
      : link(link), window_(window), heldMax_(heldMax), pending_(std::bit_ceil(window * 4u + 64u)),
        held_(std::bit_ceil(heldMax + 1)) {}

  Link& link;

  /** Whether one more request may be outstanding. Ids that wait for their answer span at most the ring. */
  bool hasRoom() const { return outstanding_ < window_ && nextId_ - seenThrough_ < pending_.size(); }
  uint32_t outstanding() const { return outstanding_; }
  /** All ids up to this one are answered. */
  uint64_t seenThrough() const { return seenThrough_; }

  Pending& ask(uint32_t kind, uint32_t resource, uint64_t sentAtNs) {
    Pending& pending = pending_[nextId_ & (pending_.size() - 1)];
    pending = Pending{nextId_, sentAtNs, 0, 0, resource, kind, false, phase};
    nextId_ += 1;
    outstanding_ += 1;
    return pending;
  }

  /** The request that `id` answers, or nullptr. */
  Pending* find(uint64_t id) {
    Pending& pending = pending_[id & (pending_.size() - 1)];
    return id != 0 && pending.id == id ? &pending : nullptr;
  }

  void answered(Pending& pending) {
    pending.id = 0;
    outstanding_ -= 1;
    const uint64_t mask = pending_.size() - 1;
    while (seenThrough_ + 1 < nextId_ && pending_[(seenThrough_ + 1) & mask].id == 0) seenThrough_ += 1;
  }

  uint32_t heldCount() const { return heldEnd_ - heldBegin_; }
  /** Acquires that are asked for count as held: the ring must have room for all of them. */
  bool mayHoldMore() const { return heldCount() + acquiring < heldMax_; }
  void hold(Held held) { held_[heldEnd_++ & (held_.size() - 1)] = held; }
  /** The one that is held for the longest time. */
  Held takeOldest() { return held_[heldBegin_++ & (held_.size() - 1)]; }
  /** The one that will be the oldest after `later` more are taken; any other, if there are not so many. */
  Held oldestAfter(uint32_t later) const { return held_[(heldBegin_ + later) & (held_.size() - 1)]; }
  Held any(Random& random) const { return held_[(heldBegin_ + random.below(heldCount())) & (held_.size() - 1)]; }

  uint32_t acquiring = 0;
  uint8_t phase = 0;

 private:
  uint32_t window_;
  uint32_t heldMax_;
  uint32_t outstanding_ = 0;
  uint64_t nextId_ = 1;
  uint64_t seenThrough_ = 0;
  std::vector<Pending> pending_;  // by id
  std::vector<Held> held_;        // first in, first out
  uint32_t heldBegin_ = 0;
  uint32_t heldEnd_ = 0;
};
