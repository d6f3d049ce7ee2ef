// Many sessions that do nothing but live: what do keep-alives cost the server? It is measured there, from outside.
#pragma once

#include <vector>

#include "fleet.h"
#include "tally.h"

class Idle final : public Fleet {
 public:
  Idle(Loop& loop, const Options& options, Welcome map);

  void onAnswer(Link& link, const Answer& answer, uint64_t nowNs) override;
  int report() override;

 protected:
  void begin(uint64_t nowNs) override;
  uint64_t tick(uint64_t nowNs) override;

 private:
  void claim(Link& link);

  uint32_t sessionCount_;
  Resources resources_;
  std::vector<Pool> pools_;
  std::vector<uint32_t> next_;
  uint32_t answered_ = 0;
  uint64_t keptCount_ = 0;
  uint64_t heldFromNs_ = 0;
  Tally tally_;
};
