// DevEtcd: a private, temporary etcd for trying things out.
#pragma once

#include <idetcd/log.h>
#include <idetcd/result.h>

#include <filesystem>
#include <memory>
#include <string>

namespace idetcd::app {

// Runs the `etcd` of the PATH on free loopback ports with its data in a temporary
// directory, and restarts it on the same data and ports if it exits. It is killed when
// this process ends, however that ends. Owns one thread, on which `log` is called. The
// destructor kills etcd and removes the directory.
class DevEtcd {
 public:
  // Blocks until etcd accepts connections: at most 15 s, three times if it exits because
  // a port was taken. kNotFound names the package to install; kUnavailable quotes the last
  // line of etcd's log. Throws Exit as free_loopback_ports().
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
