// CutNetwork: hosts in network namespaces of their own, and a router between them that loses
// packets on order: silently, in one direction or both, as a cut cable does. Linux, root,
// ip(8) of iproute2; nothing outside the namespaces is touched.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "support/etcd_process.h"

namespace idetcd::testing {

// Not thread-safe. Throws std::runtime_error when a namespace cannot be made.
class CutNetwork {
 public:
  static bool possible();  // tried once

  explicit CutNetwork(std::size_t hosts);
  ~CutNetwork();  // the namespaces go, with what is left in them
  CutNetwork(const CutNetwork&) = delete;
  CutNetwork& operator=(const CutNetwork&) = delete;

  // The last host is for the calling thread: it, and the threads and processes that it
  // starts from now on, live there.
  void enter_last() const;

  Place place(std::size_t host) const;
  std::size_t size() const noexcept { return hosts_; }

  // From now on nothing that `from` sends reaches `to`.
  void lose(std::size_t from, std::size_t to);
  void cut(std::size_t one, std::size_t other);  // both ways
  void heal();                                   // everything

 private:
  std::string name(const std::string& what) const;

  const std::size_t hosts_;
  std::vector<std::string> rules_;
};

}  // namespace idetcd::testing
