// Latencies over many orders of magnitude in constant memory, as HdrHistogram does it: log-linear cells, so that each
// value is kept to three significant digits and recording is two shifts and an increment.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

class Histogram {
 public:
  Histogram() : cells_(cellCount) {}

  /** Records one latency in nanoseconds; above 2^41 ns (36 minutes) it counts as that. */
  void record(uint64_t ns) {
    const uint64_t value = std::min(ns, valueMax);
    cells_[cellOf(value)] += 1;
    count_ += 1;
    sum_ += value;
    max_ = std::max(max_, value);
  }

  void reset() {
    std::fill(cells_.begin(), cells_.end(), 0);
    count_ = sum_ = max_ = 0;
  }

  /** The smallest value that at least `share` (0 to 1) of all latencies do not exceed, in nanoseconds; 0 if empty. */
  uint64_t quantile(double share) const {
    const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(share * static_cast<double>(count_) + 0.9999999));
    uint64_t seen = 0;
    for (uint32_t cell = 0; cell < cellCount; cell += 1) {
      seen += cells_[cell];
      if (seen >= wanted) return std::min(upperBoundOf(cell), max_);
    }
    return max_;
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }

 private:
  // 2^11 linear cells for the smallest values, then 2^10 for each further power of two: an error of at most 1/1024.
  static constexpr uint32_t linearBits = 11;
  static constexpr uint32_t valueBits = 41;
  static constexpr uint64_t valueMax = (uint64_t{1} << valueBits) - 1;
  static constexpr uint32_t cellCount = (valueBits - linearBits + 2) << (linearBits - 1);

  static uint32_t cellOf(uint64_t value) {
    const uint32_t width = static_cast<uint32_t>(std::bit_width(value));
    if (width <= linearBits) return static_cast<uint32_t>(value);
    const uint32_t shift = width - linearBits;
    return (shift << (linearBits - 1)) + static_cast<uint32_t>(value >> shift);
  }

  static uint64_t upperBoundOf(uint32_t cell) {
    if (cell < (1u << linearBits)) return cell;
    const uint32_t shift = (cell >> (linearBits - 1)) - 1;
    const uint64_t low = cell - (shift << (linearBits - 1));
    return ((low + 1) << shift) - 1;
  }

  std::vector<uint64_t> cells_;
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};
