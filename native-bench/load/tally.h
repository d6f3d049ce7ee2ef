// What one measured stretch of time has seen: latencies, answers by kind, errors by code, broken invariants.
#pragma once

#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "clock.h"
#include "histogram.h"

/** Time of the processor that this process has used, in nanoseconds. */
inline uint64_t cpuNs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * nsPerSecond + static_cast<uint64_t>(time.tv_usec) * 1000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

struct Tally {
  Histogram latency;
  std::array<uint64_t, 48> answers{};  // by kind
  std::map<std::string, uint64_t, std::less<>> errors;
  uint64_t startedAtNs = 0;
  uint64_t endedAtNs = 0;
  uint64_t cpuAtStartNs = 0;
  uint64_t cpuAtEndNs = 0;

  void start(uint64_t nowNs) {
    latency.reset();
    answers = {};
    errors.clear();
    startedAtNs = nowNs;
    cpuAtStartNs = cpuNs();
  }
  void end(uint64_t nowNs) {
    endedAtNs = nowNs;
    cpuAtEndNs = cpuNs();
  }
  void count(uint32_t kind) { answers[kind < answers.size() ? kind : 0] += 1; }
  void fail(std::string_view code, uint64_t times = 1) {
    const auto known = errors.find(code);
    if (known != errors.end()) {
      known->second += times;
    } else {
      errors.emplace(code, times);
    }
  }
  uint64_t errorCount() const {
    uint64_t sum = 0;
    for (const auto& [code, count] : errors) sum += count;
    return sum;
  }
  double seconds() const { return static_cast<double>(endedAtNs - startedAtNs) / nsPerSecond; }
  double opsPerSecond() const { return seconds() > 0 ? static_cast<double>(latency.count()) / seconds() : 0; }
  double cpuShare() const {
    return seconds() > 0 ? static_cast<double>(cpuAtEndNs - cpuAtStartNs) / nsPerSecond / seconds() : 0;
  }
};
