#include "query_log.h"

#include <fmt/format.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <utility>

#include "common/values/rr_types.h"
#include "wire/rcode_name.h"
#include "wire/wire_name.h"

namespace idetcd::resolver {
namespace {

using app::QueryField;
using namespace std::chrono_literals;

constexpr auto kInterval = 50ms;

std::string remote_of(const Ipv6& client) {
  if (const auto ipv4 = from_mapped(client)) return to_string(*ipv4);
  return "[" + to_string(client) + "]";
}

std::string rcode_of(const QueryEntry& entry) {
  const auto name = entry.reply_size == 0 ? std::string_view{} : rcode_name(entry.rcode);
  return std::string(name.empty() ? "-" : name);
}

std::string flags_of(const QueryEntry& entry) {
  if (entry.reply_size == 0) return "-";
  constexpr std::array<std::pair<std::string_view, unsigned>, 8> kFlags{{{"qr", 0x8000},
                                                                         {"aa", 0x0400},
                                                                         {"tc", 0x0200},
                                                                         {"rd", 0x0100},
                                                                         {"ra", 0x0080},
                                                                         {"z", 0x0040},
                                                                         {"ad", 0x0020},
                                                                         {"cd", 0x0010}}};
  const unsigned flags = static_cast<unsigned>(entry.flags[0]) << 8U | entry.flags[1];
  std::string text;
  for (const auto& [name, bit] : kFlags)
    if ((flags & bit) != 0) text += fmt::format("{}{}", text.empty() ? "" : ",", name);
  return text;
}

std::string class_of(std::uint16_t qclass) {
  if (qclass == kClassIn) return "IN";
  return qclass == kClassCh ? "CH" : fmt::format("CLASS{}", qclass);
}

std::string text_of(const QueryEntry& entry, QueryField field) {
  switch (field) {
    case QueryField::kNone: return {};
    case QueryField::kUnknown: return "-";
    case QueryField::kType: return app::rr_type_name(entry.type);
    case QueryField::kName: return to_text(WireName(entry.name).first(entry.name_size));
    case QueryField::kClass: return class_of(entry.qclass);
    case QueryField::kProto: return entry.transport == Transport::kTcp ? "tcp" : "udp";
    case QueryField::kSize: return fmt::format("{}", entry.size);
    case QueryField::kRemote: return remote_of(entry.client);
    case QueryField::kPort: return fmt::format("{}", entry.port);
    case QueryField::kId: return fmt::format("{}", entry.id);
    case QueryField::kOpcode: return "0";
    case QueryField::kDnssecOk: return entry.dnssec_ok ? "true" : "false";
    case QueryField::kBufsize: return fmt::format("{}", entry.bufsize);
    case QueryField::kRcode: return rcode_of(entry);
    case QueryField::kRsize: return fmt::format("{}", entry.reply_size);
    case QueryField::kDuration: return fmt::format("{:.9f}s", std::chrono::duration<double>(entry.duration).count());
    case QueryField::kFlags: return flags_of(entry);
  }
  return {};
}

}  // namespace

std::string to_text(const QueryEntry& entry, const std::vector<app::QueryFormatPiece>& format) {
  std::string text;
  for (const app::QueryFormatPiece& piece : format) text += piece.text + text_of(entry, piece.field);
  return text;
}

QueryLog::QueryLog(std::vector<Source> sources, LogSink log)
    : sources_(std::move(sources)), log_(std::move(log)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

QueryLog::~QueryLog() {
  thread_.request_stop();
  thread_.join();
  drain();
}

void QueryLog::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    drain();
    wake.wait_for(lock, stop, kInterval, [] { return false; });
  }
}

void QueryLog::drain() const {
  for (const Source& source : sources_) {
    for (QueryRing* const ring : source.tap->rings()) {
      for (const QueryEntry* entry = ring->front(); entry != nullptr; ring->pop(), entry = ring->front())
        log_(LogLevel::kInfo, to_text(*entry, source.formats[entry->rule]));
      if (const std::uint64_t lost = ring->take_lost(); lost != 0)
        log_(LogLevel::kWarning, fmt::format("log: {} queries came too fast to be logged", lost));
    }
  }
}

}  // namespace idetcd::resolver
