// Etcd: the six calls of the etcd v3 API that idetcd makes, over small values.
//
// connect() gives the real one, over gRPC. The interface is public so that an
// embedder can fake it or bring its own transport. Semantics are those of the
// etcd v3 API (etcd documentation, "API reference" and "KV API guarantees").
//
// Threads: every member may be called from any thread at any time. The four unary
// calls block until the answer, the deadline or the stop request, whichever is first.
// They return at most about a second after a stop request: so long may the transport be
// finding out why a server hung up on it (is it http or https?).
//
// Callbacks run on the transport's threads, one at a time for each watch. They must
// return soon and not throw, and may call every member that does not block; they may not
// destroy the Etcd or the Watch that calls them.
//
// Fork: gRPC does not survive it. In a child of a process that has called connect() every
// call, connect() too, gives kInvalidArgument at once, on the caller's thread; destroying an
// Etcd of connect()'s or its Watch is harmless. Fork before the first connect(), or exec.
#pragma once

#include <idetcd/export.h>
#include <idetcd/log.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace idetcd {

using Revision = std::int64_t;
using LeaseId = std::int64_t;

// --- values -----------------------------------------------------------------

struct KeyValue {
  std::string key;
  std::string value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
  std::int64_t version = 0;
  LeaseId lease = 0;  // 0: none

  bool operator==(const KeyValue&) const = default;
};

// Which member of which cluster answered, and how new its data is.
struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  Revision revision = 0;
  std::uint64_t raft_term = 0;
};

// One key when `end` is empty, else the keys in [begin, end) in byte order.
struct IDETCD_EXPORT KeyRange {
  std::string begin;
  std::string end;

  static KeyRange one(std::string key) { return {std::move(key), {}}; }
  // All keys that start with `prefix`; precondition: not empty, not all 0xff.
  static KeyRange prefix(std::string prefix);
};

enum class SortBy { kKey, kCreateRevision };  // ascending

struct RangeRequest {
  KeyRange keys;
  Revision revision = 0;   // 0: the newest
  std::int64_t limit = 0;  // 0: no limit
  SortBy sort = SortBy::kKey;
  bool keys_only = false;
  bool count_only = false;
};

struct RangeReply {
  Header header;  // inside a transaction only `revision` is set
  std::vector<KeyValue> kvs;
  std::int64_t count = 0;  // of all keys in the range, whatever `limit` is
  bool more = false;
};

struct PutRequest {
  std::string key;
  std::string value;
  LeaseId lease = 0;
};

struct DeleteRequest {
  KeyRange keys;
};

// `key`'s `target` compared with the number or text: "equal" holds, or not.
struct IDETCD_EXPORT Compare {
  enum class Target { kVersion, kCreateRevision, kModRevision, kLease, kValue };
  enum class Op { kEqual, kGreater, kLess, kNotEqual };

  std::string key;
  Target target = Target::kCreateRevision;
  Op op = Op::kEqual;
  std::int64_t number = 0;  // for every target but kValue
  std::string text;         // for kValue
  std::string end{};        // not empty: every key from `key` up to here; etcd reads all of them

  static Compare absent(std::string key);   // create revision = 0
  static Compare none_in(KeyRange keys);    // likewise, of each: there is none
  static Compare present(std::string key);  // create revision != 0
  static Compare lease_is(std::string key, LeaseId lease);
  static Compare created_at(std::string key, Revision revision);
  static Compare modified_at(std::string key, Revision revision);
  static Compare value_is(std::string key, std::string value);
};

struct Txn;
using Operation = std::variant<RangeRequest, PutRequest, DeleteRequest, std::unique_ptr<Txn>>;

// If every compare holds, `success` in order, else `failure`; one atomic step.
// At most 128 operations (--max-txn-ops) along a path of nested transactions.
struct Txn {
  std::vector<Compare> compares;
  std::vector<Operation> success;
  std::vector<Operation> failure;
};

struct TxnReply;
struct PutReply {};
struct DeleteReply {
  std::int64_t deleted = 0;
};
using OperationReply = std::variant<RangeReply, PutReply, DeleteReply, std::unique_ptr<TxnReply>>;

struct TxnReply {
  Header header;  // revision: of this transaction if it wrote, else the newest; nested: unset
  bool succeeded = false;
  std::vector<OperationReply> replies;  // one per operation of the branch that ran
};

struct LeaseGrantReply {
  Header header;
  LeaseId id = 0;
  std::chrono::seconds ttl{0};  // granted; may be more than was asked for
};

struct KeepAliveReply {
  Header header;
  std::chrono::seconds ttl{0};  // the whole time; 0: the lease does not exist any more
  // Empty: all of `ttl` is left, counted from when the request was sent or later. A number:
  // only so much is; behind etcd's grpc-proxy, which answers with what it was told before.
  std::optional<std::chrono::seconds> left{};
};

struct WatchRequest {
  KeyRange keys;
  Revision start_revision = 0;  // 0: from now on
  // After so much silence the transport makes sure that the watched member still answers: an
  // empty batch says that it does, an Error that it does not. Costs a read. 0: never asked.
  std::chrono::milliseconds prove_every{0};
};

struct Event {
  enum class Type { kPut, kDelete };
  Type type = Type::kPut;
  KeyValue kv;  // for kDelete only key and mod_revision are set
};

struct WatchBatch {
  Header header;
  std::vector<Event> events;  // whole revisions, ascending; empty: the watch is established, or lives
};

struct CallOptions {
  std::chrono::milliseconds timeout{5000};
  std::stop_token stop{};
};

// --- the interface ------------------------------------------------------------

// A live watch; destroying it cancels it. The destructor waits for a running callback;
// when it has returned, none will run again. May outlive the Etcd.
class IDETCD_EXPORT Watch {
 public:
  virtual ~Watch() = default;
};

class IDETCD_EXPORT Etcd {
 public:
  // An Error is the last call: the watch has ended. After kCompacted list again: the history
  // is gone, or too much of it came at once.
  using WatchCallback = std::function<void(Result<WatchBatch>)>;
  using KeepAliveCallback = std::function<void(Result<KeepAliveReply>)>;

  // No unary call may be running. Answers outstanding keep-alives with kCancelled, ends
  // the watches without a call, and waits for running callbacks.
  virtual ~Etcd() = default;

  // After kUnavailable or kDeadlineExceeded a write may have happened or not; the
  // transport never sends one again that may have arrived. The next call tries another
  // endpoint.
  virtual Result<RangeReply> range(const RangeRequest&, const CallOptions&) = 0;
  virtual Result<TxnReply> txn(const Txn&, const CallOptions&) = 0;

  // `id` is chosen by the caller (> 0), so that a repeated grant is recognised:
  // kAlreadyExists then means that the first one arrived.
  virtual Result<LeaseGrantReply> lease_grant(LeaseId id, std::chrono::seconds ttl, const CallOptions&) = 0;
  virtual Status lease_revoke(LeaseId, const CallOptions&) = 0;  // kNotFound: already gone

  // One keep-alive, not a loop: sent at once on a stream that all leases of this
  // Etcd share; `done` is called exactly once, with the answer, or with an Error
  // when the stream broke or `timeout` passed. Does not block.
  virtual void lease_keep_alive(LeaseId, std::chrono::milliseconds timeout, KeepAliveCallback done) = 0;

  // Does not block; the first callback is an empty batch (established) or an Error.
  // Asks etcd to end the watch when its member has no leader.
  virtual std::unique_ptr<Watch> watch(const WatchRequest&, WatchCallback) = 0;
};

// --- the real one -------------------------------------------------------------

struct TlsOptions {
  std::string ca_file{};      // PEM; empty: the system's roots
  std::string cert_file{};    // PEM; with key_file: mutual TLS
  std::string key_file{};     // PEM; both or neither
  std::string server_name{};  // overrides the name that the certificate must carry

  bool operator==(const TlsOptions&) const = default;
};

struct EtcdOptions {
  // "http://host:2379", "https://host:2379" or "host:2379", which is http; 1 to 64 of
  // them, all http or all https. IPv6 literals in brackets.
  std::vector<std::string> endpoints{"http://localhost:2379"};
  TlsOptions tls{};                                 // only with https
  std::string user{};                               // empty: no authentication
  std::string password{};                           // only with a user
  std::chrono::milliseconds connect_timeout{3000};  // 1 ms to 1 h; of signing in, and, up to 2 s, of connecting
  LogSink log{};
};

// What connect() checks, TLS files included, without connecting. kInvalidArgument says
// what is wrong; its `option` is "endpoints", "password", "cacert", "cert" or "key", or
// empty for what only a program can set. Reads files, and starts no thread.
IDETCD_EXPORT Status check(const EtcdOptions& options);

// The errors are check()'s. Does not wait for etcd: one that is away shows as
// kUnavailable on the calls.
IDETCD_EXPORT Result<std::shared_ptr<Etcd>> connect(const EtcdOptions& options);

}  // namespace idetcd
