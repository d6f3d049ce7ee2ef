// What a server tells in the handshake: who it is, and which worker has which resource.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "msgpack.h"

struct Welcome {
  std::string server;
  uint32_t worker = 0;
  uint32_t waitingGraceMs = 10'000;
  std::vector<uint32_t> owners;      // by shard: the worker that has it
  std::vector<std::string> workers;  // by worker: HOST:PORT, or "" if it has no address of its own
  std::vector<uint16_t> ring;        // slot -> shard; empty if it was not asked for

  /** How many shards `worker` has: as many OPEN_SHARD follow an OPENED. */
  uint32_t shardsOf(uint32_t worker) const;

  /** The worker that has the resource; throws Malformed without a ring. */
  uint32_t workerOf(std::string_view resource) const;
};

/** Reads the map of a WELCOME; unknown keys are passed over. */
Welcome readWelcome(msgpack::Reader& reader);
