// Registration: a claim that is kept for as long as the process wants one.
//
// It claims, holds, notices loss, and claims again: the loop that the daemon, the
// command line tool and a worker all need, written once.
#pragma once

#include <idetcd/export.h>
#include <idetcd/slot_claimer.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace idetcd {

// What to do when the claim is lost for good.
enum class OnLost {
  kReclaim,  // claim again, under the same node id: the own slot first, else any
  kStop,     // end the registration
};

// What a claim was when it was taken; a plain value.
struct Ownership {
  SlotId slot = 0;
  std::string name;
  std::string node_id;
  Revision token = 0;
  LeaseId lease = 0;
  std::chrono::seconds ttl{0};
};

// All callbacks run on the registration's one thread, one at a time, in the order
// claimed, lost, claimed, lost, ..., ended. They must not destroy the Registration.
struct RegistrationOptions {
  ClaimOptions claim{};
  OnLost on_lost_do = OnLost::kReclaim;

  std::function<void(const Ownership&)> on_claimed{};      // owned now; also when regained with the same token
  std::function<void(std::string_view reason)> on_lost{};  // not owned any more: stop acting as the owner
  std::function<void(const Error&)> on_ended{};            // for good: kFull, kDuplicateNode, kDenied, kLost ...
};

// Owns one thread. Destroying it, or release(), gives the slot back.
class IDETCD_EXPORT Registration {
 public:
  // Starts to claim and returns at once.
  Registration(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options, Record record);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration();  // bounded by 2 s

  bool held() const noexcept;  // never wrongly true

  // The record of the present claim and of every later one. Blocks while it is written.
  Status update(const Record& record);

  // Ends it: the name is gone from etcd when this returns OK. Blocks, at most 5 s.
  Status release();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd
