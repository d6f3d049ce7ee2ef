// One connection as the protocol sees it: the handshake, the opening of sessions' paths, requests out and answers in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"
#include "welcome.h"

/** The kinds of messages, by the names of the protocol's page. */
namespace kind {
enum : uint32_t {
  hello = 1, group = 2, open = 3, keepAlive = 4, close = 5,
  acquire = 10, release = 11, renew = 12, check = 13,
  opened = 3, openShard = 4, kept = 5,
  granted = 10, busy = 11, released = 15, notHeld = 16, renewed = 17, checked = 19, done = 23, fault = 30, moved = 31,
  claimEnded = 40, sessionEnded = 41, inUseElsewhere = 44, goingAway = 45,
};
}

/** One answer; `code` and `message` (of a fault) are lent. A field that is not an integer reads as -1. */
struct Answer {
  uint32_t kind = 0;
  uint64_t id = 0;
  uint64_t path = 0;
  int64_t fields[3] = {0, 0, 0};
  std::string_view code;
  std::string_view message;
};

class Link;

class Listener {
 public:
  /** The handshake is done. */
  virtual void onWelcome(Link& link) = 0;
  /** Paths are open, and each shard of the worker has told about them. */
  virtual void onOpened(Link&) {}
  virtual void onAnswer(Link& link, const Answer& answer, uint64_t nowNs) = 0;
  /** All answers of one read have been told: the moment to write. */
  virtual void onRead(Link&, uint64_t /*nowNs*/) {}
  virtual void onClosed(Link& link, const std::string& reason) = 0;

 protected:
  ~Listener() = default;
};

class Link final : FrameSink {
 public:
  /** @param wantsRing whether WELCOME is to bring the ring. `index` is the owner's name for this link. */
  Link(uint32_t index, Listener& listener, const std::string& host, uint16_t port, bool wantsRing);

  uint32_t index() const { return index_; }
  Listener& listener() { return listener_; }
  Socket& socket() { return socket_; }
  const Welcome& welcome() const { return welcome_; }
  /** Paths of the sessions of this link, in the order in which they were opened. */
  const std::vector<uint64_t>& paths() const { return paths_; }

  void onReadable();

  /** Opens `count` new sessions, with random keys, on the worker that answers here; `onOpened` follows. */
  void openSessions(uint32_t count, uint32_t ttlMs);
  /** The header of a session's requests, to be written before them in each frame. */
  void group(uint64_t path, uint64_t seenThrough);
  /** One KEEPALIVE for all sessions of this link. */
  void keepAlive();
  void acquire(uint64_t id, std::string_view resource, uint32_t ttlMs, uint32_t waitMs);
  void release(uint64_t id, std::string_view resource, uint64_t token);
  void renew(uint64_t id, std::string_view resource, uint64_t token, uint32_t ttlMs);
  void check(uint64_t id, std::string_view resource);
  void closeSession(uint64_t id, uint64_t path);
  /** One write for all that was asked since the last one. */
  void flush() { socket_.flush(); }

 private:
  void onUpgraded() override;
  void onFrame(const uint8_t* begin, const uint8_t* end) override;
  void takeMessage(msgpack::Reader& reader, Answer& answer);
  void takeAnswer(msgpack::Reader& reader, uint32_t fieldCount, Answer& answer);
  void takeOpened(msgpack::Reader& reader);

  uint32_t index_;
  Listener& listener_;
  Socket socket_;
  bool wantsRing_;
  Welcome welcome_;
  std::vector<uint64_t> paths_;
  uint32_t openShardsLeft_ = 0;
  uint64_t count_ = 0;  // of groups and keep-alives
  uint64_t readAtNs_ = 0;
};
