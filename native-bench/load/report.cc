// JSON by hand: names here need no escaping but for texts that a server sent.
#include "report.h"

#include <cstdio>

#include "link.h"

namespace {

constexpr size_t violationsToldMax = 10;

struct NamedKind {
  uint32_t kind;
  const char* name;
};
constexpr NamedKind namedKinds[] = {
    {kind::granted, "granted"},     {kind::busy, "busy"},           {12, "timedOut"},
    {13, "cancelled"},              {14, "abandoned"},              {kind::released, "released"},
    {kind::notHeld, "notHeld"},     {kind::renewed, "renewed"},     {18, "revoked"},
    {kind::checked, "checked"},     {kind::fault, "fault"},         {31, "moved"},
};

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(byte) < 32 ? ' ' : byte;
  }
  return quoted + '"';
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

double ms(uint64_t ns) { return static_cast<double>(ns) / nsPerMs; }

const char* modeName(Mode mode) {
  switch (mode) {
    case Mode::traffic: return "traffic";
    case Mode::handover: return "handover";
    case Mode::fill: return "fill";
    case Mode::idle: return "idle";
    case Mode::connect: return "connect";
  }
  return "";
}

std::string latencyJson(const Histogram& latency) {
  return "{\"p50\":" + number(ms(latency.quantile(0.50))) + ",\"p95\":" + number(ms(latency.quantile(0.95))) +
         ",\"p99\":" + number(ms(latency.quantile(0.99))) + ",\"p999\":" + number(ms(latency.quantile(0.999))) +
         ",\"max\":" + number(ms(latency.max())) + ",\"mean\":" + number(latency.mean() / nsPerMs) + "}";
}

std::string tallyJson(const NamedTally& phase) {
  const Tally& tally = *phase.tally;
  std::string json = "{\"name\":" + quote(phase.name) + ",\"seconds\":" + number(tally.seconds()) +
                     ",\"operations\":" + std::to_string(tally.latency.count()) +
                     ",\"opsPerSecond\":" + number(tally.opsPerSecond()) +
                     ",\"generatorCpu\":" + number(tally.cpuShare()) + ",\"latencyMs\":" + latencyJson(tally.latency) +
                     ",\"answers\":{";
  const char* comma = "";
  for (const NamedKind& named : namedKinds) {
    if (tally.answers[named.kind] == 0) continue;
    json += comma + quote(named.name) + ":" + std::to_string(tally.answers[named.kind]);
    comma = ",";
  }
  json += "},\"errors\":{";
  comma = "";
  for (const auto& [code, count] : tally.errors) {
    json += comma + quote(code) + ":" + std::to_string(count);
    comma = ",";
  }
  return json + "}}";
}

void printTally(const NamedTally& phase) {
  const Tally& tally = *phase.tally;
  const Histogram& latency = tally.latency;
  std::printf("%-10.*s %10.0f operations/s for %.1f s; generator %.0f %% of a core\n",
              static_cast<int>(phase.name.size()), phase.name.data(), tally.opsPerSecond(), tally.seconds(),
              tally.cpuShare() * 100);
  std::printf("           p50 %.3f  p95 %.3f  p99 %.3f  p99.9 %.3f  max %.3f ms\n", ms(latency.quantile(0.5)),
              ms(latency.quantile(0.95)), ms(latency.quantile(0.99)), ms(latency.quantile(0.999)), ms(latency.max()));
  std::printf("          ");
  for (const NamedKind& named : namedKinds) {
    if (tally.answers[named.kind] > 0) std::printf(" %s %lu", named.name, tally.answers[named.kind]);
  }
  std::printf("\n");
  for (const auto& [code, count] : tally.errors) std::printf("           error %s: %lu\n", code.c_str(), count);
}

}  // namespace

void Violations::add(std::string text) {
  count_ += 1;
  if (first_.size() < violationsToldMax) first_.push_back(std::move(text));
}

void notice(const Options& options, std::string_view reached, const std::vector<Figure>& figures) {
  std::string line = options.json ? "{\"notice\":" + quote(reached) : std::string(reached);
  for (const Figure& figure : figures) {
    line += options.json ? "," + quote(figure.name) + ":" : "  " + std::string(figure.name) + " ";
    line += number(figure.value);
  }
  std::printf("%s%s\n", line.c_str(), options.json ? "}" : "");
  std::fflush(stdout);
}

void printResult(const Options& options, std::string_view server, const std::vector<NamedTally>& phases,
                 const std::vector<Figure>& figures, const Violations& violations) {
  if (options.json) {
    std::string json = std::string("{\"mode\":\"") + modeName(options.mode) + "\",\"server\":" + quote(server) +
                       ",\"connections\":" + std::to_string(options.connections) +
                       ",\"window\":" + std::to_string(options.window) +
                       ",\"rate\":" + std::to_string(options.ratePerSecond);
    for (const Figure& figure : figures) json += "," + quote(figure.name) + ":" + number(figure.value);
    json += ",\"phases\":[";
    for (size_t index = 0; index < phases.size(); index += 1) json += (index > 0 ? "," : "") + tallyJson(phases[index]);
    json += "],\"violations\":" + std::to_string(violations.count()) + ",\"firstViolations\":[";
    for (size_t index = 0; index < violations.first().size(); index += 1) {
      json += (index > 0 ? "," : "") + quote(violations.first()[index]);
    }
    std::printf("%s]}\n", json.c_str());
    return;
  }
  std::printf("%s, %s, %u connections\n", modeName(options.mode), std::string(server).c_str(), options.connections);
  for (const NamedTally& phase : phases) printTally(phase);
  for (const Figure& figure : figures) std::printf("%s %.10g\n", std::string(figure.name).c_str(), figure.value);
  for (const std::string& text : violations.first()) std::printf("BROKEN: %s\n", text.c_str());
  if (violations.count() > 0) std::printf("%lu invariants broken\n", violations.count());
}
