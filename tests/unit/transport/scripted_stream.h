// The server's end of one bidirectional stream, in the hands of the test.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support/eventually.h"

namespace idetcd::testing {

template <class Request, class Response>
class ScriptedStream {
 public:
  using Wire = grpc::ServerReaderWriter<Response, Request>;

  // What the service's method does: keeps the stream until the client ends it.
  grpc::Status serve(Wire* wire) {
    {
      const std::lock_guard lock(mutex_);
      wire_ = wire;
      ++opened_;
    }
    for (Request request; wire->Read(&request);) {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    wire_ = nullptr;
    return grpc::Status::OK;
  }

  bool has_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return requests_.size() >= count; });
  }

  bool answer(const Response& response) {
    const std::lock_guard lock(mutex_);
    return wire_ != nullptr && wire_->Write(response);
  }

  std::vector<Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  int opened() {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Request> requests_;
  Wire* wire_ = nullptr;
  int opened_ = 0;
};

}  // namespace idetcd::testing
