// The command line, with a message that names the option, the value and what is allowed.
#include "options.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string_view>

namespace {

constexpr const char* help = R"(load: the load generator of Holdfast. One thread, epoll, WebSocket and msgpack.

  --url HOST:PORT        the server (127.0.0.1:7400)
  --mode MODE            traffic (default), handover, fill, idle, connect
  --connections C        (64)
  --seconds S            measured time (10)          --warmup S    time before it (1)
  --json                 one line of JSON for the result, and for each notice before it
  --seed N               of all random choices (1)   --threads 1   only one thread is supported

What is asked
  --window W             closed loop: requests outstanding on each connection (1)
  --rate R               open loop: requests a second over all connections; latencies from the intended send time
  --tick-ms T            open loop: what fell due in T ms goes in one frame, over one connection after the other (0.2)
  --mix A,R,N,C          per cent of acquire, release, renew, check (45,45,5,5)
  --keys N               resources (1000000)         --name-size B bytes of a name, 16 to 200 (20)
  --choice WHICH         uniform, zipf:THETA, hot (uniform)
  --ttl MS               TTL of each claim (30000)   --session-ttl MS (30000)
  --sessions on|off      one session for each connection, or session-less claims (on)
  --direct on|off        each worker at its own address, or all connections to --url (on)

Modes
  handover   --waiters N: from a release by one client to the grant at the next, with N waiting (10)
  fill       --locks N session-less claims (1000000), at --fill-rate R or as the window allows; then --rate
             for --seconds; --through-expiry on: the traffic goes on instead until the last of them has expired
  idle       --idle-sessions S (1000) over the connections, each with one session claim, kept alive for --seconds
  connect    connects, shakes hands and disconnects, as often as --connections at a time allow

Exit codes: 0 measured, 1 failed, 2 an invariant was broken, 64 wrong use.
)";

[[noreturn]] void refuse(std::string_view option, std::string_view value, std::string_view allowed) {
  std::fprintf(stderr, "load: %.*s is \"%.*s\"; allowed: %.*s\n", static_cast<int>(option.size()), option.data(),
               static_cast<int>(value.size()), value.data(), static_cast<int>(allowed.size()), allowed.data());
  std::exit(64);
}

double readNumber(std::string_view option, const std::string& value, double low, double high) {
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != 0 || !(number >= low) || !(number <= high)) {
    char allowed[80];
    std::snprintf(allowed, sizeof allowed, "a number from %.15g to %.15g", low, high);
    refuse(option, value, allowed);
  }
  return number;
}

bool readSwitch(std::string_view option, const std::string& value) {
  if (value != "on" && value != "off") refuse(option, value, "on, off");
  return value == "on";
}

Mode readMode(const std::string& value) {
  if (value == "traffic") return Mode::traffic;
  if (value == "handover") return Mode::handover;
  if (value == "fill") return Mode::fill;
  if (value == "idle") return Mode::idle;
  if (value == "connect") return Mode::connect;
  refuse("--mode", value, "traffic, handover, fill, idle, connect");
}

void readUrl(Options& options, const std::string& value) {
  const size_t colon = value.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse("--url", value, "HOST:PORT");
  options.host = value.substr(0, colon);
  options.port = static_cast<uint16_t>(readNumber("--url", value.substr(colon + 1), 1, 65535));
}

void readMix(Options& options, const std::string& value) {
  const int read = std::sscanf(value.c_str(), "%u,%u,%u,%u", &options.mixAcquire, &options.mixRelease,
                               &options.mixRenew, &options.mixCheck);
  const uint32_t sum = options.mixAcquire + options.mixRelease + options.mixRenew + options.mixCheck;
  if (read != 4 || sum != 100) refuse("--mix", value, "four whole numbers that add up to 100");
}

void readChoice(Options& options, const std::string& value) {
  if (value == "uniform") {
    options.choice = Choice::uniform;
  } else if (value == "hot") {
    options.choice = Choice::hot;
  } else if (value.starts_with("zipf:")) {
    options.choice = Choice::zipf;
    options.zipfTheta = readNumber("--choice zipf", value.substr(5), 0.01, 0.999);
  } else {
    refuse("--choice", value, "uniform, zipf:THETA, hot");
  }
}

using Take = std::function<void(Options&, const std::string&)>;

template <typename Number>
Take number(const char* option, Number Options::*field, double low, double high) {
  return [=](Options& options, const std::string& value) {
    options.*field = static_cast<Number>(readNumber(option, value, low, high));
  };
}

Take onOff(const char* option, bool Options::*field) {
  return [=](Options& options, const std::string& value) { options.*field = readSwitch(option, value); };
}

const std::map<std::string_view, Take>& takes() {
  static const std::map<std::string_view, Take> all = {
      {"--url", readUrl},
      {"--mode", [](Options& options, const std::string& value) { options.mode = readMode(value); }},
      {"--mix", readMix},
      {"--choice", readChoice},
      {"--threads", [](Options&, const std::string& value) { readNumber("--threads", value, 1, 1); }},
      {"--connections", number("--connections", &Options::connections, 1, 20'000)},
      {"--window", number("--window", &Options::window, 1, 8192)},
      {"--rate", number("--rate", &Options::ratePerSecond, 0, 10e6)},
      {"--seconds", number("--seconds", &Options::seconds, 0, 1e6)},
      {"--warmup", number("--warmup", &Options::warmupSeconds, 0, 1e6)},
      {"--tick-ms", number("--tick-ms", &Options::tickMs, 0.01, 1000)},
      {"--keys", number("--keys", &Options::keys, 1, 100e6)},
      {"--name-size", number("--name-size", &Options::nameSize, 16, 200)},
      {"--ttl", number("--ttl", &Options::ttlMs, 1, 300'000)},
      {"--session-ttl", number("--session-ttl", &Options::sessionTtlMs, 50, 300'000)},
      {"--sessions", onOff("--sessions", &Options::sessions)},
      {"--direct", onOff("--direct", &Options::direct)},
      {"--waiters", number("--waiters", &Options::waiters, 1, 131'000)},
      {"--locks", number("--locks", &Options::locks, 1, 100e6)},
      {"--fill-rate", number("--fill-rate", &Options::fillRate, 0, 10e6)},
      {"--through-expiry", onOff("--through-expiry", &Options::throughExpiry)},
      {"--idle-sessions", number("--idle-sessions", &Options::idleSessions, 1, 10e6)},
      {"--seed", number("--seed", &Options::seed, 0, 9e15)},
  };
  return all;
}

}  // namespace

Options readOptions(int count, char** words) {
  Options options;
  for (int index = 1; index < count; index += 1) {
    const std::string option = words[index];
    if (option == "--help") {
      std::fputs(help, stdout);
      std::exit(0);
    }
    if (option == "--json") {
      options.json = true;
      continue;
    }
    const auto take = takes().find(option);
    if (take == takes().end()) refuse("option", option, "see --help");
    if (index + 1 == count) refuse(option, "", "a value behind it");
    index += 1;
    take->second(options, words[index]);
  }
  return options;
}
