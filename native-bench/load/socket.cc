// RFC 6455 from the client's side, as far as a server of binary messages needs it. The mask is always 0: a legal
// choice, and one that costs the generator nothing (the server unmasks all the same).
#include "socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "msgpack.h"

namespace {

constexpr size_t inBufferInitial = 32 * 1024;
constexpr size_t outBufferInitial = 8 * 1024;

sockaddr_in resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) {
    throw std::runtime_error("no address is known for " + host);
  }
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  freeaddrinfo(found);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Socket::Socket(const std::string& host, uint16_t port) : out_(outBufferInitial), in_(inBufferInitial) {
  const sockaddr_in address = resolve(host, port);
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) throw std::runtime_error("no socket could be made (see ulimit -n)");
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int connected = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected != 0 && errno != EINPROGRESS) {
    close(std::strerror(errno));
    return;
  }
  const std::string request = "GET /v1/connect HTTP/1.1\r\nHost: " + host + ":" + std::to_string(port) +
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: aG9sZGZhc3QtYmVuY2gtMQ==\r\n\r\n";
  std::memcpy(out_.data(), request.data(), request.size());
  end_ = request.size();
}

Socket::~Socket() { close("done"); }

void Socket::close(std::string_view reason) {
  if (descriptor_ < 0) return;
  const linger reset{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(descriptor_);
  descriptor_ = -1;
  closeReason_ = reason;
}

void Socket::beginFrame() {
  if (begin_ == end_) begin_ = end_ = 0;
  frameAt_ = end_;
  messageCount_ = 0;
  end_ += webSocketHeaderMax + arrayHeader;
  if (end_ > out_.size()) out_.resize(end_ * 2);
}

void Socket::endFrame() {
  uint8_t* const payload = out_.data() + frameAt_ + webSocketHeaderMax;
  payload[0] = 0xdc;
  msgpack::storeBig16(payload + 1, static_cast<uint16_t>(messageCount_));
  const size_t size = out_.data() + end_ - payload;

  uint8_t header[webSocketHeaderMax] = {0x82};  // final, binary
  size_t headerSize = 2;
  if (size < 126) {
    header[1] = static_cast<uint8_t>(0x80 | size);
  } else if (size < 65536) {
    header[1] = 0x80 | 126;
    msgpack::storeBig16(header + 2, static_cast<uint16_t>(size));
    headerSize = 4;
  } else {
    header[1] = 0x80 | 127;
    msgpack::storeBig64(header + 2, size);
    headerSize = 10;
  }
  headerSize += 4;  // the mask: 0

  const size_t gap = webSocketHeaderMax - headerSize;
  if (begin_ == frameAt_) {
    begin_ += gap;  // Nothing waits before this frame: it may begin later.
    std::memcpy(out_.data() + begin_, header, headerSize);
  } else {
    std::memcpy(out_.data() + frameAt_, header, headerSize);
    std::memmove(out_.data() + frameAt_ + headerSize, payload, size);
    end_ -= gap;
  }
  frameAt_ = noFrame;
}

void Socket::flush() {
  if (frameAt_ != noFrame) endFrame();
  write();
}

void Socket::write() {
  if (descriptor_ < 0 || begin_ == end_) return;
  const ssize_t sent = ::send(descriptor_, out_.data() + begin_, end_ - begin_, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) close(std::strerror(errno));
    return;
  }
  begin_ += static_cast<size_t>(sent);
}

void Socket::receive(FrameSink& sink) {
  if (inEnd_ == in_.size()) in_.resize(in_.size() * 2);
  const ssize_t got = ::recv(descriptor_, in_.data() + inEnd_, in_.size() - inEnd_, 0);
  if (got == 0) return close("the server closed the connection without a reason");
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) close(std::strerror(errno));
    return;
  }
  inEnd_ += static_cast<size_t>(got);

  size_t taken = upgraded_ ? 0 : takeUpgrade(sink);
  while (upgraded_ && isOpen()) {
    const size_t frame = takeFrame(sink, taken);
    if (frame == 0) break;
    taken += frame;
  }
  if (taken > 0) {
    std::memmove(in_.data(), in_.data() + taken, inEnd_ - taken);
    inEnd_ -= taken;
  }
}

/** Takes the answer to the upgrade; answers its size, or 0 while it is not all here. */
size_t Socket::takeUpgrade(FrameSink& sink) {
  const std::string_view text(reinterpret_cast<const char*>(in_.data()), inEnd_);
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!text.starts_with("HTTP/1.1 101")) {
    close("no upgrade: " + std::string(text.substr(0, text.find('\r'))));
    return 0;
  }
  upgraded_ = true;
  sink.onUpgraded();
  return end + 4;
}

/** Takes the frame at `at`; answers its size, or 0 while it is not all here. */
size_t Socket::takeFrame(FrameSink& sink, size_t at) {
  const uint8_t* const from = in_.data() + at;
  const size_t have = inEnd_ - at;
  if (have < 2) return 0;
  size_t header = 2;
  uint64_t size = from[1] & 0x7f;
  if (size == 126) {
    header = 4;
    if (have < header) return 0;
    size = static_cast<uint64_t>(from[2]) << 8 | from[3];
  } else if (size == 127) {
    header = 10;
    if (have < header) return 0;
    uint64_t big = 0;
    std::memcpy(&big, from + 2, 8);
    size = __builtin_bswap64(big);
  }
  if (have < header + size) return 0;

  const uint8_t* const payload = from + header;
  switch (from[0]) {
    case 0x82: sink.onFrame(payload, payload + size); break;
    case 0x88: takeClose(payload, size); break;
    case 0x89: {  // A ping: the pong carries the same bytes, behind whatever is being written.
      if (frameAt_ != noFrame) endFrame();
      if (size > 125) throw Malformed("a ping of more than 125 bytes");
      if (end_ + size + 6 > out_.size()) out_.resize((end_ + size + 6) * 2);
      const uint8_t pong[6] = {0x8a, static_cast<uint8_t>(0x80 | size), 0, 0, 0, 0};
      std::memcpy(out_.data() + end_, pong, sizeof pong);
      std::memcpy(out_.data() + end_ + sizeof pong, payload, size);
      end_ += sizeof pong + size;
      break;
    }
    case 0x8a: break;
    default: throw Malformed("a WebSocket frame that is neither binary nor control, or is in parts");
  }
  return header + size;
}

void Socket::takeClose(const uint8_t* payload, size_t size) {
  std::string reason = "closed";
  if (size >= 2) {
    reason += " " + std::to_string(payload[0] << 8 | payload[1]) + " ";
    reason.append(reinterpret_cast<const char*>(payload + 2), size - 2);
  }
  close(reason);
}
