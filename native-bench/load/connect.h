// Connections that come and go: how many a second does a server take, handshake included?
#pragma once

#include <vector>

#include "loop.h"
#include "options.h"
#include "tally.h"

class Connect final : public Driver {
 public:
  Connect(Loop& loop, const Options& options) : loop_(loop), options_(options) {}

  uint64_t onTick(uint64_t nowNs) override;
  bool isDone() const override { return done_; }
  void onWelcome(Link& link) override;
  void onAnswer(Link& link, const Answer& answer, uint64_t nowNs) override;
  void onRead(Link& link, uint64_t nowNs) override;
  void onClosed(Link& link, const std::string& reason) override;
  /** Prints the result; answers the exit code. */
  int report() const;

 private:
  Loop& loop_;
  const Options& options_;
  std::vector<uint64_t> startedAtNs_;  // by link
  std::vector<bool> welcomed_;         // by link
  std::vector<uint32_t> over_;         // links to be made anew
  std::string server_;
  Tally tally_;
  bool done_ = false;
};
