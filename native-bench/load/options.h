// What the command line can say. Each option has its default here, and its sentence in `--help` (options.cc).
#pragma once

#include <cstdint>
#include <string>

enum class Mode { traffic, handover, fill, idle, connect };
enum class Choice { uniform, zipf, hot };

struct Options {
  Mode mode = Mode::traffic;
  std::string host = "127.0.0.1";
  uint16_t port = 7400;
  uint32_t connections = 64;
  uint32_t window = 1;
  uint64_t ratePerSecond = 0;  // 0: closed loop
  double seconds = 10;
  double warmupSeconds = 1;
  double tickMs = 0.2;
  uint32_t mixAcquire = 45, mixRelease = 45, mixRenew = 5, mixCheck = 5;  // per cent
  uint32_t keys = 1'000'000;
  Choice choice = Choice::uniform;
  double zipfTheta = 0.99;
  uint32_t nameSize = 20;
  uint32_t ttlMs = 30'000;
  uint32_t sessionTtlMs = 30'000;
  bool sessions = true;
  bool direct = true;
  bool json = false;
  uint32_t waiters = 10;         // handover
  uint32_t locks = 1'000'000;    // fill
  uint64_t fillRate = 0;         // fill; 0: as fast as the window allows
  bool throughExpiry = false;    // fill
  uint32_t idleSessions = 1000;  // idle
  uint64_t seed = 1;
};

/** Reads the command line; prints what is wrong (or the help) and exits with 64 (or 0). */
Options readOptions(int count, char** words);
