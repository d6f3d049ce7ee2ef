// Redis at its best: one thread, pipelined, a lock is SET NX PX with a random value, a release a script that compares
// that value before it deletes. With --copies N, WAIT N follows each pipeline, and what fewer replicas have is an error.
// Waiters of one lock are woken by a message that the release publishes, and then try again.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "work.h"

namespace {

constexpr std::string_view releaseScript =
    "if redis.call('get',KEYS[1])==ARGV[1] then redis.call('del',KEYS[1]) "
    "if ARGV[2] then redis.call('publish',ARGV[2],'') end return 1 else return 0 end";
constexpr std::string_view renewScript =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end";

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "redis client: %s\n", why.c_str());
  std::exit(1);
}

/** One answer: a number (`:1`), a text (`+OK`, a bulk string), or nothing (`$-1`). Arrays are counted, not kept. */
struct Reply {
  char type = 0;
  int64_t number = 0;
};

class Link {
 public:
  explicit Link(const Work& work) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(work.port);
    inet_pton(AF_INET, work.host.c_str(), &to.sin_addr);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail(std::strerror(errno));
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  int fd() const { return fd_; }

  void command(std::initializer_list<std::string_view> words) {
    out_ += '*';
    out_ += std::to_string(words.size());
    out_ += "\r\n";
    for (const std::string_view word : words) {
      out_ += '$';
      out_ += std::to_string(word.size());
      out_ += "\r\n";
      out_ += word;
      out_ += "\r\n";
    }
  }

  void flush() {
    size_t sent = 0;
    while (sent < out_.size()) {
      const ssize_t wrote = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
      if (wrote < 0) fail(std::string("send: ") + std::strerror(errno));
      sent += static_cast<size_t>(wrote);
    }
    out_.clear();
  }

  /** Reads what is there, at least one byte. */
  void read() {
    char chunk[65536];
    const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) fail("the server closed the connection");
    in_.append(chunk, static_cast<size_t>(got));
  }

  /** The next whole answer; false if there is none yet. */
  bool next(Reply& reply) {
    size_t at = at_;
    if (!parse(at, reply)) {
      in_.erase(0, at_);
      at_ = 0;
      return false;
    }
    at_ = at;
    return true;
  }

  Reply wait() {
    Reply reply;
    while (!next(reply)) read();
    return reply;
  }

  std::string text;  // of the last bulk string or status

 private:
  bool parse(size_t& at, Reply& reply) {
    const size_t end = in_.find("\r\n", at);
    if (end == std::string::npos) return false;
    const char type = in_[at];
    const std::string line = in_.substr(at + 1, end - at - 1);
    at = end + 2;
    reply = {type, 0};
    if (type == '-') fail(line);
    if (type == '+') text = line;
    else reply.number = std::atoll(line.c_str());
    if (type == '$' && reply.number >= 0) {
      const auto size = static_cast<size_t>(reply.number);
      if (in_.size() < at + size + 2) return false;
      text = in_.substr(at, size);
      at += size + 2;
    }
    if (type != '*') return true;
    const int64_t items = reply.number;
    for (int64_t item = 0; item < items; item += 1) {
      Reply inner;
      if (!parse(at, inner)) return false;
    }
    reply = {'*', items};
    return true;
  }

  int fd_;
  std::string out_;
  std::string in_;
  size_t at_ = 0;
};

enum class Ask : uint8_t { acquire, release, renew, copies };

struct Pending {
  Ask ask;
  uint64_t number;
  uint64_t sentAtNs;
};

struct Client {
  Client(const Work& work, uint32_t clientIndex)
      : link(work), index(clientIndex), value("0123456789abcdef" + std::to_string(clientIndex)) {}
  Link link;
  uint32_t index;
  std::string value;
  uint64_t next = 0;
  std::deque<Pending> pending;
  std::vector<Pending> unproven;   // answered, but its WAIT is not
  std::deque<uint64_t> held;
};

class Run {
 public:
  explicit Run(const Work& work) : work_(work), ttl_(std::to_string(work.ttlMs)), epoll_(epoll_create1(0)) {
    Link link(work);
    link.command({"SCRIPT", "LOAD", releaseScript});
    link.command({"SCRIPT", "LOAD", renewScript});
    link.flush();
    link.wait();
    release_ = link.text;
    link.wait();
    renew_ = link.text;
    for (uint32_t index = 0; index < work.connections; index += 1) {
      clients_.push_back(std::make_unique<Client>(work, index));
      watch(clients_.back()->link, index);
    }
  }

  void uncontended() {
    Meter meter(work_);
    for (auto& client : clients_) fill(*client, work_.depth);
    pump(meter, [this](Client& client, uint32_t places) { fill(client, places); });
    meter.print();
  }

  void held() {
    const uint32_t each = work_.locks / work_.connections;
    for (auto& client : clients_) {
      for (uint32_t lock = 0; lock < each; lock += 1) acquire(*client, client->index * each + lock);
      client->link.flush();
      for (uint32_t lock = 0; lock < each; lock += 1) client->link.wait();
      client->pending.clear();
    }
    Meter meter(work_);
    const auto again = [this, each](Client& client, uint32_t places) {
      for (uint32_t place = 0; place < places; place += 1) renew(client, client.index * each + client.next++ % each);
      seal(client);
    };
    for (auto& client : clients_) again(*client, each);
    pump(meter, again);
    meter.print();
  }

  void handover();

 private:
  void watch(const Link& link, uint64_t mark) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = mark;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, link.fd(), &event);
  }

  void acquire(Client& client, uint64_t number) {
    client.link.command({"SET", nameOf(number), client.value, "NX", "PX", ttl_});
    client.pending.push_back({Ask::acquire, number, nowNs()});
  }
  void release(Client& client, uint64_t number) {
    client.link.command({"EVALSHA", release_, "1", nameOf(number), client.value});
    client.pending.push_back({Ask::release, number, nowNs()});
  }
  void renew(Client& client, uint64_t number) {
    client.link.command({"EVALSHA", renew_, "1", nameOf(number), client.value, ttl_});
    client.pending.push_back({Ask::renew, number, nowNs()});
  }
  /** Ends a pipeline. */
  void seal(Client& client) {
    if (work_.copies > 0) {
      client.link.command({"WAIT", std::to_string(work_.copies), "5000"});
      client.pending.push_back({Ask::copies, 0, nowNs()});
    }
    client.link.flush();
  }

  void fill(Client& client, uint32_t places) {
    const uint64_t share = namesMax / work_.connections;
    for (uint32_t place = 0; place < places; place += 1) {
      if (client.held.empty()) {
        acquire(client, client.index * share + client.next++ % share);
      } else {
        release(client, client.held.front());
        client.held.pop_front();
      }
    }
    seal(client);
  }

  template <class Again>
  void pump(Meter& meter, const Again& again) {
    epoll_event events[64];
    while (!meter.isOver(nowNs())) {
      const int ready = epoll_wait(epoll_, events, 64, 100);
      for (int at = 0; at < ready; at += 1) {
        Client& client = *clients_[events[at].data.u64];
        client.link.read();
        const uint32_t places = take(client, meter);
        if (places > 0) again(client, places);
      }
    }
  }

  /** Takes what was answered; how many places that freed. */
  uint32_t take(Client& client, Meter& meter) {
    const uint64_t atNs = nowNs();
    uint32_t places = 0;
    Reply reply;
    while (client.link.next(reply)) {
      const Pending pending = client.pending.front();
      client.pending.pop_front();
      if (pending.ask == Ask::copies) {
        for (const Pending& proven : client.unproven) {
          if (reply.number < work_.copies) meter.failed();
          meter.answered(proven.sentAtNs, atNs);
        }
        places += static_cast<uint32_t>(client.unproven.size());
        client.unproven.clear();
        continue;
      }
      if (pending.ask == Ask::acquire && reply.type == '+') client.held.push_back(pending.number);
      else if (pending.ask == Ask::acquire || reply.number != 1) meter.failed();
      if (work_.copies > 0) {
        client.unproven.push_back(pending);
        continue;
      }
      meter.answered(pending.sentAtNs, atNs);
      places += 1;
    }
    return places;
  }

  Work work_;
  std::string ttl_;
  int epoll_;
  std::string release_;
  std::string renew_;
  std::vector<std::unique_ptr<Client>> clients_;
};

constexpr std::string_view channel = "bench:released";

/** Each client has a second connection that hears of releases. Who released waits for the next one to release. */
void Run::handover() {
  std::vector<std::unique_ptr<Link>> ears;
  for (size_t index = 0; index < clients_.size(); index += 1) {
    ears.push_back(std::make_unique<Link>(work_));
    ears.back()->command({"SUBSCRIBE", channel});
    ears.back()->flush();
    ears.back()->wait();
    watch(*ears.back(), clients_.size() + index);
  }
  Meter meter(work_);
  const std::string name = nameOf(0);
  uint64_t releasedAtNs = 0;
  std::vector<bool> missed(clients_.size());
  const auto attempt = [&](Client& client) {
    if (!client.pending.empty()) {
      missed[client.index] = true;  // A release came while this one was asking: it asks again if it was too early.
      return;
    }
    acquire(client, 0);
    seal(client);
  };
  for (auto& client : clients_) attempt(*client);
  const auto granted = [&](Client& client, uint64_t atNs) {
    if (releasedAtNs > 0) meter.answered(releasedAtNs, atNs);
    releasedAtNs = nowNs();
    client.link.command({"EVALSHA", release_, "1", name, client.value, channel});
    client.pending.push_back({Ask::release, 0, releasedAtNs});
    missed[client.index] = false;
    client.link.flush();
  };
  epoll_event events[64];
  Reply reply;
  while (!meter.isOver(nowNs())) {
    const int ready = epoll_wait(epoll_, events, 64, 1000);
    if (ready == 0) {
      for (auto& client : clients_) attempt(*client);
    }
    for (int at = 0; at < ready; at += 1) {
      const uint64_t mark = events[at].data.u64;
      if (mark >= clients_.size()) {
        const size_t index = mark - clients_.size();
        ears[index]->read();
        while (ears[index]->next(reply)) attempt(*clients_[index]);
        continue;
      }
      Client& client = *clients_[mark];
      client.link.read();
      bool isGranted = false;
      bool wasRelease = false;
      while (client.link.next(reply)) {
        const Pending pending = client.pending.front();
        client.pending.pop_front();
        if (pending.ask == Ask::release) {
          wasRelease = true;
          if (reply.number != 1) meter.failed();
        }
        if (pending.ask == Ask::acquire) client.held.assign(reply.type == '+' ? 1 : 0, 0);
        if (pending.ask == Ask::copies && !client.held.empty() && reply.number < work_.copies) meter.failed();
      }
      if (!client.pending.empty()) continue;
      isGranted = !client.held.empty();
      client.held.clear();
      if (isGranted) {
        granted(client, nowNs());
      } else if (missed[client.index]) {
        missed[client.index] = false;
        if (!wasRelease) attempt(client);
      }
    }
  }
  meter.print();
}

}  // namespace

int main(int count, char** words) {
  const Work work = readWork(count, words);
  Run run(work);
  if (work.kind == "handover") run.handover();
  else if (work.kind == "held") run.held();
  else run.uncontended();
}
