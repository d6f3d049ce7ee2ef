// PostgreSQL by libpq in pipeline mode. A lock is a row with a deadline and a fencing token, taken and let go by one
// statement each, every statement a transaction of its own. Waiters of one lock wait for the row lock of a transaction,
// because that wakes the next one inside the server: the claim lasts until COMMIT.
#include <libpq-fe.h>
#include <sys/epoll.h>

#include <deque>
#include <memory>
#include <vector>

#include "work.h"

namespace {

constexpr const char* makeTable =
    "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS locks (name text PRIMARY KEY, holder int, token bigint, deadline timestamptz) "
    "WITH (fillfactor = 50); CREATE SEQUENCE IF NOT EXISTS tokens CACHE 1";
constexpr const char* acquireText =
    "INSERT INTO locks VALUES ($1, $2::int, nextval('tokens'), now() + interval '30 s') ON CONFLICT (name) DO UPDATE "
    "SET holder = excluded.holder, token = excluded.token, deadline = excluded.deadline WHERE locks.deadline < now() "
    "RETURNING token";
constexpr const char* releaseText =
    "UPDATE locks SET deadline = '-infinity' WHERE name = $1 AND token = $2::bigint RETURNING token";
constexpr const char* renewText =
    "UPDATE locks SET deadline = now() + interval '30 s' WHERE name = $1 AND token = $2::bigint RETURNING token";
constexpr const char* waitText = "BEGIN; UPDATE locks SET token = nextval('tokens') WHERE name = 'contended' RETURNING token";

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "postgres client: %s\n", why);
  std::exit(1);
}

struct Held {
  uint64_t number;
  std::string token;
};

enum class Ask : uint8_t { acquire, release, renew };

struct Pending {
  Ask ask;
  uint64_t number;
  uint64_t sentAtNs;
};

struct Client {
  Client(const Work& work, uint32_t clientIndex) : index(clientIndex), holder(std::to_string(clientIndex)) {
    const std::string where = "host=" + work.host + " port=" + std::to_string(work.port) + " user=bench dbname=postgres";
    link = PQconnectdb(where.c_str());
    if (PQstatus(link) != CONNECTION_OK) fail(PQerrorMessage(link));
    prepare("acquire", acquireText);
    prepare("release", releaseText);
    prepare("renew", renewText);
  }
  ~Client() { PQfinish(link); }
  Client(const Client&) = delete;

  void prepare(const char* name, const char* text) {
    PGresult* const result = PQprepare(link, name, text, 0, nullptr);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(PQerrorMessage(link));
    PQclear(result);
  }

  void send(Ask ask, uint64_t number, const std::string& argument) {
    const char* const names[] = {"acquire", "release", "renew"};
    const std::string name = nameOf(number);
    const char* const values[] = {name.c_str(), argument.c_str()};
    if (PQsendQueryPrepared(link, names[static_cast<int>(ask)], 2, values, nullptr, nullptr, 0) == 0 ||
        PQpipelineSync(link) == 0) {
      fail(PQerrorMessage(link));
    }
    pending.push_back({ask, number, nowNs()});
  }

  PGconn* link = nullptr;
  uint32_t index;
  std::string holder;
  uint64_t next = 0;
  std::deque<Pending> pending;
  std::deque<Held> held;
};

class Run {
 public:
  explicit Run(const Work& work) : work_(work), epoll_(epoll_create1(0)) {
    for (uint32_t index = 0; index < work.connections; index += 1) {
      if (index == 0) makeTables();
      clients_.push_back(std::make_unique<Client>(work, index));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = index;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, PQsocket(clients_.back()->link), &event);
    }
  }

  void uncontended() {
    startPipelines();
    Meter meter(work_);
    for (auto& client : clients_) fill(*client, work_.depth);
    pump(meter, [this](Client& client, uint32_t places) { fill(client, places); });
    meter.print();
  }

  void held() {
    startPipelines();
    const uint32_t each = work_.locks / work_.connections;
    for (auto& client : clients_) {
      for (uint32_t lock = 0; lock < each; lock += 1) client->send(Ask::acquire, client->index * each + lock, client->holder);
      PQflush(client->link);
    }
    Meter meter(work_);
    pump(meter, [](Client& client, uint32_t places) {
      for (uint32_t place = 0; place < places; place += 1) {
        const Held& lock = client.held[client.next++ % client.held.size()];
        client.send(Ask::renew, lock.number, lock.token);
      }
    });
    meter.print();
  }

  void handover() {
    runPlainly("INSERT INTO locks VALUES ('contended', 0, 0, '-infinity') ON CONFLICT DO NOTHING");
    Meter meter(work_);
    uint64_t releasedAtNs = 0;
    for (auto& client : clients_) PQsendQuery(client->link, waitText);
    eachReady(meter, [&](Client& client) {
      bool isGranted = false;
      while (PQisBusy(client.link) == 0) {
        PGresult* const result = PQgetResult(client.link);
        if (result == nullptr) break;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) fail(PQerrorMessage(client.link));
        isGranted = isGranted || PQresultStatus(result) == PGRES_TUPLES_OK;
        PQclear(result);
      }
      if (PQisBusy(client.link) != 0 && !isGranted) return;
      while (PGresult* const rest = PQgetResult(client.link)) PQclear(rest);
      if (!isGranted) {
        PQsendQuery(client.link, waitText);
        return;
      }
      if (releasedAtNs > 0) meter.answered(releasedAtNs, nowNs());
      releasedAtNs = nowNs();
      PQsendQuery(client.link, "COMMIT");
    });
    meter.print();
  }

 private:
  void makeTables() { runPlainly(makeTable); }

  void runPlainly(const char* text) {
    const std::string where = "host=" + work_.host + " port=" + std::to_string(work_.port) + " user=bench dbname=postgres";
    PGconn* const link = PQconnectdb(where.c_str());
    PGresult* const result = PQexec(link, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(PQerrorMessage(link));
    PQclear(result);
    PQfinish(link);
  }

  void startPipelines() {
    for (auto& client : clients_) {
      PQsetnonblocking(client->link, 1);
      if (PQenterPipelineMode(client->link) == 0) fail(PQerrorMessage(client->link));
    }
  }

  void fill(Client& client, uint32_t places) {
    const uint64_t share = namesMax / work_.connections;
    for (uint32_t place = 0; place < places; place += 1) {
      if (client.held.empty()) {
        client.send(Ask::acquire, client.index * share + client.next++ % share, client.holder);
      } else {
        client.send(Ask::release, client.held.front().number, client.held.front().token);
        client.held.pop_front();
      }
    }
    PQflush(client.link);
  }

  template <class Take>
  void eachReady(const Meter& meter, const Take& take) {
    epoll_event events[64];
    while (!meter.isOver(nowNs())) {
      const int ready = epoll_wait(epoll_, events, 64, 100);
      for (int at = 0; at < ready; at += 1) {
        Client& client = *clients_[events[at].data.u64];
        if (PQconsumeInput(client.link) == 0) fail(PQerrorMessage(client.link));
        take(client);
      }
    }
  }

  template <class Again>
  void pump(Meter& meter, const Again& again) {
    eachReady(meter, [&](Client& client) {
      const uint32_t places = take(client, meter);
      if (places > 0) {
        again(client, places);
        PQflush(client.link);
      }
    });
  }

  /** Takes what was answered; how many places that freed. */
  uint32_t take(Client& client, Meter& meter) {
    uint32_t places = 0;
    const uint64_t atNs = nowNs();
    while (!client.pending.empty() && PQisBusy(client.link) == 0) {
      PGresult* const result = PQgetResult(client.link);
      if (result == nullptr) continue;  // The end of one statement's results.
      const ExecStatusType status = PQresultStatus(result);
      if (status == PGRES_TUPLES_OK) {
        const Pending& pending = client.pending.front();
        const bool isDone = PQntuples(result) == 1;
        if (!isDone) meter.failed();
        if (isDone && pending.ask == Ask::acquire) client.held.push_back({pending.number, PQgetvalue(result, 0, 0)});
      } else if (status == PGRES_PIPELINE_SYNC) {
        meter.answered(client.pending.front().sentAtNs, atNs);
        client.pending.pop_front();
        places += 1;
      } else {
        fail(PQerrorMessage(client.link));
      }
      PQclear(result);
    }
    return places;
  }

  Work work_;
  int epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

int main(int count, char** words) {
  const Work work = readWork(count, words);
  Run run(work);
  if (work.kind == "handover") run.handover();
  else if (work.kind == "held") run.held();
  else run.uncontended();
}
