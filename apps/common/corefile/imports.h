// The files that an import names.
#pragma once

#include <idetcd/result.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app::corefile {

inline constexpr std::size_t kMaxFileBytes = 1024 * 1024;

// The files whose path matches `pattern`, which is relative to the folder of the file `from`.
// As in CoreDNS one * and one ? may be in it, and no [...]; neither matches a slash. In order
// of their names; none if it has a wildcard that nothing matches. An Error's message has no place.
Result<std::vector<std::string>> find_imports(std::string_view pattern, std::string_view from);

// The text of a regular file (or a pipe) of at most kMaxFileBytes. An Error's message says why not.
Result<std::string> read_text_file(const std::string& path);

}  // namespace idetcd::app::corefile
