// The user's mix of acquire, release, renew and check, in a closed or an open loop, in phases; filling the table is a
// phase of its own.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent.h"
#include "fleet.h"
#include "tally.h"

class Traffic final : public Fleet {
 public:
  Traffic(Loop& loop, const Options& options, Welcome map);

  void onAnswer(Link& link, const Answer& answer, uint64_t nowNs) override;
  void onRead(Link& link, uint64_t nowNs) override;
  int report() override;

 protected:
  void begin(uint64_t nowNs) override;
  uint64_t tick(uint64_t nowNs) override;
  uint32_t workerFor(uint32_t link) const override;

 private:
  static constexpr uint8_t noPhase = 255;
  enum class Until { time, filled, firstExpiry, lastExpiry };
  struct Phase {
    const char* name;
    bool fills;
    uint64_t ratePerSecond;  // 0: closed loop
    Until until;
    double seconds;
    Tally tally;
  };

  void planPhases();
  bool phaseIsOver(uint64_t nowNs) const;
  uint64_t dueBy(uint64_t nowNs) const;
  void enterPhase(uint8_t phase);
  void startPhase(uint64_t nowNs);
  void endPhase(uint64_t nowNs);
  void windUp(uint64_t nowNs);
  uint64_t sendDue(uint64_t nowNs);
  void sendWhileRoom(Agent& agent, uint64_t nowNs);
  void openFrame(Agent& agent);
  bool sendOne(Agent& agent, uint64_t sentAtNs);
  bool sendFill(Agent& agent, uint64_t sentAtNs);
  void sendAcquire(Agent& agent, uint64_t sentAtNs);
  void sendRelease(Agent& agent, uint64_t sentAtNs);
  uint32_t chooseResource(uint32_t worker);
  void takeGranted(Agent& agent, const Pending& pending, uint64_t token, uint64_t nowNs);
  void takeNotHeld(const Pending& pending, uint64_t nowNs);

  Phase& phase() { return phases_[phaseIndex_]; }
  const Phase& phase() const { return phases_[phaseIndex_]; }

  Resources resources_;
  std::vector<Pool> mixPools_;   // by worker
  std::vector<Pool> fillPools_;  // by worker
  std::vector<uint32_t> fillNext_;
  std::optional<Zipf> zipf_;
  Random random_;
  std::vector<std::unique_ptr<Agent>> agents_;

  std::vector<Phase> phases_;
  size_t phaseIndex_ = 0;
  uint64_t phaseStartNs_ = 0;
  uint64_t phaseOverNs_ = 0;  // 0: not yet; what was due before is still sent after
  uint64_t openSent_ = 0;  // of the requests that this phase's rate has made due
  uint64_t tickAtNs_ = 0;
  uint32_t openAgent_ = 0;

  uint32_t fillAnswered_ = 0;
  uint32_t fillGranted_ = 0;
  uint64_t fillStartNs_ = 0;
  uint64_t fillEndNs_ = 0;
  enum class Winding { not_yet, draining, closing } winding_ = Winding::not_yet;
  uint64_t windingDeadlineNs_ = 0;
};
