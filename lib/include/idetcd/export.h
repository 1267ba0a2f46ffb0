// Everything else in the library is compiled with hidden visibility.
#pragma once

#define IDETCD_EXPORT __attribute__((visibility("default")))
