// DevEtcd: a private, throw-away etcd for trying things out.
#pragma once

#include <idetcd/log.h>
#include <idetcd/result.h>

#include <filesystem>
#include <memory>
#include <string>

namespace idetcd::app {

// Runs the `etcd` of the PATH on free loopback ports with its data in a temporary
// folder, and starts it again, on the same data, should it end. It dies with this
// process, however that ends. Owns one thread. The destructor ends it at once and
// removes the folder.
class DevEtcd {
 public:
  // Returns when it answers, within about ten seconds. kNotFound says which package
  // to install.
  static Result<std::unique_ptr<DevEtcd>> start(LogSink log);
  ~DevEtcd();

  const std::string& endpoint() const noexcept;  // "http://127.0.0.1:PORT"
  const std::filesystem::path& folder() const noexcept;

 private:
  class Impl;
  explicit DevEtcd(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::app
