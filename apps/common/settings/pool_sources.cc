#include "common/settings/pool_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace idetcd::app {
namespace {

// The part of `source` that names pools with `name`.
SettingSource naming(const SettingSource& source, std::string_view name) {
  SettingSource found;
  std::ranges::copy_if(source, std::back_inserter(found),
                       [&](const Assignment& each) { return each.spec->names_pool && each.spec->name == name; });
  return found;
}

// The settings in `source` that are not names of pools.
SettingSource qualities(const SettingSource& source) {
  SettingSource found;
  std::ranges::copy_if(source, std::back_inserter(found),
                       [](const Assignment& each) { return !each.spec->names_pool; });
  return found;
}

// One block with all that counts for it.
struct Draft {
  PoolSettings pool;       // the qualities of its pools
  SettingSource patterns;  // at most one in a file
  SettingSource served;
};

// Whether both set the same: that must be the same in all blocks.
bool same_matter(const SettingSpec& left, const SettingSpec& right) {
  const auto is = [&](const auto& pair) {
    return (left.name == pair.first && right.name == pair.second) ||
           (left.name == pair.second && right.name == pair.first);
  };
  return &left == &right || std::ranges::any_of(kSynonyms, is);
}

void check_agreement(const std::vector<SettingSource>& blocks) {
  SettingSource seen;
  for (const SettingSource& block : blocks) {
    for (const Assignment& now : block) {
      if (now.spec->of_pool()) continue;
      for (const Assignment& before : seen) {
        if (!same_matter(*before.spec, *now.spec)) continue;
        if (before.spec == now.spec && before.arguments == now.arguments) continue;
        refuse(now.origin,
               fmt::format("contradicts {}; this is a setting of the whole server, give it once", before.origin.place));
      }
      seen.push_back(now);
    }
  }
}

// `named` as a pool with the qualities of `like`.
PoolSettings make_pool(Settings& settings, const PoolSettings& like, const Assignment& named) {
  PoolSettings pool = like;
  assign(settings, pool, std::span(&named, 1));
  pool.origins.insert_or_assign("pattern", named.origin);
  return pool;
}

void choose(std::vector<PoolSettings>& pools, const SettingSource& patterns) {
  std::string known;
  for (const PoolSettings& pool : pools) known += fmt::format("{}'{}'", known.empty() ? "" : ", ", pool.pattern);
  for (PoolSettings& pool : pools) pool.claim = false;
  for (const Assignment& chosen : patterns) {
    const auto found = std::ranges::find(pools, chosen.arguments.front(), &PoolSettings::pattern);
    if (found == pools.end()) {
      refuse(chosen.origin, fmt::format("no pool of the file has the pattern \"{}\"; choose among {}",
                                        chosen.arguments.front(), known));
    }
    found->claim = true;
  }
}

// The name for all members of a pool that is only served: there must be one pool to
// which it belongs.
void check_pool_name(const Draft& draft) {
  if (draft.pool.pool_name.empty() || !draft.patterns.empty() || draft.served.size() <= 1) return;
  refuse(draft.pool.origin("pool-name"),
         "several pools are served here; put the one with this name into its own idetcd block");
}

void check_purpose(const Draft& draft) {
  if (!draft.patterns.empty() || !draft.served.empty()) return;
  for (const auto& [setting, origin] : draft.pool.origins) {
    if (origin.in_file) refuse(origin, "this idetcd block names no pool; give it a pattern or serve");
  }
}

std::vector<PoolSettings> claimed_pools(Settings& settings, const std::vector<Draft>& drafts) {
  std::vector<PoolSettings> pools;
  for (const Draft& draft : drafts) {
    for (const Assignment& named : draft.patterns) pools.push_back(make_pool(settings, draft.pool, named));
  }
  return pools;
}

std::vector<PoolSettings> served_pools(Settings& settings, const std::vector<Draft>& drafts) {
  std::vector<PoolSettings> pools;
  for (const Draft& draft : drafts) {
    for (const Assignment& named : draft.served) {
      pools.push_back(make_pool(settings, draft.pool, named));
      if (!draft.patterns.empty()) pools.back().pool_name.clear();
    }
  }
  return pools;
}

}  // namespace

void apply_sources(Settings& settings, const std::vector<SettingSource>& blocks, const SettingSource& environment,
                   const SettingSource& flags, const std::vector<std::size_t>& servers) {
  check_agreement(blocks);
  std::vector<Draft> drafts;
  for (const SettingSource& block : blocks.empty() ? std::vector<SettingSource>(1) : blocks) {
    drafts.push_back({{}, naming(block, "pattern"), naming(block, "serve")});
    if (drafts.size() <= servers.size()) drafts.back().pool.server = servers[drafts.size() - 1];
    for (const SettingSource* source : {&block, &environment, &flags})
      assign(settings, drafts.back().pool, qualities(*source));
  }
  std::size_t in_file = 0;
  for (const Draft& draft : drafts) in_file += draft.patterns.size() + draft.served.size();
  const bool may_choose = in_file > 1;
  const auto override_by = [&](std::string_view name) {
    auto found = naming(flags, name);
    return found.empty() ? naming(environment, name) : found;
  };

  if (const auto served = override_by("serve"); !served.empty()) {
    for (Draft& draft : drafts) draft.served.clear();
    drafts.front().served = served;
  }
  const auto patterns = override_by("pattern");
  if (!patterns.empty() && !may_choose) {
    const auto own = std::ranges::find_if(drafts, [](const Draft& draft) { return !draft.patterns.empty(); });
    (own == drafts.end() ? drafts.front() : *own).patterns = patterns;
  }
  for (const Draft& draft : drafts) {
    check_pool_name(draft);
    if (drafts.size() > 1) check_purpose(draft);
  }

  settings.pools = claimed_pools(settings, drafts);
  std::ranges::move(served_pools(settings, drafts), std::back_inserter(settings.pools));
  if (may_choose && !patterns.empty()) choose(settings.pools, patterns);
  if (settings.pools.empty()) settings.pools.push_back(drafts.front().pool);
}

}  // namespace idetcd::app
