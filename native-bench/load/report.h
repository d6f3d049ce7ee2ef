// What a run prints: notices while it goes on, and one result at its end, for people or as a line of JSON each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"
#include "tally.h"

/** Broken invariants: counted, the first of them told. */
class Violations {
 public:
  void add(std::string text);
  uint64_t count() const { return count_; }
  const std::vector<std::string>& first() const { return first_; }

 private:
  uint64_t count_ = 0;
  std::vector<std::string> first_;
};

/** A field of a result beside the tally. */
struct Figure {
  std::string_view name;
  double value;
};

struct NamedTally {
  std::string_view name;
  const Tally* tally;
};

/** Tells that something is reached, at once: whoever runs this may be waiting for it. */
void notice(const Options& options, std::string_view reached, const std::vector<Figure>& figures);

void printResult(const Options& options, std::string_view server, const std::vector<NamedTally>& phases,
                 const std::vector<Figure>& figures, const Violations& violations);
