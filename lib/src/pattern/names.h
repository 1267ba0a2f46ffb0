// All names of a pattern, compact and searchable, and what makes a legal one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::pattern {

// Why `name`, in lower case and with its trailing dot, is not a host name (RFC 1123 2.1,
// with `_` let pass); nothing if it is one.
std::optional<std::string> host_name_fault(std::string_view name);

// Ids are 1..size(). One arena for the names and 8 bytes for each. Immutable once sealed;
// what searches or orders (find, least, greatest) needs it sealed. Never empty then.
class PatternNames {
 public:
  explicit PatternNames(std::size_t expected) { ends_.reserve(expected); }

  // The next id's name, in lower case and with its trailing dot, at most 254 bytes.
  void add(std::string_view name);

  // Sorts. Two ids with one name, if there are such; the names cannot be used then.
  // Precondition: size() > 0.
  struct Twins {
    std::uint32_t first;
    std::uint32_t second;
  };
  [[nodiscard]] std::optional<Twins> seal();

  std::size_t size() const noexcept { return ends_.size(); }

  // Precondition: 1 <= id <= size().
  std::string_view name(std::uint32_t id) const noexcept;

  // Without case, the trailing dot optional.
  std::optional<std::uint32_t> find(std::string_view name) const noexcept;

  // In byte order.
  std::string_view least() const noexcept { return name(order_.front()); }
  std::string_view greatest() const noexcept { return name(order_.back()); }

  // The longest suffix of whole labels that all names share; "." if there is none.
  std::string_view common_suffix() const noexcept;

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;   // of the id's name in bytes_
  std::vector<std::uint32_t> order_;  // ids by name
};

}  // namespace idetcd::pattern
