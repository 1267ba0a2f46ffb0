// idetcd-resolver: this machine's name, and DNS for all names of the pool.
#include <chrono>
#include <csignal>
#include <exception>
#include <new>
#include <system_error>

#include "common/system/exit_status.h"
#include "config.h"
#include "daemon.h"

namespace app = idetcd::app;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our output that ends does not end us
  try {
    auto config = idetcd::resolver::read_config(argc, argv);
    if (!config) return app::kExitOk;
    return idetcd::resolver::Daemon(std::move(*config)).run();
  } catch (const app::Exit& exit) {
    return app::report_exit("idetcd-resolver", exit);
  } catch (const std::bad_alloc&) {
    return app::report_exit("idetcd-resolver", app::Exit(app::kExitOs, "out of memory; raise its limit (ulimit -v)"));
  } catch (const std::system_error& failure) {
    return app::report_exit("idetcd-resolver", app::Exit(app::kExitOs, failure.what()));
  } catch (const std::exception& failure) {
    return app::report_exit("idetcd-resolver", app::Exit(app::kExitInternal, failure.what()));
  }
}
