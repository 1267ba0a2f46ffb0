// IDETCD_EXPORT: what the shared library shows. Everything else in it is compiled with
// hidden visibility. Every other header includes this one.
#pragma once

#if __cplusplus < 202002L
#error "idetcd needs C++20: compile with -std=c++20 or later"
#endif

#define IDETCD_EXPORT __attribute__((visibility("default")))
