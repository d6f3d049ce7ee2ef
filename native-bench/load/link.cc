// Writes requests as the protocol's page shows them, field by field, and takes answers apart in place.
#include "link.h"

#include <sys/random.h>

#include "clock.h"

namespace {

constexpr size_t numberMax = 9;
constexpr size_t messageMax = 64;  // a message without its strings
// Ids of opens, keep-alives and closes: far above those of requests, so that an answer tells which it is for.
constexpr uint64_t controlId = uint64_t{1} << 31;
constexpr std::string_view clientName = "holdfast-load/1";

uint8_t* head(uint8_t* at, uint32_t fieldCount, uint32_t kind, uint64_t id) {
  at = msgpack::writeArray(at, fieldCount);
  at = msgpack::writeUint(at, kind);
  return msgpack::writeUint(at, id);
}

}  // namespace

Link::Link(uint32_t index, Listener& listener, const std::string& host, uint16_t port, bool wantsRing)
    : index_(index), listener_(listener), socket_(host, port), wantsRing_(wantsRing) {}

void Link::onReadable() {
  readAtNs_ = nowNs();
  socket_.receive(*this);
  if (socket_.isOpen()) listener_.onRead(*this, readAtNs_);
}

void Link::onUpgraded() {
  uint8_t* at = socket_.beginMessage(messageMax + clientName.size());
  at = msgpack::writeArray(at, 2);
  at = msgpack::writeUint(at, kind::hello);
  *at++ = static_cast<uint8_t>(0x80 | (wantsRing_ ? 3 : 2));  // a map
  at = msgpack::writeUint(msgpack::writeString(at, "version"), 1);
  at = msgpack::writeString(msgpack::writeString(at, "client"), clientName);
  if (wantsRing_) {
    at = msgpack::writeString(at, "ring");
    *at++ = 0xc3;  // true
  }
  socket_.wrote(at);
  flush();
}

void Link::openSessions(uint32_t count, uint32_t ttlMs) {
  openShardsLeft_ = welcome_.shardsOf(welcome_.worker);
  uint8_t* at = socket_.beginMessage(messageMax + count * (messageMax + size_t{16}));
  at = head(at, 4, kind::open, controlId);
  at = msgpack::writeUint(at, welcome_.worker);
  at = msgpack::writeArray(at, count);
  for (uint32_t session = 0; session < count; session += 1) {
    at = msgpack::writeArray(at, 2);
    *at++ = 0xc4;  // byte string
    *at++ = 16;
    if (getrandom(at, 16, 0) != 16) throw std::runtime_error("no random bytes for a session's key");
    at = msgpack::writeUint(at + 16, ttlMs);
  }
  socket_.wrote(at);
  flush();
}

void Link::group(uint64_t path, uint64_t seenThrough) {
  count_ += 1;
  uint8_t* at = socket_.beginMessage(messageMax);
  at = head(at, 4, kind::group, path);
  at = msgpack::writeUint(at, count_);
  socket_.wrote(msgpack::writeUint(at, seenThrough));
}

void Link::keepAlive() {
  count_ += 1;
  uint8_t* at = socket_.beginMessage(messageMax + paths_.size() * numberMax);
  at = head(at, 4, kind::keepAlive, controlId + count_);
  at = msgpack::writeUint(at, count_);
  at = msgpack::writeArray(at, static_cast<uint32_t>(paths_.size()));
  for (const uint64_t path : paths_) at = msgpack::writeUint(at, path);
  socket_.wrote(at);
  flush();
}

void Link::acquire(uint64_t id, std::string_view resource, uint32_t ttlMs, uint32_t waitMs) {
  uint8_t* at = socket_.beginMessage(messageMax + resource.size());
  at = head(at, waitMs == 0 ? 4 : 5, kind::acquire, id);
  at = msgpack::writeString(at, resource);
  at = msgpack::writeUint(at, ttlMs);
  if (waitMs != 0) at = msgpack::writeUint(at, waitMs);
  socket_.wrote(at);
}

void Link::release(uint64_t id, std::string_view resource, uint64_t token) {
  uint8_t* at = socket_.beginMessage(messageMax + resource.size());
  at = head(at, 4, kind::release, id);
  at = msgpack::writeString(at, resource);
  socket_.wrote(msgpack::writeUint(at, token));
}

void Link::renew(uint64_t id, std::string_view resource, uint64_t token, uint32_t ttlMs) {
  uint8_t* at = socket_.beginMessage(messageMax + resource.size());
  at = head(at, 5, kind::renew, id);
  at = msgpack::writeString(at, resource);
  at = msgpack::writeUint(at, token);
  socket_.wrote(msgpack::writeUint(at, ttlMs));
}

void Link::check(uint64_t id, std::string_view resource) {
  uint8_t* at = socket_.beginMessage(messageMax + resource.size());
  at = head(at, 3, kind::check, id);
  socket_.wrote(msgpack::writeString(at, resource));
}

void Link::closeSession(uint64_t id, uint64_t path) {
  uint8_t* at = socket_.beginMessage(messageMax);
  at = head(at, 3, kind::close, id);
  socket_.wrote(msgpack::writeUint(at, path));
}

void Link::onFrame(const uint8_t* begin, const uint8_t* end) {
  msgpack::Reader reader(begin, end);
  Answer answer;
  for (uint32_t left = reader.arrayCount(); left > 0 && socket_.isOpen(); left -= 1) takeMessage(reader, answer);
}

/** Takes one message; `answer` keeps the path of the last group header from message to message of a frame. */
void Link::takeMessage(msgpack::Reader& reader, Answer& answer) {
  const uint32_t fieldCount = reader.arrayCount() - 1;
  answer.kind = static_cast<uint32_t>(reader.integer());
  switch (answer.kind) {
    case kind::group:
      answer.path = static_cast<uint64_t>(reader.integer());
      for (uint32_t left = fieldCount - 1; left > 0; left -= 1) reader.skip();
      return;
    case kind::hello:
      welcome_ = readWelcome(reader);
      listener_.onWelcome(*this);
      return;
    case kind::opened:
      return takeOpened(reader);
    case kind::openShard:
      for (uint32_t left = fieldCount; left > 0; left -= 1) reader.skip();
      if (openShardsLeft_ > 0 && --openShardsLeft_ == 0) listener_.onOpened(*this);
      return;
    case kind::kept:
      for (uint32_t left = fieldCount; left > 0; left -= 1) reader.skip();
      return;
    default:
      takeAnswer(reader, fieldCount, answer);
      listener_.onAnswer(*this, answer, readAtNs_);
  }
}

void Link::takeAnswer(msgpack::Reader& reader, uint32_t fieldCount, Answer& answer) {
  uint32_t taken = 0;
  int64_t id = 0;
  if (fieldCount > 0) {
    if (!reader.takeInteger(id)) reader.skip();
    taken = 1;
  }
  answer.id = static_cast<uint64_t>(id);
  if (answer.kind == kind::fault && fieldCount >= 3) {
    answer.code = reader.text();
    answer.message = reader.text();
    taken = 3;
  }
  for (; taken < fieldCount; taken += 1) {
    int64_t value = -1;
    if (!reader.takeInteger(value)) reader.skip();
    if (taken <= 3) answer.fields[taken - 1] = value;
  }
}

void Link::takeOpened(msgpack::Reader& reader) {
  reader.skip();  // the id: one open at a time
  for (uint32_t left = reader.arrayCount(); left > 0; left -= 1) {
    paths_.push_back(static_cast<uint64_t>(reader.integer()));
  }
}
