// Whether output may be coloured.
#pragma once

namespace idetcd::app {

// `fd` is a terminal that can show colours, and nobody asked for none (NO_COLOR, see no-color.org).
bool shows_colours(int fd) noexcept;

}  // namespace idetcd::app
