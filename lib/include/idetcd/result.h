// Result<T>: a value or an Error. Nothing of ours throws across the API except
// std::bad_alloc; a call that can fail returns a Result, and the compiler warns
// when one is dropped. Member names follow std::expected (C++23).
#pragma once

#include <idetcd/export.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace idetcd {

// Why a call failed; a closed set, so that a caller can switch over it.
enum class ErrorCode {
  kInvalidArgument,    // the caller's input is wrong; trying again cannot help
  kNotFound,           // the lease, key or name does not exist
  kAlreadyExists,      // the lease id is already granted
  kFull,               // every slot of the pool is taken
  kDuplicateNode,      // another live process uses the same node id
  kLost,               // the claim is no longer ours
  kCancelled,          // the caller's stop token asked for it
  kDeadlineExceeded,   // no answer in time; a write may have happened or not
  kUnavailable,        // etcd cannot be reached now; a write may have happened or not
  kUntrusted,          // TLS could not be agreed with this endpoint
  kDenied,             // wrong user, password or permission
  kCompacted,          // the asked revision is gone; list again
  kTooManyOperations,  // etcd's --max-txn-ops is smaller than the transaction
  kNoSpace,            // etcd's database is full (NOSPACE alarm): reads and revokes still work
  kExhausted,          // this process can have no more threads; raise the limit (ulimit -u, pids.max)
  kInternal,           // an answer that does not fit the protocol
};

// The constant's name without its k, in snake case: "deadline_exceeded".
IDETCD_EXPORT std::string_view to_string(ErrorCode code) noexcept;

struct Error {
  ErrorCode code;
  std::string message;   // names the thing that is wrong and what to do about it
  std::string option{};  // the option it is about, as in a Corefile ("ttl", "node-id"); empty: none

  bool operator==(const Error&) const = default;
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Precondition of value(), * and ->: has_value().
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Precondition: !has_value().
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  T value_or(T fallback) const& { return has_value() ? value() : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const noexcept {}
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace idetcd
