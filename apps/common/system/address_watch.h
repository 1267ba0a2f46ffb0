// AddressWatch: whether the addresses or routes of this machine have changed (rtnetlink(7)).
#pragma once

#include "common/system/file_descriptor.h"

namespace idetcd::app {

// For one thread. Where the kernel gives no such socket nothing ever changes.
class AddressWatch {
 public:
  AddressWatch();

  // Whether an address came or went since the last call, or the route that addresses are chosen
  // by may be another one. Does not block.
  bool changed();

 private:
  FileDescriptor socket_;
};

}  // namespace idetcd::app
