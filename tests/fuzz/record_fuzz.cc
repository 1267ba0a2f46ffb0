// Whatever parse_record takes, to_json must say again in a form that means the same.
#include <idetcd/record.h>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = idetcd::parse_record({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  if (!idetcd::validate(*record)) std::abort();
  const auto again = idetcd::parse_record(idetcd::to_json(*record));
  if (!again || *again != *record) std::abort();
  return 0;
}
