#include "forward/make_forwarder.h"

namespace idetcd::resolver {

Status check_forwarding(const ForwardOptions& options) {
  return Error{ErrorCode::kInvalidArgument,
               options.rules.front().place + ": this idetcd-resolver was built without it (IDETCD_WITH_FORWARD=OFF)"};
}

Result<std::shared_ptr<Forwarder>> make_forwarder(const ForwardOptions& options, LogSink /*log*/) {
  return check_forwarding(options).error();
}

}  // namespace idetcd::resolver
