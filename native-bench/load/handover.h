// One contended resource: how long from the release by its holder to the grant at the next in the queue.
#pragma once

#include <unordered_map>
#include <vector>

#include "fleet.h"
#include "tally.h"

class Handover final : public Fleet {
 public:
  Handover(Loop& loop, const Options& options, Welcome map);

  void onAnswer(Link& link, const Answer& answer, uint64_t nowNs) override;
  int report() override;

 protected:
  void begin(uint64_t nowNs) override;
  uint64_t tick(uint64_t nowNs) override;
  uint32_t workerFor(uint32_t link) const override;

 private:
  /** A session of its own, so that each grant goes to another client. */
  struct Waiter {
    Link* link;
    uint64_t path;
    uint64_t nextId = 1;
    uint64_t seenThrough = 0;
    uint64_t waitId = 0;
  };
  enum class Stage { queueing, warmingUp, measuring };

  void enqueue(Waiter& waiter);
  void takeGrant(Waiter& waiter, uint64_t token, uint64_t nowNs);
  void checkOrder(uint32_t waiter);
  void askForQueue(uint64_t nowNs);

  std::string resource_;
  std::vector<Waiter> waiters_;
  std::unordered_map<uint64_t, uint32_t> waiterOf_;  // by path
  std::vector<uint32_t> order_;                      // the order of the first time round
  uint64_t orderAt_ = 0;
  Stage stage_ = Stage::queueing;
  uint64_t stageStartNs_ = 0;
  uint64_t nextCheckNs_ = 0;
  uint64_t checkId_ = 1;
  uint32_t firstHolder_ = 0;
  uint64_t firstToken_ = 0;
  uint64_t lastToken_ = 0;
  uint64_t releasedAtNs_ = 0;
  Tally tally_;
};
