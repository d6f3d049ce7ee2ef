// What every native client of a peer is told and tells, so that one line of JSON means the same for all of them. The
// clients in Go, Java and Node.js take the same options and print the same line.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../../load/clock.h"
#include "../../load/histogram.h"

struct Work {
  std::string kind = "uncontended";  // uncontended, handover, held
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  uint32_t connections = 1;
  uint32_t depth = 1;  // requests outstanding on each connection
  uint32_t locks = 200;  // held
  uint32_t copies = 0;  // how many replicas must have it before it counts; 0: nobody is asked
  uint32_t ttlMs = 30'000;
  double seconds = 1;
  double warmupSeconds = 0.5;
};

inline Work readWork(int count, char** words) {
  Work work;
  for (int index = 1; index + 1 < count; index += 2) {
    const std::string name = words[index];
    const std::string value = words[index + 1];
    if (name == "--work") work.kind = value;
    else if (name == "--connections") work.connections = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--depth") work.depth = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--locks") work.locks = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--copies") work.copies = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--ttl") work.ttlMs = static_cast<uint32_t>(std::stoul(value));
    else if (name == "--seconds") work.seconds = std::stod(value);
    else if (name == "--warmup") work.warmupSeconds = std::stod(value);
    else if (name == "--address") {
      const size_t colon = value.rfind(':');
      work.host = value.substr(0, colon);
      work.port = static_cast<uint16_t>(std::stoul(value.substr(colon + 1)));
    } else {
      std::fprintf(stderr, "%s is not an option of this client\n", name.c_str());
      std::exit(64);
    }
  }
  return work;
}

/** Counts what is answered between the warm-up and the end. */
class Meter {
 public:
  explicit Meter(const Work& work)
      : beginNs_(nowNs() + static_cast<uint64_t>(work.warmupSeconds * nsPerSecond)),
        endNs_(beginNs_ + static_cast<uint64_t>(work.seconds * nsPerSecond)) {}

  bool isOver(uint64_t atNs) const { return atNs >= endNs_; }
  void answered(uint64_t sentAtNs, uint64_t atNs) {
    if (atNs >= beginNs_ && atNs < endNs_) latency_.record(atNs - sentAtNs);
  }
  void failed() { errors_ += 1; }

  void print() const {
    const double seconds = static_cast<double>(endNs_ - beginNs_) / nsPerSecond;
    const auto ms = [](uint64_t ns) { return static_cast<double>(ns) / nsPerMs; };
    std::printf("{\"opsPerSecond\":%.10g,\"p50Ms\":%.6g,\"p99Ms\":%.6g,\"errors\":%lu}\n",
                static_cast<double>(latency_.count()) / seconds, ms(latency_.quantile(0.5)),
                ms(latency_.quantile(0.99)), errors_);
  }

 private:
  uint64_t beginNs_;
  uint64_t endNs_;
  uint64_t errors_ = 0;
  Histogram latency_;
};

/** A name of 20 bytes, no other run's: what that left behind is held until its TTL ends. */
inline std::string nameOf(uint64_t number) {
  char text[48];
  std::snprintf(text, sizeof text, "bench:%07u:%06lu", static_cast<unsigned>(getpid()), number);
  return text;
}

/** How many names all connections together go through, as for Holdfast. */
inline constexpr uint64_t namesMax = 1'000'000;
