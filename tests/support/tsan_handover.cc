// For the thread sanitizer's build alone: shows it how gRPC hands work from one thread
// to the next. gRPC and Abseil are not instrumented, so without this every callback
// seems to race with whoever started the call.
//
// We stand before three functions of gRPC's C core, by the dynamic linker's rules: what
// happened before an operation was started happens before its completion is seen.
#include <dlfcn.h>
#include <grpc/grpc.h>

extern "C" {
void __tsan_release(void* address);  // of the sanitizer's run time
void __tsan_acquire(void* address);
}

namespace {

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* operations, size_t count, void* tag,
                                      void* reserved) {
  static auto* const next = real<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
  __tsan_release(tag);
  return next(call, operations, count, tag, reserved);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved) {
  static auto* const next = real<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
  const auto event = next(queue, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline, void* reserved) {
  static auto* const next = real<decltype(grpc_completion_queue_pluck)>("grpc_completion_queue_pluck");
  const auto event = next(queue, tag, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(tag);
  return event;
}

}  // extern "C"
#pragma GCC visibility pop
