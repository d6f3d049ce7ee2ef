// The resources that are asked for, and what the generator believes about each: the last token seen and until when one
// of its own claims surely holds. That is the whole of the check of INV-1 and INV-2: 16 bytes a resource.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "options.h"
#include "random.h"
#include "welcome.h"

/** The resources of one worker, out of one range of numbers. */
struct Pool {
  uint32_t first = 0;
  uint32_t count = 0;
  std::vector<uint32_t> numbers;  // empty: all from `first` on

  uint32_t at(uint32_t index) const { return numbers.empty() ? first + index : numbers[index]; }
};

class Resources {
 public:
  struct Cell {
    uint64_t token = 0;
    uint64_t believedUntilNs = 0;  // 0: no claim of ours is believed in
  };

  Resources(uint32_t count, uint32_t nameSize) : cells_(count), nameSize_(nameSize) {}

  Cell& cell(uint32_t resource) { return cells_[resource]; }
  /** A cell lies anywhere in memory: fetching it early halves what the checks cost. */
  void expect(uint32_t resource) const { __builtin_prefetch(&cells_[resource], 1); }

  /** `bench:` and the number, padded with zeros to the size of all names; lent until the next call. */
  std::string_view name(uint32_t resource) {
    std::memset(name_ + sizeof prefix - 1, '0', nameSize_ - sizeof prefix + 1);
    char* at = name_ + nameSize_;
    for (uint32_t rest = resource; rest > 0; rest /= 10) *--at = static_cast<char>('0' + rest % 10);
    return {name_, nameSize_};
  }

  /** The resources from `first` to `first + count - 1`, for each worker its own, or all for each without a map. */
  std::vector<Pool> pools(uint32_t first, uint32_t count, const Welcome& welcome, bool byWorker) {
    const auto workers = static_cast<uint32_t>(welcome.workers.size());
    std::vector<Pool> pools(workers, Pool{first, count, {}});
    if (!byWorker || workers == 1) return pools;
    for (uint32_t resource = first; resource < first + count; resource += 1) {
      pools[welcome.workerOf(name(resource))].numbers.push_back(resource);
    }
    for (Pool& pool : pools) pool.count = static_cast<uint32_t>(pool.numbers.size());
    return pools;
  }

 private:
  static constexpr char prefix[] = "bench:";

  std::vector<Cell> cells_;
  uint32_t nameSize_;
  char name_[256] = "bench:";
};
