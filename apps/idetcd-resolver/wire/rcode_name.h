// What people call a response code.
#pragma once

#include <string_view>

#include "wire/wire.h"

namespace idetcd::resolver {

// As dig prints it; empty for a number that is no Rcode.
constexpr std::string_view rcode_name(Rcode rcode) {
  switch (rcode) {
    case Rcode::kNoError: return "NOERROR";
    case Rcode::kFormErr: return "FORMERR";
    case Rcode::kServFail: return "SERVFAIL";
    case Rcode::kNxDomain: return "NXDOMAIN";
    case Rcode::kNotImp: return "NOTIMP";
    case Rcode::kRefused: return "REFUSED";
    case Rcode::kBadVers: return "BADVERS";
  }
  return {};
}

}  // namespace idetcd::resolver
