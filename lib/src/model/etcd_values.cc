#include <idetcd/etcd.h>

#include <utility>

namespace idetcd {
namespace {

Compare number_compare(std::string key, Compare::Target target, Compare::Op op, std::int64_t number) {
  Compare compare;
  compare.key = std::move(key);
  compare.target = target;
  compare.op = op;
  compare.number = number;
  return compare;
}

}  // namespace

KeyRange KeyRange::prefix(std::string prefix) {
  std::string end = prefix;
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return {std::move(prefix), std::move(end)};
}

Compare Compare::absent(std::string key) {
  return number_compare(std::move(key), Target::kCreateRevision, Op::kEqual, 0);
}

Compare Compare::none_in(KeyRange keys) {
  Compare compare = absent(std::move(keys.begin));
  compare.end = std::move(keys.end);
  return compare;
}

Compare Compare::present(std::string key) {
  return number_compare(std::move(key), Target::kCreateRevision, Op::kNotEqual, 0);
}

Compare Compare::lease_is(std::string key, LeaseId lease) {
  return number_compare(std::move(key), Target::kLease, Op::kEqual, lease);
}

Compare Compare::created_at(std::string key, Revision revision) {
  return number_compare(std::move(key), Target::kCreateRevision, Op::kEqual, revision);
}

Compare Compare::modified_at(std::string key, Revision revision) {
  return number_compare(std::move(key), Target::kModRevision, Op::kEqual, revision);
}

Compare Compare::value_is(std::string key, std::string value) {
  Compare compare;
  compare.key = std::move(key);
  compare.target = Target::kValue;
  compare.text = std::move(value);
  return compare;
}

}  // namespace idetcd
