// Reads WELCOME, and looks a resource up in the ring as the protocol's page says: the high bits of the CRC-32 of its
// name are the slot.
#include "welcome.h"

#include <algorithm>
#include <array>

namespace {

constexpr std::array<uint32_t, 256> makeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte += 1) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit += 1) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

constexpr auto crcTable = makeCrcTable();

uint32_t crc32(std::string_view text) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : text) crc = crcTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ crc >> 8;
  return ~crc;
}

void readMap(msgpack::Reader& reader, Welcome& welcome) {
  for (uint32_t left = reader.mapCount(); left > 0; left -= 1) {
    const std::string_view key = reader.text();
    if (key == "owners") {
      for (uint32_t shards = reader.arrayCount(); shards > 0; shards -= 1) {
        welcome.owners.push_back(static_cast<uint32_t>(reader.integer()));
      }
    } else if (key == "workers") {
      for (uint32_t workers = reader.arrayCount(); workers > 0; workers -= 1) {
        welcome.workers.emplace_back(reader.takeNil() ? std::string_view() : reader.text());
      }
    } else {
      reader.skip();
    }
  }
}

void readRing(std::string_view bytes, Welcome& welcome) {
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    welcome.ring.push_back(
        static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) | static_cast<uint8_t>(bytes[at + 1]) << 8));
  }
}

}  // namespace

Welcome readWelcome(msgpack::Reader& reader) {
  Welcome welcome;
  for (uint32_t left = reader.mapCount(); left > 0; left -= 1) {
    const std::string_view key = reader.text();
    if (key == "server") {
      welcome.server = reader.text();
    } else if (key == "worker") {
      welcome.worker = static_cast<uint32_t>(reader.integer());
    } else if (key == "map") {
      readMap(reader, welcome);
    } else if (key == "ring" && !reader.takeNil()) {
      readRing(reader.text(), welcome);
    } else if (key == "limits") {
      for (uint32_t limits = reader.mapCount(); limits > 0; limits -= 1) {
        if (reader.text() == "waitingGraceMs") {
          welcome.waitingGraceMs = static_cast<uint32_t>(reader.integer());
        } else {
          reader.skip();
        }
      }
    } else if (key != "ring") {
      reader.skip();
    }
  }
  if (welcome.owners.empty() || welcome.workers.empty()) throw Malformed("WELCOME has no map");
  return welcome;
}

uint32_t Welcome::shardsOf(uint32_t wanted) const {
  return static_cast<uint32_t>(std::count(owners.begin(), owners.end(), wanted));
}

uint32_t Welcome::workerOf(std::string_view resource) const {
  if (ring.empty()) throw Malformed("WELCOME has no ring, although it was asked for");
  const int bits = std::bit_width(ring.size()) - 1;
  const uint16_t shard = ring[crc32(resource) >> (32 - bits)];
  if (shard >= owners.size()) throw Malformed("the ring names a shard that the map does not have");
  return owners[shard];
}
