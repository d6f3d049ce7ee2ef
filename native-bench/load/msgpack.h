// The part of msgpack that the protocol uses, written straight into and read straight out of socket buffers: the
// generator must cost less than the server that it measures.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

/** Thrown when the server's bytes are not the protocol: the run is worth nothing then. */
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace msgpack {

inline void storeBig16(uint8_t* at, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, 2);
}
inline void storeBig32(uint8_t* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, 4);
}
inline void storeBig64(uint8_t* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, 8);
}

/** Writes at a place with room enough (the caller reserves) and returns the place behind. */
inline uint8_t* writeUint(uint8_t* at, uint64_t value) {
  if (value < 128) {
    *at = static_cast<uint8_t>(value);
    return at + 1;
  }
  if (value < 256) {
    at[0] = 0xcc;
    at[1] = static_cast<uint8_t>(value);
    return at + 2;
  }
  if (value < 65536) {
    at[0] = 0xcd;
    storeBig16(at + 1, static_cast<uint16_t>(value));
    return at + 3;
  }
  if (value < (uint64_t{1} << 32)) {
    at[0] = 0xce;
    storeBig32(at + 1, static_cast<uint32_t>(value));
    return at + 5;
  }
  at[0] = 0xcf;
  storeBig64(at + 1, value);
  return at + 9;
}

inline uint8_t* writeNil(uint8_t* at) {
  *at = 0xc0;
  return at + 1;
}

inline uint8_t* writeArray(uint8_t* at, uint32_t count) {
  if (count < 16) {
    *at = static_cast<uint8_t>(0x90 | count);
    return at + 1;
  }
  at[0] = 0xdc;
  storeBig16(at + 1, static_cast<uint16_t>(count));
  return at + 3;
}

inline uint8_t* writeStringHeader(uint8_t* at, uint32_t size) {
  if (size < 32) {
    *at = static_cast<uint8_t>(0xa0 | size);
    return at + 1;
  }
  if (size < 256) {
    at[0] = 0xd9;
    at[1] = static_cast<uint8_t>(size);
    return at + 2;
  }
  at[0] = 0xda;
  storeBig16(at + 1, static_cast<uint16_t>(size));
  return at + 3;
}

inline uint8_t* writeString(uint8_t* at, std::string_view text) {
  at = writeStringHeader(at, static_cast<uint32_t>(text.size()));
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

/** Reads one value after the other; what is read out is lent from the buffer. */
class Reader {
 public:
  Reader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}

  bool atEnd() const { return at_ == end_; }

  /** True, and the value taken, if an integer (or a float64 with an integral value, as the protocol allows) follows. */
  bool takeInteger(int64_t& value) {
    const uint8_t head = peek();
    if (head < 0x80) {
      value = head;
      at_ += 1;
      return true;
    }
    if (head >= 0xe0) {
      value = static_cast<int8_t>(head);
      at_ += 1;
      return true;
    }
    switch (head) {
      case 0xcc: value = static_cast<int64_t>(big(1, 1)); return true;
      case 0xcd: value = static_cast<int64_t>(big(1, 2)); return true;
      case 0xce: value = static_cast<int64_t>(big(1, 4)); return true;
      case 0xcf: value = static_cast<int64_t>(big(1, 8)); return true;
      case 0xd0: value = static_cast<int8_t>(big(1, 1)); return true;
      case 0xd1: value = static_cast<int16_t>(big(1, 2)); return true;
      case 0xd2: value = static_cast<int32_t>(big(1, 4)); return true;
      case 0xd3: value = static_cast<int64_t>(big(1, 8)); return true;
      case 0xcb: value = static_cast<int64_t>(std::bit_cast<double>(big(1, 8))); return true;
      default: return false;
    }
  }

  int64_t integer() {
    int64_t value = 0;
    if (!takeInteger(value)) throw Malformed("an integer was expected");
    return value;
  }

  uint32_t arrayCount() {
    const uint8_t head = peek();
    if ((head & 0xf0) == 0x90) {
      at_ += 1;
      return head & 0x0f;
    }
    if (head == 0xdc) return static_cast<uint32_t>(big(1, 2));
    if (head == 0xdd) return static_cast<uint32_t>(big(1, 4));
    throw Malformed("an array was expected");
  }

  uint32_t mapCount() {
    const uint8_t head = peek();
    if ((head & 0xf0) == 0x80) {
      at_ += 1;
      return head & 0x0f;
    }
    if (head == 0xde) return static_cast<uint32_t>(big(1, 2));
    if (head == 0xdf) return static_cast<uint32_t>(big(1, 4));
    throw Malformed("a map was expected");
  }

  /** A string or byte string, lent. */
  std::string_view text() {
    const uint8_t head = peek();
    uint32_t size = 0;
    if ((head & 0xe0) == 0xa0) {
      at_ += 1;
      size = head & 0x1f;
    } else if (head == 0xd9 || head == 0xc4) {
      size = static_cast<uint32_t>(big(1, 1));
    } else if (head == 0xda || head == 0xc5) {
      size = static_cast<uint32_t>(big(1, 2));
    } else if (head == 0xdb || head == 0xc6) {
      size = static_cast<uint32_t>(big(1, 4));
    } else {
      throw Malformed("a string was expected");
    }
    return {reinterpret_cast<const char*>(take(size)), size};
  }

  /** True, and taken, if nil follows. */
  bool takeNil() {
    if (peek() != 0xc0) return false;
    at_ += 1;
    return true;
  }

  /** Passes over one value of any kind; what is nested is counted down, not recursed into. */
  void skip() {
    for (uint64_t left = 1; left > 0; left -= 1) left += skipHead();
  }

 private:
  uint8_t peek() const {
    if (at_ == end_) throw Malformed("the frame ends inside a message");
    return *at_;
  }

  const uint8_t* take(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) throw Malformed("the frame ends inside a value");
    const uint8_t* from = at_;
    at_ += size;
    return from;
  }

  uint64_t big(size_t skipped, size_t size) {
    const uint8_t* from = take(skipped + size) + skipped;
    uint64_t value = 0;
    for (size_t index = 0; index < size; index += 1) value = value << 8 | from[index];
    return value;
  }

  /** Passes over one value without what is nested in it, and answers how many values those are. */
  uint64_t skipHead() {
    const uint8_t head = peek();
    int64_t ignored = 0;
    if (takeInteger(ignored)) return 0;
    if ((head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd) return arrayCount();
    if ((head & 0xf0) == 0x80 || head == 0xde || head == 0xdf) return uint64_t{2} * mapCount();
    if (head == 0xc0 || head == 0xc2 || head == 0xc3) {
      at_ += 1;
      return 0;
    }
    if (head == 0xca) {
      take(5);
      return 0;
    }
    text();
    return 0;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace msgpack
