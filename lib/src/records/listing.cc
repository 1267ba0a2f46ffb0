#include "records/listing.h"

#include <optional>
#include <utility>

namespace idetcd::internal {
namespace {

constexpr std::int64_t kPage = 5000;  // keys in one answer, well below gRPC's limit on messages

}  // namespace

Result<Header> visit_keys(Etcd& etcd, KeyRange keys, Revision at, const CallOptions& options,
                          const std::function<void(KeyValue&)>& visit) {
  RangeRequest request{.keys = std::move(keys), .revision = at, .limit = kPage};
  std::optional<Header> first;
  for (bool more = true; more;) {
    auto page = etcd.range(request, options);
    if (!page) return std::move(page).error();
    if (!first) first = page->header;
    if (request.revision == 0) request.revision = first->revision;
    more = page->more && !page->kvs.empty();
    if (more) request.keys.begin = page->kvs.back().key + '\0';
    for (KeyValue& kv : page->kvs) visit(kv);
  }
  return *first;
}

}  // namespace idetcd::internal
