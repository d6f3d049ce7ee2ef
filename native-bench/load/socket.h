// One WebSocket connection as bytes: requests are written into one outgoing buffer, one frame and one write for each
// pass of the loop, and answers are decoded where the kernel put them. Nothing is allocated for a request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/** Who is told about each frame that has come; `begin` to `end` is lent for the call. */
class FrameSink {
 public:
  virtual void onUpgraded() = 0;
  virtual void onFrame(const uint8_t* begin, const uint8_t* end) = 0;

 protected:
  ~FrameSink() = default;
};

class Socket {
 public:
  /** Begins to connect and asks for the upgrade; throws std::runtime_error if there is no such address. */
  Socket(const std::string& host, uint16_t port);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }
  bool isOpen() const { return descriptor_ >= 0; }
  const std::string& closeReason() const { return closeReason_; }

  /** Room for one more message of at most `size` bytes in the frame that is being written; end it with `wrote`. */
  uint8_t* beginMessage(size_t size) {
    if (frameAt_ == noFrame) beginFrame();
    messageCount_ += 1;
    if (end_ + size > out_.size()) out_.resize((end_ + size) * 2);
    return out_.data() + end_;
  }
  void wrote(const uint8_t* end) { end_ = static_cast<size_t>(end - out_.data()); }

  /** Ends the frame, if one is being written, and writes what the kernel takes. */
  void flush();
  bool hasUnsent() const { return begin_ != end_; }

  /** Reads what has come and hands over each whole frame. */
  void receive(FrameSink& sink);

  /** Closes at once: a reset instead of a farewell, so that no port stays behind in TIME_WAIT. */
  void close(std::string_view reason);

 private:
  static constexpr size_t noFrame = ~size_t{0};
  static constexpr size_t webSocketHeaderMax = 14;  // 2, up to 8 of length, 4 of mask
  static constexpr size_t arrayHeader = 3;          // always array16: the count is known at the end only

  void beginFrame();
  void endFrame();
  void write();
  size_t takeUpgrade(FrameSink& sink);
  size_t takeFrame(FrameSink& sink, size_t at);
  void takeClose(const uint8_t* payload, size_t size);

  int descriptor_ = -1;
  bool upgraded_ = false;
  std::string closeReason_;

  std::vector<uint8_t> out_;  // [begin_, end_) is not sent yet; the frame being written starts at frameAt_
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t frameAt_ = noFrame;
  uint32_t messageCount_ = 0;

  std::vector<uint8_t> in_;  // [0, inEnd_) is read and not yet taken
  size_t inEnd_ = 0;
};
