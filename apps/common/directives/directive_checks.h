// Checks that the readers of directives share. Every Error's message starts with "FILE:LINE: NAME: ".
#pragma once

#include <idetcd/result.h>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "common/corefile/statement.h"

namespace idetcd::app {

Error wrong_line(const corefile::Line& line, std::string_view text);

Status check_arguments(const corefile::Line& line, std::size_t min, std::size_t max);
Status check_no_block(const corefile::Statement& statement);

Error unknown_property(const corefile::Line& line, std::span<const std::string_view> known);
Error unknown_property(const corefile::Line& line, std::initializer_list<std::string_view> known);

}  // namespace idetcd::app
